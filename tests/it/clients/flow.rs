//! Does a Flow, the way most people use an Executor, load one from the Hub and answer?

use serde_json::json;

use crate::support::{
    package::{Package, package},
    real_client::Person,
    server::Installation,
};

const JINA: &str = "jina-3.34.0";

/// The Executor of the README's first push.
fn example() -> Package {
    package("Hello").with("executor.py", include_str!("../../../examples/hello/executor.py"))
}

#[tokio::test]
async fn a_flow_answers_with_executors_from_the_hub_by_both_kinds_of_address() {
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let token = installation.person("alice");
    let alice = server.anonymous().with_token(&token);
    let fields = [("id", "Hello"), ("private", "True")];
    assert_eq!(alice.push("executor.push", &fields, &example()).await.last_line()["type"], "complete");
    let owned = Person::new(JINA, &server.url).with_token(&token);
    let answered = owned.run(&["flow", "jinaai://alice/Hello", "world"]).await;
    assert_eq!(answered.result(), &json!("Hello, world"));

    let fields = [("private", "True"), ("secret", "open-sesame")];
    let pushed = server.anonymous().push("executor.create", &fields, &example()).await.last_line();
    assert_eq!(pushed["type"], "complete");
    let stranger = Person::new(JINA, &server.url);
    let id = pushed["payload"]["id"].as_str().unwrap();
    let answered = stranger.run(&["flow", &format!("jinahub://{id}:open-sesame/latest"), "again"]).await;
    assert_eq!(answered.result(), &json!("Hello, again"));
    let refused = stranger.run(&["flow", "jinaai://alice/Hello", "world"]).await;
    assert!(refused.error().contains("No such executor: alice/Hello"), "{}", refused.text);
}
