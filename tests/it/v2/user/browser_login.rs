//! `user.identity.proxiedAuthorize`, the page that it sends the browser to, and `grant.auto`.

use std::sync::Arc;

use executor_hub::{
    app::App,
    domain::SystemClock,
    http::{router, server},
    inspect::PythonParser,
};
use serde_json::{Value, json};

use super::{PASSWORD, person_with_password};
use crate::support::{
    browser::{Browser, Page},
    hub::TestHub,
    lines::Lines,
};

/// A program that waits, and the page for its person.
async fn waiting(url: &str) -> (Lines, String) {
    let agent = [("user-agent", "python-requests/2.31")];
    let path = format!("{url}/v2/rpc/user.identity.proxiedAuthorize?prompt=login");
    let mut lines = Lines::get(&path, &agent).await;
    let first = lines.next().await.unwrap();
    assert_eq!(first["event"], "redirect");
    let page = first["data"]["redirectTo"].as_str().unwrap().to_owned();
    (lines, page)
}

/// Signs in on the page that a program sent the browser to; what it asks then.
async fn asked(browser: &mut Browser, page: &str, login: &str) -> Page {
    let form = browser.open(page).await;
    browser.submit(&form, "/sign-in", &[("login", login), ("password", PASSWORD)]).await
}

async fn exchange(hub: &TestHub, grant: &Value) -> Value {
    hub.anonymous().rpc("user.identity.grant.auto", grant.clone()).await.json()
}

#[tokio::test]
async fn a_program_is_signed_in_by_its_persons_browser() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let (mut lines, page) = waiting(&hub.url).await;
    let mut browser = Browser::new(&hub.url);
    let question = asked(&mut browser, &page, "alice").await;
    assert!(question.text().contains("as alice?") && question.text().contains("python-requests/2.31"));
    assert!(!question.text().contains("another computer"), "{}", question.text());
    let done = browser.submit(&question, "/sign-in/device", &[("decision", "allow")]).await;
    assert_eq!(done.status(), 200);
    let event = lines.next().await.unwrap();
    assert_eq!(event["event"], "authorize");
    assert_eq!(lines.next().await, None, "clients act only after the end");
    let granted = exchange(&hub, &event["data"]).await;
    assert_eq!(granted["data"]["user"]["nickname"], "alice");
    let token = granted["data"]["token"].as_str().unwrap();
    let who = hub.anonymous().with_token(token).rpc("user.identity.whoami", json!({})).await.json();
    assert_eq!(who["data"]["name"], "alice");
    assert_eq!(exchange(&hub, &event["data"]).await["status"], 40103, "good once");
}

#[tokio::test]
async fn of_many_exchanges_at_once_one_gets_the_token() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let (mut lines, page) = waiting(&hub.url).await;
    let mut browser = Browser::new(&hub.url);
    let question = asked(&mut browser, &page, "alice").await;
    browser.submit(&question, "/sign-in/device", &[("decision", "allow")]).await;
    let grant = lines.next().await.unwrap()["data"].clone();
    let tries = futures_util::future::join_all((0..64).map(|_| exchange(&hub, &grant))).await;
    assert_eq!(tries.iter().filter(|answer| answer["code"] == 200).count(), 1);
}

#[tokio::test]
async fn every_step_may_be_on_another_replica() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let other = App::new(
        hub.app.settings().clone(),
        hub.app.store().clone(),
        Arc::new(SystemClock),
        PythonParser::InProcess,
    )
    .unwrap();
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let patience = std::time::Duration::from_secs(10);
    let bounds = server::Bounds {
        read_timeout: patience,
        grace: patience,
        ..server::Bounds::of(&other.settings().server)
    };
    let serving = server::serve(listener, router(&other), bounds, hub.app.stopping());
    tokio::spawn(serving);
    let (mut lines, page) = waiting(&url).await;
    let page = page.strip_prefix(&hub.url).unwrap().to_owned();
    let mut browser = Browser::new(&hub.url);
    let question = asked(&mut browser, &page, "alice").await;
    browser.submit(&question, "/sign-in/device", &[("decision", "allow")]).await;
    let grant = lines.next().await.unwrap()["data"].clone();
    assert_eq!(exchange(&hub, &grant).await["code"], 200);
}

#[tokio::test]
async fn whoever_has_only_the_link_gets_nothing() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let (_lines, page) = waiting(&hub.url).await;
    let word = page.split_once("device=").unwrap().1.to_owned();
    let mut browser = Browser::new(&hub.url);
    let question = asked(&mut browser, &page, "alice").await;
    browser.submit(&question, "/sign-in/device", &[("decision", "allow")]).await;
    for grant in [json!({"code": word, "state": word}), json!({"code": word}), json!({})] {
        assert_ne!(exchange(&hub, &grant).await["code"], 200, "{grant}");
    }
}

#[tokio::test]
async fn a_code_without_its_state_or_before_the_decision_is_worth_nothing() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let user = hub.app.auth().find_user("alice").await.unwrap();
    let (link, grant) = hub.app.auth().start_device_sign_in("test", [127, 0, 0, 1].into()).await.unwrap();
    let (code, state) = (grant.code.expose(), grant.state.expose());
    assert_eq!(exchange(&hub, &json!({"code": code, "state": state})).await["status"], 40103);
    let decision = executor_hub::auth::device::Decision::Allow(&user);
    hub.app.auth().decide_device_sign_in(&link, decision).await.unwrap();
    assert_eq!(exchange(&hub, &json!({"code": code, "state": "x"})).await["status"], 40103);
    // Other programs ask by GET.
    let path = format!("/v2/rpc/user.identity.grant.auto?code={code}&state={state}");
    assert_eq!(hub.anonymous().get(&path).await.json()["code"], 200);
}

#[tokio::test]
async fn a_refused_program_is_told_so() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let (mut lines, page) = waiting(&hub.url).await;
    let mut browser = Browser::new(&hub.url);
    let question = asked(&mut browser, &page, "alice").await;
    browser.submit(&question, "/sign-in/device", &[("decision", "refuse")]).await;
    let event = lines.next().await.unwrap();
    assert_eq!((&event["event"], lines.next().await), (&json!("error"), None));
    assert!(event["data"].as_str().unwrap().contains("refused"));
    let late = browser.open(&page).await;
    assert_eq!(late.status(), 404, "of two decisions the first counts");
}

#[tokio::test]
async fn a_program_that_nobody_lets_in_is_told_so_in_the_end() {
    let hub = TestHub::start().await;
    let (mut lines, page) = waiting(&hub.url).await;
    sqlx::query("UPDATE device_sign_ins SET expires_at = now()").execute(&hub.pool).await.unwrap();
    let event = lines.next().await.unwrap();
    assert_eq!((&event["event"], lines.next().await), (&json!("error"), None));
    hub.session("alice").await;
    assert_eq!(Browser::new(&hub.url).open(&page).await.status(), 404);
}

#[tokio::test]
async fn the_page_warns_when_the_program_runs_on_another_computer() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let (link, _) = hub.app.auth().start_device_sign_in("<b>evil</b>", [192, 0, 2, 66].into()).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    let page = browser.open(&format!("/sign-in?device={}", link.expose())).await;
    let text = page.text();
    assert!(text.contains("another computer") && text.contains("192.0.2.66"), "{text}");
    assert!(!text.contains("<b>evil"), "{text}");
}

#[tokio::test]
async fn too_many_programs_of_one_address_are_refused_in_words_that_clients_read() {
    let hub = TestHub::start().await;
    for _ in 0..20 {
        hub.app.auth().start_device_sign_in("test", [127, 0, 0, 1].into()).await.unwrap();
    }
    let answer = hub.anonymous().get("/v2/rpc/user.identity.proxiedAuthorize").await;
    let lines = answer.lines();
    assert_eq!((lines.len(), &lines[0]["event"]), (1, &json!("error")));
    assert!(lines[0]["data"].as_str().unwrap().contains("Try again"));
}

#[tokio::test]
async fn the_oldest_sdk_gets_its_code_by_the_browser_and_on_the_same_computer_only() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let method = "/v2/rpc/user.identity.authorize?provider=jina-login&redirectUri=";
    for bad in ["https://evil.example", "http://localhost:1@evil.example", ""] {
        assert_eq!(hub.anonymous().get(&format!("{method}{bad}")).await.json()["status"], 40001, "{bad}");
    }
    let answer = hub.anonymous().get(&format!("{method}http://localhost:8085")).await.json();
    let page = answer["data"]["redirectTo"].as_str().unwrap();
    let mut browser = Browser::new(&hub.url);
    let question = asked(&mut browser, page, "alice").await;
    let handing_over = browser.submit(&question, "/sign-in/device", &[("decision", "allow")]).await;
    let policy = handing_over.answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action 'self' http://localhost:8085;"), "{policy}");
    assert!(handing_over.text().contains("action=\"http://localhost:8085\""));
    let fields: serde_json::Map<String, Value> =
        handing_over.hidden(0).into_iter().map(|(name, value)| (name, json!(value))).collect();
    let granted = hub.anonymous().rpc("user.identity.grant.auth0Unified", Value::Object(fields)).await.json();
    assert!(granted["data"]["token"].is_string(), "{granted}");
}

#[tokio::test]
async fn somebody_disabled_meanwhile_gets_no_token() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let (mut lines, page) = waiting(&hub.url).await;
    let mut browser = Browser::new(&hub.url);
    let question = asked(&mut browser, &page, "alice").await;
    browser.submit(&question, "/sign-in/device", &[("decision", "allow")]).await;
    let grant = lines.next().await.unwrap()["data"].clone();
    hub.app.auth().disable_user("alice").await.unwrap();
    hub.app.auth().enable_user("alice").await.unwrap();
    assert_eq!(exchange(&hub, &grant).await["status"], 40103);
}
