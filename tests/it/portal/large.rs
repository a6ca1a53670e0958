//! Do pages stay small and whole when what people push is large?

use http::Method;
use serde_json::json;

use crate::support::{
    browser::Browser,
    hub::{TestHub, Wanted},
    package::package,
};

async fn hub() -> TestHub {
    TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await
}

#[tokio::test]
async fn one_package_cannot_make_the_first_page_large() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let word = "&".repeat(5_000);
    let metas = format!(
        "jtype: Hello\npy_modules: [executor.py]\nmetas:\n  name: Hello\n  description: '{}'\n  keywords: ['{word}', short]\n",
        "é&".repeat(20_000)
    );
    let pushed = alice.push("executor.push", &[], &package("Hello").with("config.yml", &metas)).await;
    assert_eq!(pushed.last_line()["type"], "complete", "{}", pushed.last_line());
    let page = Browser::new(&hub.url).open("/").await;
    assert!(page.text().contains("é&#38;é"), "{}", page.text());
    assert!(page.text().contains(">short<") && !page.text().contains(&"&#38;".repeat(100)));
    assert!(page.answer.body.len() < 20_000, "{}", page.answer.body.len());
}

#[tokio::test]
async fn every_tag_of_many_leads_to_its_commit() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    let fields = [("tags", "latest")];
    assert_eq!(alice.push("executor.push", &fields, &package("Hello")).await.last_line()["type"], "complete");
    let commits = alice.get("/api/v1/executors/Hello/commits").await.json();
    let commit = &commits["commits"][0]["id"];
    for number in 0..110 {
        let path = format!("/api/v1/executors/Hello/tags/a{number:03}");
        let headers = [("content-type", "application/json")];
        let body = json!({"commit": commit}).to_string().into_bytes();
        assert_eq!(alice.send(Method::PUT, &path, &headers, body).await.status, 200);
    }
    let mut stranger = Browser::new(&hub.url);
    for tag in ["latest", "a000", "a109"] {
        let page = stranger.open(&format!("/executors/alice/Hello?tag={tag}")).await;
        assert_eq!(page.status(), 200, "{tag}");
    }
    assert_eq!(stranger.open("/executors/alice/Hello?tag=a110").await.status(), 404);
    let tags = stranger.open("/executors/alice/Hello?tab=tags").await;
    assert!(tags.text().contains("latest") && tags.text().contains("a109"), "{}", tags.text());
}

#[tokio::test]
async fn a_comparison_of_many_files_lists_some_of_them() {
    let hub = hub().await;
    let alice = hub.person("alice").await;
    for (tag, letter) in [("v1", 'a'), ("v2", 'b')] {
        let many = (0..400).fold(package("Hello"), |package, number| {
            package.with(&format!("data/{letter}{number:03}.txt"), "x")
        });
        let pushed = alice.push("executor.push", &[("tags", tag)], &many).await;
        assert_eq!(pushed.last_line()["type"], "complete");
    }
    let page = Browser::new(&hub.url).open("/executors/alice/Hello?tab=files&tag=v2&from=v1").await;
    assert!(page.text().contains("… and 300 more files that differ"), "{}", page.text().len());
    assert_eq!(page.text().matches("<h3 ").count(), 500);
}
