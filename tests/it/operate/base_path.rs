//! Does everything work below a path, as behind a proxy that serves other things too?

use http::Method;
use serde_json::json;

use crate::support::{
    hub::{TestHub, Wanted},
    package::package,
};

async fn hub() -> TestHub {
    TestHub::start_with(Wanted { base: "/tools/hub", ..Wanted::default() }).await
}

#[tokio::test]
async fn every_surface_answers_below_the_path_and_without_it() {
    let hub = hub().await;
    for path in ["/livez", "/", "/help/push", "/api/v1/executors", "/v2/.well-known/jwks.json"] {
        for base in ["/tools/hub", "", "//tools//hub"] {
            assert_eq!(hub.anonymous().get(&format!("{base}{path}")).await.status, 200, "{base}{path}");
        }
    }
    assert_eq!(hub.anonymous().get("/tools/hub").await.status, 200);
    assert_eq!(hub.anonymous().get("/tools/hubble/livez").await.status, 404, "it only begins like it");
}

#[tokio::test]
async fn links_cookies_and_redirections_stay_below_the_path() {
    let hub = hub().await;
    let page = hub.anonymous().get("/tools/hub/sign-in").await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    for attribute in ["href=\"/", "action=\"/", "src=\"/"] {
        for at in text.match_indices(attribute).map(|(at, _)| at + attribute.len() - 1) {
            assert!(text[at..].starts_with("/tools/hub/"), "{}", &text[at..at + 40]);
        }
    }
    let cookie = page.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("Path=/tools/hub/;"), "{cookie}");
    let style = text.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(hub.anonymous().get(style).await.status, 200, "{style}");
    let sent = hub.anonymous().get("/tools/hub/account/tokens").await;
    let location = sent.headers["location"].to_str().unwrap();
    assert!(location.starts_with("/tools/hub/sign-in?next="), "{location}");
}

#[tokio::test]
async fn clients_push_and_pull_below_the_path_and_old_ones_without_it() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let pushed = alice.push("executor.create", &[], &package("Hello")).await;
    assert_eq!(pushed.last_line()["type"], "complete");
    let headers = [("content-type", "application/json")];
    let asked = json!({"id": "alice/Hello"}).to_string().into_bytes();
    let pulled =
        alice.send(Method::POST, "/tools/hub/v2/rpc/executor.getPackage", &headers, asked).await.json();
    let address = pulled["data"]["package"]["download"].as_str().unwrap();
    assert!(address.starts_with(&format!("{}/tools/hub/packages/", hub.url)), "{address}");
    assert_eq!(hub.anonymous().get(address).await.status, 200);
}
