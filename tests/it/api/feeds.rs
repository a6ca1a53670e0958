//! `/feeds/…`: Atom of what was pushed, public unless a token says otherwise.

use http::Method;

use crate::support::{hub::TestHub, package::package};

#[tokio::test]
async fn recent_pushes_are_a_feed_of_what_is_public() {
    let hub = TestHub::start().await;
    let alice = hub.person("alice").await;
    let odd = package("Odd").with(
        "config.yml",
        "jtype: Hello\nmetas:\n  name: Odd\n  description: \"<b>&\\x01\\\"\"\n  keywords: ['a<b']\npy_modules:\n  - executor.py\n",
    );
    alice.push("executor.push", &[], &odd).await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    let feed = hub.anonymous().get("/feeds/recent.atom").await;
    assert_eq!(feed.headers["content-type"], "application/atom+xml; charset=utf-8");
    let text = String::from_utf8(feed.body.to_vec()).unwrap();
    assert!(text.contains("<title>alice/Odd</title>") && !text.contains("Hidden"), "{text}");
    assert!(!text.contains("<b>") && !text.contains('\u{1}') && !text.contains("a<b"), "{text}");
    assert_eq!(text.matches("<entry>").count(), 1);
    let tag = feed.headers["etag"].to_str().unwrap();
    let again =
        hub.anonymous().send(Method::GET, "/feeds/recent.atom", &[("if-none-match", tag)], Vec::new()).await;
    assert_eq!(again.status, 304);
    let own = String::from_utf8(alice.get("/feeds/recent.atom").await.body.to_vec()).unwrap();
    assert!(own.contains("alice/Hidden"));
}

#[tokio::test]
async fn an_executor_has_a_feed_of_its_commits_for_those_who_may_see_it() {
    let hub = TestHub::start().await;
    let (alice, bob) = (hub.person("alice").await, hub.person("bob").await);
    alice.push("executor.push", &[("tags", "v1")], &package("Hello")).await;
    alice.push("executor.push", &[("tags", "v2")], &package("Hello").with("more.txt", "x")).await;
    let text = String::from_utf8(bob.get("/feeds/alice/Hello.atom").await.body.to_vec()).unwrap();
    let (first, second) = (text.find("(v2)").unwrap(), text.find("(v1)").unwrap());
    assert!(first < second && text.matches("<entry>").count() == 2, "{text}");
    assert_eq!(bob.get("/feeds/Hello.atom").await.body, text.as_bytes());
    alice.push("executor.push", &[("private", "True")], &package("Hello")).await;
    assert_eq!(bob.get("/feeds/alice/Hello.atom").await.status, 404);
    assert_eq!(alice.get("/feeds/alice/Hello.atom").await.status, 200);
    for nothing in ["/feeds/recent", "/feeds/alice/Hello", "/feeds/alice/Nothing.atom", "/feeds/a/b/c.atom"] {
        assert_eq!(hub.anonymous().get(nothing).await.status, 404, "{nothing}");
    }
}
