//! Searching: the best first, whatever was mistyped, and nothing that the caller may not see.

use super::executors::names;
use crate::support::{
    hub::TestHub,
    package::{Package, package},
};

fn described(name: &str, description: &str, keywords: &str, readme: &str) -> Package {
    package(name)
        .with(
            "config.yml",
            &format!(
                "jtype: Hello\nmetas:\n  name: {name}\n  description: {description}\n  keywords: [{keywords}]\n\
                 py_modules:\n  - executor.py\n"
            ),
        )
        .with("README.md", readme)
}

#[tokio::test]
async fn the_name_comes_before_its_beginning_before_keywords_before_text() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for package in [
        described("Encoder", "Exactly that", "", ""),
        described("EncoderForImages", "Begins so", "", ""),
        described("MyClipEncoder", "A word of its name", "", ""),
        described("Clip", "By keyword", "encoder", ""),
        described("Other", "An encoder in its description", "", ""),
        described("Readable", "By its readme", "", "It encodes images."),
        described("Unlike", "Nothing of all that", "", ""),
    ] {
        alice.push("executor.push", &[], &package).await;
    }
    let expected = ["Encoder", "EncoderForImages", "Clip", "MyClipEncoder", "Readable", "Other"];
    assert_eq!(names(&hub.anonymous(), "&q=encoder").await, expected);
    assert_eq!(names(&hub.anonymous(), "&q=ENCODER").await, expected);
    assert_eq!(
        names(&hub.anonymous(), "&q=encoders").await[..2],
        ["Clip", "MyClipEncoder"],
        "another form of the word"
    );
    assert_eq!(
        names(&hub.anonymous(), "&q=clip%20enc").await,
        ["Clip", "MyClipEncoder"],
        "the last word is unfinished"
    );
}

#[tokio::test]
async fn arguments_are_found() {
    let hub = TestHub::start().await;
    hub.person("alice").await.push("executor.push", &[], &package("Something")).await;
    assert_eq!(names(&hub.anonymous(), "&q=greeting").await, ["Something"]);
}

#[tokio::test]
async fn what_is_pulled_more_comes_first_among_equals() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for name in ["EncoderA", "EncoderB", "EncoderC"] {
        alice.push("executor.push", &[], &package(name)).await;
    }
    sqlx::query("UPDATE search_entries SET pulled = 50 WHERE name_key = 'encodera'")
        .execute(&hub.pool)
        .await
        .unwrap();
    assert_eq!(names(&hub.anonymous(), "&q=encoder").await, ["EncoderA", "EncoderC", "EncoderB"]);
}

#[tokio::test]
async fn slips_of_the_finger_are_forgiven() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    for package in [
        described("ClipEncoder", "Text and images", "embedding", ""),
        described("Transcriber", "Speech", "whisper", ""),
    ] {
        alice.push("executor.push", &[], &package).await;
    }
    for (typed, found) in [
        ("clpi%20encoder", "ClipEncoder"),
        ("encoedr", "ClipEncoder"),
        ("embeding", "ClipEncoder"),
        ("wisper", "Transcriber"),
        ("transcribr", "Transcriber"),
        ("clip%20encodr%20images", "ClipEncoder"),
    ] {
        assert_eq!(names(&hub.anonymous(), &format!("&q={typed}")).await, [found], "{typed}");
    }
    assert_eq!(names(&hub.anonymous(), "&q=database").await, [""; 0]);
}

#[tokio::test]
async fn private_executors_are_found_by_their_owner_alone() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice
        .push("executor.push", &[("private", "True")], &described("SecretProject", "Hush", "covert", ""))
        .await;
    for typed in ["secretproject", "secret", "covert", "hush", "secretprojct", "covrt"] {
        for stranger in [&bob, &hub.anonymous()] {
            assert_eq!(names(stranger, &format!("&q={typed}")).await, [""; 0], "{typed}");
        }
    }
    for typed in ["secretproject", "secretpro", "covert", "hush"] {
        assert_eq!(names(&alice, &format!("&q={typed}")).await, ["SecretProject"], "{typed}");
    }
    let words: Vec<String> =
        sqlx::query_scalar("SELECT word FROM search_words").fetch_all(&hub.pool).await.unwrap();
    assert_eq!(words, [""; 0], "its words are not remembered for others");
}

#[tokio::test]
async fn nothing_that_is_typed_is_a_syntax_error() {
    let hub = TestHub::start().await;
    hub.person("alice").await.push("executor.push", &[], &package("Hello")).await;
    for typed in [
        "a%27b",
        "%5C",
        "a%5C",
        "a%20%26%20!b",
        "(x",
        "x:*",
        "%25",
        "_",
        "the",
        "%E2%80%99x",
        "%C3%A9t%C3%A9",
        "%F0%9F%98%80a",
    ] {
        let status = hub.anonymous().get(&format!("/api/v1/executors?q={typed}")).await.status.as_u16();
        assert!(status == 200 || status == 400, "{typed}: {status}");
    }
}
