//! `dockerRegistry.listInternalRegistries`.

use serde_json::json;

use crate::support::hub::{TestHub, Wanted};

#[tokio::test]
async fn the_registry_is_the_hub_itself_unless_the_operator_says_otherwise() {
    let hub = TestHub::start().await;
    let method = "dockerRegistry.listInternalRegistries";
    let own = hub.anonymous().rpc(method, json!({})).await.json();
    assert_eq!(own["data"], json!([hub.url.strip_prefix("http://").unwrap()]));
    let set = vec!["server.image_registries=registry.example.com:5000"];
    let other = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let said = other.anonymous().rpc(method, json!({})).await.json();
    assert_eq!(said["data"], json!(["registry.example.com:5000"]));
}
