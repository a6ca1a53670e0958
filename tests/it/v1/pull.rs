//! Pulls by the REST of jina 2.x: a bare object, or a text.

use http::Method;
use serde_json::Value;

use super::push;
use crate::support::{
    hub::{TestHub, Wanted},
    package::{md5, package},
};

#[tokio::test]
async fn the_answer_holds_every_field_that_these_clients_need() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    push(&client, Method::POST, &[("tags", "v1")], &package("Hello")).await;
    let answer = client.get("/v1/executors/Hello/").await;
    assert_eq!(answer.status, 200);
    let object = answer.json();
    for mandatory in ["id", "name", "alias", "visibility", "tag", "image"] {
        assert!(object[mandatory].as_str().is_some_and(|text| !text.is_empty()), "{mandatory}: {object}");
    }
    assert_eq!(object["tag"], "v1", "nothing is tagged latest, so it is the one pushed last");
    let download = client.get(object["package"]["download"].as_str().unwrap()).await;
    assert_eq!(object["package"]["md5"], md5(&download.body));

    let by_id = format!("/v1/executors/{}?tag=v1", object["id"].as_str().unwrap());
    assert_eq!(client.get(&by_id).await.json()["sn"], object["sn"]);
}

#[tokio::test]
async fn the_serial_number_grows_with_each_push() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    let numbers = async |answer: Value| answer["sn"].as_i64().unwrap();
    let fields = [("secret", "chosen-one")];
    push(&client, Method::POST, &fields, &package("Hello")).await;
    let first = numbers(client.get("/v1/executors/Hello/").await.json()).await;
    let fields = [("force", "Hello"), ("secret", "chosen-one")];
    push(&client, Method::PUT, &fields, &package("Hello").with("README.md", "# Changed\n")).await;
    let second = numbers(client.get("/v1/executors/Hello/").await.json()).await;
    assert!(second > first, "{first} {second}");
}

#[tokio::test]
async fn an_error_is_a_sentence_because_the_body_is_shown_as_it_is() {
    let hub = TestHub::start().await;
    let client = hub.anonymous();
    push(&client, Method::POST, &[("private", "True"), ("secret", "chosen-one")], &package("Hidden")).await;
    let mut texts = Vec::new();
    for path in ["Hidden/?", "Hidden/?secret=wrong", "Nothing/?secret=wrong", "Nothing/", "a%20b/"] {
        let answer = client.get(&format!("/v1/executors/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(text.starts_with("No such executor: "), "{text}");
        texts.push(text.replace("Hidden", "Nothing"));
    }
    assert_eq!(texts[0], texts[3], "one that is hidden looks like one that never was");
    assert_eq!(client.get("/v1/executors/Hidden/?secret=chosen-one").await.json()["name"], "Hidden");
}

#[tokio::test]
async fn an_image_is_named_even_where_none_is_built() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let client = hub.anonymous();
    push(&client, Method::POST, &[], &package("Hello")).await;
    assert!(client.get("/v1/executors/Hello/").await.json()["image"].is_string());
}
