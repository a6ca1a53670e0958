//! Does each call do what its name says?

use http::Method;
use serde_json::{Value, json};

use super::{BOUNDARY, data, detail, download, form, hub, objects, refused, upload, uploaded};

#[tokio::test]
async fn an_uploaded_artifact_comes_back_as_it_went() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let meta_data = r#"{"summary": [{"name": "Length", "value": 3}], "ü": null, "n": 1.5}"#;
    let fields = [("name", "weights"), ("metaData", meta_data), ("type", "DocArray")];
    let artifact = uploaded(&alice, b"some bytes", &fields).await;
    assert_eq!(artifact["name"], "weights");
    assert_eq!(artifact["visibility"], "private");
    assert_eq!(artifact["type"], "DocArray");
    assert_eq!(artifact["metaData"], serde_json::from_str::<Value>(meta_data).unwrap());
    assert_eq!(artifact["size"], 10);
    assert_eq!(artifact["owner"]["name"], "alice");
    assert!(artifact["createdAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(data(&detail(&alice, &artifact).await), artifact);
    for name in ["weights", "alice/weights"] {
        assert_eq!(data(&alice.rpc("artifact.getDetail", json!({"name": name})).await), artifact);
    }
    assert_eq!(download(&hub, &alice, &artifact).await, b"some bytes");
    let by_name = alice.get("/v2/artifact/getDownloadUrl?name=alice/weights").await;
    assert!(data(&by_name)["download"].as_str().unwrap().starts_with(&hub.url));
}

#[tokio::test]
async fn an_artifact_may_be_nameless_and_empty() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let (one, other) = (uploaded(&alice, b"", &[]).await, uploaded(&alice, b"", &[]).await);
    assert_ne!(one["_id"], other["_id"]);
    assert_eq!((&one["name"], &one["metaData"], &one["size"]), (&Value::Null, &Value::Null, &json!(0)));
    assert_eq!(download(&hub, &alice, &one).await, b"");
}

#[tokio::test]
async fn an_upload_without_length_in_chunks_arrives() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let hub = hub().await;
    let user =
        hub.app.auth().create_user("alice", None, executor_hub::domain::user::Role::Member).await.unwrap();
    let token = hub.app.auth().issue_personal_token(user.id, "test", Some(1)).await.unwrap();
    let mut socket = tokio::net::TcpStream::connect(hub.url.strip_prefix("http://").unwrap()).await.unwrap();
    let head = format!(
        "POST /v2/rpc/artifact.upload HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nAuthorization: token {}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nTransfer-Encoding: chunked\r\n\r\n",
        token.expose()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    for piece in form(&[7; 5000], &[("name", "streamed")]).chunks(100) {
        socket.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
        socket.write_all(piece).await.unwrap();
        socket.write_all(b"\r\n").await.unwrap();
    }
    socket.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""size":5000"#), "{answer}");
}

#[tokio::test]
async fn an_upload_by_id_or_own_name_replaces_what_is_there() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let fields = [("name", "weights"), ("metaData", r#"{"v": 1}"#), ("type", "T")];
    let first = uploaded(&alice, b"one", &fields).await;
    let id = first["_id"].as_str().unwrap();
    let second = uploaded(&alice, b"two", &[("name", "weights"), ("public", "True")]).await;
    assert_eq!((&second["_id"], &second["visibility"]), (&first["_id"], &json!("public")));
    // What it does not say stays.
    assert_eq!((&second["metaData"], &second["type"]), (&json!({"v": 1}), &json!("T")));
    assert_eq!(download(&hub, &alice, &first).await, b"two");
    let third = uploaded(&alice, b"three", &[("id", id), ("metaData", r#"{"w": 2}"#)]).await;
    assert_eq!((&third["_id"], &third["name"]), (&first["_id"], &json!("weights")));
    assert_eq!((&third["metaData"], &third["visibility"]), (&json!({"w": 2}), &json!("private")));
    assert_eq!(third["createdAt"], first["createdAt"]);
    assert_eq!(download(&hub, &alice, &first).await, b"three");
    assert_eq!((hub.count("artifacts").await, objects(&hub)), (1, 1), "nothing is left of what was replaced");
}

#[tokio::test]
async fn of_uploads_under_one_name_at_once_all_succeed_and_one_remains() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let uploads = (0..8_u8).map(|i| {
        let alice = alice.clone();
        async move { uploaded(&alice, &[i; 100], &[("name", "same")]).await }
    });
    let all = futures_util::future::join_all(uploads).await;
    assert!(all.iter().all(|artifact| artifact["_id"] == all[0]["_id"]));
    assert_eq!((hub.count("artifacts").await, objects(&hub)), (1, 1));
    let left = download(&hub, &alice, &all[0]).await;
    assert!(left.len() == 100 && left.iter().all(|byte| *byte == left[0]));
}

#[tokio::test]
async fn a_name_belongs_to_one_artifact_of_each_person() {
    let hub = hub().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    uploaded(&alice, b"a", &[("name", "taken")]).await;
    let other = uploaded(&alice, b"b", &[("name", "free")]).await;
    uploaded(&bob, b"c", &[("name", "taken")]).await;
    let id = other["_id"].as_str().unwrap();
    let update = alice.rpc("artifact.update", json!({"id": id, "name": "taken"})).await;
    assert_eq!(refused(&update), 42202);
    assert_eq!(refused(&upload(&alice, b"d", &[("id", id), ("name", "taken")]).await), 42202);
    assert_eq!(download(&hub, &alice, &other).await, b"b", "a refused upload changes nothing");
    assert_eq!(hub.count("artifacts").await, 3);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let artifact = uploaded(&alice, b"a", &[("name", "one"), ("metaData", r#"{"v": 1}"#)]).await;
    let id = &artifact["_id"];
    let call = async |parameters| data(&alice.rpc("artifact.update", parameters).await);
    let renamed = call(json!({"id": id, "name": "alice/two"})).await;
    assert_eq!((&renamed["name"], &renamed["metaData"]), (&json!("two"), &json!({"v": 1})));
    let noted = call(json!({"id": id, "metaData": r#"{"v": 2}"#})).await;
    assert_eq!((&noted["name"], &noted["metaData"]), (&json!("two"), &json!({"v": 2})));
    let published = call(json!({"id": id, "public": true})).await;
    assert_eq!((&published["visibility"], &published["metaData"]), (&json!("public"), &json!({"v": 2})));
    assert_eq!(call(json!({"id": id, "public": false})).await["visibility"], "private");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("id={}&metaData=%7B%22x%22%3A+%22y%22%7D", id.as_str().unwrap());
    let path = "/v2/rpc/artifact.updateMetaData";
    let noted = data(&alice.send(Method::POST, path, &headers, body.into_bytes()).await);
    assert_eq!((&noted["metaData"], &noted["name"]), (&json!({"x": "y"}), &json!("two")));
    assert_eq!(download(&hub, &alice, &artifact).await, b"a");
}

#[tokio::test]
async fn parameters_that_mean_nothing_are_refused() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    for (field, value) in [
        ("name", "a/b"),
        ("name", "x\u{1}"),
        ("type", "\u{7f}"),
        ("metaData", "[1]"),
        ("metaData", "{"),
        ("metaData", r#"{"a": "\u0000"}"#),
    ] {
        assert_eq!(refused(&upload(&alice, b"x", &[(field, value)]).await), 40001, "{field} {value:?}");
    }
    let artifact = uploaded(&alice, b"x", &[]).await;
    let id = &artifact["_id"];
    for (method, parameters) in [
        ("artifact.getDetail", json!({})),
        ("artifact.update", json!({"name": "x"})),
        ("artifact.update", json!({"id": id, "metaData": "7"})),
        ("artifact.updateMetaData", json!({"id": id})),
        ("artifact.delete", json!({})),
        ("artifact.deleteMany", json!({})),
        ("artifact.deleteMany", json!({"names": vec!["x"; 1001]})),
    ] {
        assert_eq!(refused(&alice.rpc(method, parameters.clone()).await), 40001, "{method} {parameters}");
    }
    for text in ["", " ", "0", "../..", "\u{0}", "%00", "' OR 1=1 --", &"9".repeat(5000)] {
        let name = refused(&alice.rpc("artifact.getDetail", json!({"name": format!("x{text}")})).await);
        let id = refused(&alice.rpc("artifact.getDetail", json!({"id": format!("x{text}")})).await);
        assert_eq!((name, id), (40403, 40403), "{text:?}");
    }
    let headers = [("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))];
    let headers = [(headers[0].0, headers[0].1.as_str())];
    let no_file = format!("--{BOUNDARY}--\r\n").into_bytes();
    let path = "/v2/rpc/artifact.upload";
    assert_eq!(refused(&alice.send(Method::POST, path, &headers, no_file).await), 40001);
    let mut cut = form(b"x", &[]);
    cut.truncate(cut.len() - 8);
    assert_eq!(refused(&alice.send(Method::POST, path, &headers, cut).await), 40003);
    assert_eq!((hub.count("artifacts").await, objects(&hub)), (1, 1), "what is refused leaves nothing");
}

#[tokio::test]
async fn deleted_artifacts_are_gone_and_others_stay() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let mut all = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        all.push(uploaded(&alice, name.as_bytes(), &[("name", name)]).await);
    }
    data(&alice.rpc("artifact.delete", json!({"id": all[0]["_id"]})).await);
    data(&alice.rpc("artifact.delete", json!({"name": "b"})).await);
    assert_eq!(refused(&alice.rpc("artifact.delete", json!({"name": "b"})).await), 40403);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!(
        "ids={}&ids={}&ids=nonsense&names=d&names=nobody",
        all[2]["_id"].as_str().unwrap(),
        "0".repeat(32)
    );
    let answer = alice.send(Method::POST, "/v2/rpc/artifact.deleteMany", &headers, body.into_bytes()).await;
    assert_eq!(data(&answer)["deleted"], 2);
    for gone in &all[..4] {
        assert_eq!(refused(&detail(&alice, gone).await), 40403);
    }
    assert_eq!(download(&hub, &alice, &all[4]).await, b"e");
    assert_eq!((hub.count("artifacts").await, objects(&hub)), (1, 1));
}
