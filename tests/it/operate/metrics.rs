//! Do the figures count what happens, for those who may know and for nobody else?

use executor_hub::{
    http::{observation_router, server},
    telemetry::metrics::{Kind, METRICS},
};
use serde_json::json;

use super::admin;
use crate::support::{
    client::Client,
    hub::{TestHub, Wanted},
    package::package,
};

/// The value of a series, written as Prometheus does.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[tokio::test]
async fn strangers_and_members_do_not_read_figures() {
    let hub = TestHub::start().await;
    assert_eq!(hub.anonymous().get("/metrics").await.status, 401);
    assert_eq!(hub.person("alice").await.get("/metrics").await.status, 403);
    assert_eq!(hub.anonymous().with_token("").get("/metrics").await.status, 401, "an empty token is none");
    let answer = admin(&hub).await.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
}

#[tokio::test]
async fn the_token_of_the_settings_reads_figures_and_nothing_else() {
    let set = vec!["server.metrics_token=prometheus-4711"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let prometheus = hub.anonymous().with_token("prometheus-4711");
    assert_eq!(prometheus.get("/metrics").await.status, 200);
    assert!(prometheus.get("/readyz?verbose").await.json()["checks"].is_array());
    assert_eq!(hub.anonymous().with_token("prometheus-4712").get("/metrics").await.status, 401);
    assert_eq!(prometheus.get("/api/v1/me").await.status, 401);
}

#[tokio::test]
async fn what_happens_is_counted() {
    let hub = TestHub::start().await;
    let prometheus = admin(&hub).await;
    let alice = hub.person("alice").await;
    let pushed = alice.push("executor.create", &[], &package("Hello")).await;
    assert_eq!(pushed.last_line()["type"], "complete");
    let pulled = alice.rpc("executor.getPackage", json!({"id": "alice/Hello"})).await;
    assert_eq!(pulled.status, 200);
    let wrong = json!({"username": "alice", "password": "no such password"});
    hub.anonymous().rpc("user.identity.passwordLogin", wrong).await;
    hub.anonymous().with_token("ehub_s_nobody").get("/api/v1/me").await;
    hub.anonymous().get("/no/such/place/4711").await;
    let text = String::from_utf8(prometheus.get("/metrics").await.body.to_vec()).unwrap();
    let at_least_one = [
        r#"hub_pushes_total{outcome="accepted"}"#,
        "hub_pulls_total",
        r#"hub_builds_total{outcome="succeeded",class=""}"#,
        r#"hub_build_duration_seconds_count{outcome="succeeded"}"#,
        r#"hub_auth_failures_total{reason="token"}"#,
        r#"hub_http_requests_total{route="none",method="GET",code="404"}"#,
        "hub_ready",
        "hub_engine_up",
        "hub_database_up",
        "hub_storage_up",
        r#"hub_storage_bytes{kind="package"}"#,
        "hub_storage_free_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
    ];
    for series in at_least_one {
        assert!(value(&text, series).is_some_and(|value| value > 0.0), "{series} in\n{text}");
    }
    assert_eq!(value(&text, r#"hub_build_queue_length{state="pending"}"#), Some(0.0));
    assert!(value(&text, "hub_database_connections_max").unwrap() >= 2.0);
    for personal in ["alice", "Hello", "4711"] {
        assert!(!text.contains(personal), "{personal} in\n{text}");
    }
}

#[tokio::test]
async fn a_listener_for_operators_tells_all_without_a_token() {
    let hub = TestHub::start().await;
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let bounds = server::Bounds::of(&hub.app.settings().server);
    tokio::spawn(server::serve(listener, observation_router(hub.app.clone()), bounds, hub.app.stopping()));
    let operator = Client::new(&url);
    let text = String::from_utf8(operator.get("/metrics").await.body.to_vec()).unwrap();
    assert_eq!(value(&text, "hub_ready"), Some(1.0));
    assert!(operator.get("/readyz").await.json()["checks"].is_array());
    assert_eq!(operator.get("/").await.status, 404, "nothing else is served there");
}

#[tokio::test]
async fn every_published_figure_is_in_the_list_with_its_kind() {
    let hub = TestHub::start().await;
    let text = String::from_utf8(admin(&hub).await.get("/metrics").await.body.to_vec()).unwrap();
    let mut known = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        let metric = METRICS.iter().find(|metric| metric.name == name).expect(name);
        let expected = match metric.kind {
            Kind::Counter | Kind::Total => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        assert_eq!(kind, expected, "{name}");
        known += 1;
    }
    assert!(known > 10, "{text}");
}
