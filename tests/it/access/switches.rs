//! What the operator switched off is off on every surface.

use executor_hub::http::routes::Needs;
use http::Method;
use serde_json::json;

use super::{hub_with, person};
use crate::support::package::{md5, package};

#[tokio::test]
async fn without_anonymous_pushes_every_surface_asks_to_sign_in_and_keeps_nothing() {
    let hub = hub_with(&["auth.anonymous_push=false"]).await;
    let zip = package("Hello").zip();
    let digest = md5(&zip);
    for route in executor_hub::http::table(&hub.app) {
        if route.needs != Needs::NewExecutor {
            continue;
        }
        let method: Method = route.verb.as_str().parse().unwrap();
        let fields = [("md5sum", digest.as_str()), ("secret", "long-enough")];
        let answer = hub.anonymous().push_to(method, &route.path, &fields, &zip).await;
        assert_eq!(answer.status, 401, "{}: {}", route.path, String::from_utf8_lossy(&answer.body));
    }
    assert_eq!((hub.count("executors").await, hub.stored_files().len()), (0, 0));
    let (alice, _) = person(&hub, "alice").await;
    assert_eq!(alice.push("executor.push", &[], &package("Hello")).await.status, 200);
}

#[tokio::test]
async fn a_sign_in_only_hub_shows_strangers_nothing_by_any_way() {
    let hub = hub_with(&["auth.sign_in_required=true"]).await;
    let (alice, _) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    alice.push("executor.create", &[("secret", "open-sesame")], &package("Opened")).await;
    let stranger = hub.anonymous();
    for (path, status) in [
        ("/api/v1/executors", 401),
        ("/api/v1/executors?sort=recent&limit=1", 401),
        ("/v2/rpc/executor.list", 401),
        ("/v2/rpc/executor.list?search=Opened", 401),
        ("/v2/rpc/executor.getPackage?id=Opened", 404),
        ("/v2/rpc/executor.getMeta?id=alice/Opened", 404),
        ("/v1/executors/Opened/", 404),
        ("/v1/executors/alice%2FOpened", 404),
        ("/v2/rpc/executor.listAsyncTasks?id=Opened", 401),
    ] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", String::from_utf8_lossy(&answer.body));
        let missing = stranger.get(&path.replace("Opened", "Absent")).await;
        let text = |answer: &crate::support::client::Answer| {
            let id = answer.headers["x-request-id"].to_str().unwrap().to_owned();
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            body.replace(&id, "ID").replace("Opened", "NAME").replace("Absent", "NAME")
        };
        assert_eq!(text(&answer), text(&missing), "{path}");
        if !path.contains("Tasks") {
            assert_eq!(bob.get(path).await.status, 200, "{path}");
        }
    }
    let new = stranger.push("executor.create", &[], &package("Another")).await;
    assert_eq!(new.status, 401, "nobody pushes without an account where nobody reads without one");
    for health in ["/livez", "/readyz", "/ping", "/sign-in"] {
        assert!(stranger.get(health).await.status.as_u16() < 400, "{health}");
    }
    let pulled = bob.rpc("executor.getPackage", json!({"id": "alice/Opened"})).await.json();
    let address = pulled["data"]["package"]["download"].as_str().unwrap();
    assert_eq!(stranger.get(address).await.status, 200, "the address is the permission");
    hub.app.auth().disable_user("bob").await.unwrap();
    assert_eq!(stranger.get(address).await.status, 404, "for as long as whoever got it may read");
    let asked = json!({"id": "alice/Opened", "secret": "open-sesame"});
    assert_eq!(stranger.rpc("executor.getPackage", asked).await.status, 200);
}
