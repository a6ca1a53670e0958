//! What do authors read when a push cannot work? The cause and a remedy, in their own client, and nothing of the push is
//! there afterwards.

use serde_json::json;

use super::{ANONYMOUS, NEWEST, base_image};
use crate::support::{
    client::Client,
    package::{Package, md5, package},
    real_client::Person,
    server::{Installation, Server},
};

/// An author with each way to push, and how each names the Executor `name`.
fn authors(installation: &Installation, server: &Server) -> (String, [Person; 2]) {
    let token = installation.person("alice");
    let alice = Person::new(NEWEST, &server.url).with_token(&token);
    (token, [alice, Person::new(ANONYMOUS, &server.url)])
}

/// Nobody, its author included, finds anything.
async fn assert_nothing_is_there(author: &Client, name: &str) {
    assert_eq!(author.get("/api/v1/executors?sort=recent").await.json()["executors"], json!([]));
    for id in [name.to_owned(), format!("alice/{name}")] {
        let answer = author.rpc("executor.getPackage", json!({"id": id})).await;
        assert_eq!(answer.json()["status"], 40403, "{}", answer.json());
    }
}

#[tokio::test]
async fn broken_packages_are_refused_in_words_and_leave_nothing() {
    // Of no use: what cannot be compressed, so that it is larger than allowed.
    let noise: Vec<u8> = (0..40_000_u32).flat_map(|n| hex::decode(md5(&n.to_be_bytes())).unwrap()).collect();
    let no_executor = package("Broken").with("executor.py", "class Hello:\n    pass\n");
    let two = "from jina import Executor\n\n\nclass Hello(Executor):\n    pass\n\n\nclass Other(Executor):\n    pass\n";
    let cases: Vec<(&str, Package, &str)> = vec![
        (
            "no class",
            no_executor
                .with("config.yml", "jtype: Missing\nmetas:\n  name: Broken\npy_modules: executor.py\n"),
            "Missing",
        ),
        (
            "several",
            package("Broken")
                .with("executor.py", two)
                .with("config.yml", "metas:\n  name: Broken\npy_modules: executor.py\n"),
            "jtype",
        ),
        ("bad YAML", package("Broken").with("manifest.yml", "name: [unclosed\n"), "manifest.yml"),
        ("too large", package("Broken").with_bytes("noise.bin", noise), "larger than"),
        ("no name", package("-/-"), "-/-"),
        ("bad module", package("Broken").with("executor.py", "from jina import (\n"), "executor.py"),
    ];
    let installation = Installation::new().await.with("PACKAGES__MAX_UPLOAD", "512KiB");
    let server = installation.serve().await;
    let (token, authors) = authors(&installation, &server);
    for (case, package, cause) in &cases {
        for author in &authors {
            let refused = author.run(&["push", &author.folder("broken", package)]).await;
            let text = refused.error();
            assert!(text.contains(cause), "{case}: {}", refused.text);
            assert!(
                !text.contains("Unknown Error") && !text.contains("KeyError"),
                "{case}: {}",
                refused.text
            );
        }
        assert_nothing_is_there(&server.anonymous().with_token(&token), "Broken").await;
    }
    for (case, bytes, claimed, cause) in [
        ("no zip", b"no zip at all".to_vec(), md5(b"no zip at all"), "zip"),
        ("wrong md5", package("Broken").zip(), md5(b"something else"), "MD5"),
    ] {
        let fields = [("md5sum", claimed.as_str()), ("id", "Broken")];
        let alice = server.anonymous().with_token(&token);
        let line = alice.push_bytes("executor.push", &fields, &bytes).await.last_line();
        assert_eq!(line["type"], "error", "{case}: {line}");
        assert!(line["message"].as_str().unwrap().contains(cause), "{case}: {line}");
        assert_nothing_is_there(&alice, "Broken").await;
    }
}

#[tokio::test]
async fn failing_builds_end_in_words_and_leave_nothing() {
    let base = base_image();
    let cases = [
        (
            "a step",
            package("Failing").with("Dockerfile", &format!("FROM {base}\nRUN echo it hurts; exit 3\n")),
            vec!["exit code 3", "it hurts", "Process(docker) exited on non-zero code"],
        ),
        (
            "a requirement",
            package("Failing").with("requirements.txt", "executor-hub-has-no-such-package==1.2.3\n"),
            vec!["executor-hub-has-no-such-package", "Process(docker) exited on non-zero code"],
        ),
    ];
    let installation = Installation::new().await;
    let server = installation.serve().await;
    let (token, authors) = authors(&installation, &server);
    for (case, package, words) in &cases {
        for author in &authors {
            let folder = author.folder("failing", package);
            let failed = author.run(&["push", &folder]).await;
            for word in words {
                assert!(failed.error().contains(word), "{case}: {word}: {}", failed.text);
            }
        }
        let [alice, _] = &authors;
        let status = alice.run(&["status", &alice.folder("failing", package)]).await;
        assert!(status.error().contains(words[0]), "{case}: {}", status.text);
        assert_nothing_is_there(&server.anonymous().with_token(&token), "Failing").await;
    }
    // What worked before stays what everybody pulls.
    let [alice, _] = &authors;
    let good = package("Good");
    alice.run(&["push", &alice.folder("good", &good)]).await.result();
    let bad = good.clone().with("Dockerfile", &format!("FROM {base}\nRUN exit 1\n"));
    alice.run(&["push", &alice.folder("good", &bad)]).await.error();
    super::assert_pulled(alice.run(&["pull", "jinaai://alice/Good"]).await.result(), &good);
}
