//! `user.identity.whoami` and how callers are told apart.

use serde_json::json;

use crate::support::hub::TestHub;

#[tokio::test]
async fn a_token_tells_who_its_owner_is_by_every_spelling_of_the_method() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for path in ["/v2/rpc/user.identity.whoami", "/v2/user/identity/whoami", "//v2/rpc/user.identity.whoami"]
    {
        let answer = alice.send(http::Method::POST, path, &[], Vec::new()).await;
        assert_eq!(answer.status, 200, "{path}");
        let data = &answer.json()["data"];
        assert_eq!((&data["name"], &data["nickname"]), (&json!("alice"), &json!("alice")), "{path}");
    }
}

#[tokio::test]
async fn missing_and_bad_tokens_are_both_401_and_40103() {
    let hub = TestHub::start().await;
    for client in
        [hub.anonymous(), hub.anonymous().with_token("ehub_nobody"), hub.anonymous().with_token("None")]
    {
        let answer = client.rpc("user.identity.whoami", json!({})).await;
        let body = answer.json();
        assert_eq!(
            (answer.status.as_u16(), &body["status"], &body["code"]),
            (401, &json!(40103), &json!(401))
        );
        assert!(body["requestId"].is_string() && !body["readableMessage"].as_str().unwrap().is_empty());
    }
}
