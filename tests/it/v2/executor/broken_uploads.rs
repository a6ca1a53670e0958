//! Uploads that are refused: each with its own text, and nothing left behind.

use serde_json::{Value, json};

use crate::support::{
    client::Answer,
    hub::{TestHub, Wanted},
    package::{md5, package},
};

async fn assert_nothing_is_left(hub: &TestHub) {
    for table in ["executors", "commits", "tags", "tasks", "task_events"] {
        assert_eq!(hub.count(table).await, 0, "{table}");
    }
    assert_eq!(hub.stored_files(), Vec::<String>::new());
}

/// The text that every generation finds: in the stream line, in its payload, and in the body.
fn text(answer: &Answer) -> (u16, Value, String) {
    let line = answer.last_line();
    let text = line["message"].as_str().unwrap().to_owned();
    assert!(text.len() > 20, "{text}");
    assert_eq!(line["type"], "error");
    assert_eq!(line["readableMessage"], json!(text));
    assert_eq!(line["payload"]["readableMessage"], json!(text));
    assert!(line["payload"]["message"].is_string() && line["requestId"].is_string());
    (answer.status.as_u16(), line["errorCode"].clone(), text)
}

#[tokio::test]
async fn what_is_no_zip_is_refused() {
    let hub = TestHub::start().await;
    let bytes = b"this is no zip".repeat(100);
    let digest = md5(&bytes);
    let answer = hub.anonymous().push_bytes("executor.create", &[("md5sum", &digest)], &bytes).await;
    let (status, _, text) = text(&answer);
    assert_eq!(status, 422);
    assert!(text.contains("zip"), "{text}");
    assert_nothing_is_left(&hub).await;
}

#[tokio::test]
async fn a_damaged_upload_is_refused_by_its_md5() {
    let hub = TestHub::start().await;
    let zip = package("Hello").zip();
    let answer = hub.anonymous().push_bytes("executor.create", &[("md5sum", &"0".repeat(32))], &zip).await;
    let (status, code, text) = text(&answer);
    assert_eq!((status, code), (400, json!("md5_mismatch")));
    assert!(text.contains(&md5(&zip)), "{text}");
    assert_nothing_is_left(&hub).await;
}

#[tokio::test]
async fn packages_without_exactly_one_executor_are_refused_with_the_old_numbers() {
    let hub = TestHub::start().await;
    let none = package("Hello").with("executor.py", "x = 1\n");
    let several = package("Hello")
        .without("config.yml")
        .with("a.py", "from jina import Executor\n\n\nclass A(Executor):\n    pass\n")
        .with("b.py", "from jina import Executor\n\n\nclass B(Executor):\n    pass\n");
    for (package, number) in [(none, 4000), (several, 4001)] {
        let answer = hub.anonymous().push("executor.create", &[], &package).await;
        let (status, _, _) = text(&answer);
        let line = answer.last_line();
        assert_eq!((status, &line["payload"]["err"]["code"]), (422, &json!(number)));
        // With `service` beside it, clients would put a text of their own over ours.
        assert!(line["payload"].get("service").is_none());
    }
    assert_nothing_is_left(&hub).await;
}

#[tokio::test]
async fn bad_yaml_is_refused_with_file_and_line() {
    let hub = TestHub::start().await;
    let bad = package("Hello").with("config.yml", "jtype: Hello\nmetas:\n  name: [oops\n");
    let (_, _, text) = text(&hub.anonymous().push("executor.create", &[], &bad).await);
    assert!(text.contains("config.yml") && text.contains("line"), "{text}");
    assert_nothing_is_left(&hub).await;
}

#[tokio::test]
async fn an_upload_over_the_limit_is_read_to_its_end_and_refused() {
    let hub =
        TestHub::start_with(Wanted { set: vec!["packages.max_upload=64KiB"], ..Wanted::default() }).await;
    let zip = vec![7_u8; 100 << 10];
    let digest = md5(&zip);
    let answer = hub.anonymous().push_bytes("executor.create", &[("md5sum", &digest)], &zip).await;
    let (status, code, _) = text(&answer);
    assert_eq!((status, code), (413, json!("upload_too_large")));
    assert_nothing_is_left(&hub).await;
}

#[tokio::test]
async fn bad_fields_are_refused_before_the_bytes_are_kept() {
    let hub = TestHub::start().await;
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[("tags", "no/slash")], "tag"),
        (&[("immutableTags", "-bad")], "tag"),
        (&[("public", "True"), ("private", "True")], "visibility"),
        (&[("buildEnv", "[1]")], "build_env"),
        (&[("buildEnv", r#"{"lower": "x"}"#)], "build_env"),
        (&[("dockerfile", "Nowhere.Dockerfile")], "dockerfile_not_found"),
    ];
    for (fields, expected) in cases {
        let (_, code, _) = text(&hub.anonymous().push("executor.create", fields, &package("Hello")).await);
        assert_eq!(code, json!(expected));
    }
    let unnamed = package("no spaces allowed");
    let (_, code, _) = text(&hub.anonymous().push("executor.create", &[], &unnamed).await);
    assert_eq!(code, json!("executor_name"));
    assert_nothing_is_left(&hub).await;
}

#[tokio::test]
async fn a_form_that_breaks_off_leaves_nothing() {
    let hub = TestHub::start().await;
    let body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nPK\x03\x04 and then nothing";
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let answer =
        hub.anonymous().send(http::Method::POST, "/v2/rpc/executor.create", &headers, body.to_vec()).await;
    assert_eq!((answer.status.as_u16(), &answer.last_line()["errorCode"]), (400, &json!("upload_broken")));
    let answer =
        hub.anonymous().send(http::Method::POST, "/v2/rpc/executor.create", &[], b"{}".to_vec()).await;
    assert_eq!(answer.last_line()["errorCode"], "not_multipart");
    assert_nothing_is_left(&hub).await;
}

#[tokio::test]
async fn a_part_whose_head_never_ends_is_not_kept_in_memory() {
    let hub = TestHub::start().await;
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"".to_vec();
    body.resize(16 << 20, b'x');
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let answer = hub.anonymous().send(http::Method::POST, "/v2/rpc/executor.create", &headers, body).await;
    assert_eq!(answer.last_line()["errorCode"], "upload_broken");
    let many = "--b\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\nx\r\n".repeat(300) + "--b--\r\n";
    let answer = hub
        .anonymous()
        .send(http::Method::POST, "/v2/rpc/executor.create", &headers, many.into_bytes())
        .await;
    assert_eq!(answer.last_line()["errorCode"], "too_many_parts");
}
