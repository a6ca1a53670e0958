//! The pages in a real browser: what only it can tell.

use std::{sync::Arc, time::Duration};

use executor_hub::domain::{Secret, task::FaultKind, user::Role};
use tokio::time::Instant;

use crate::support::{
    chromium::{Chromium, brought},
    client::Client,
    engine::Script,
    hub::TestHub,
    package::{Package, package},
};

const PASSWORD: &str = "correct horse battery";
/// Runs without hits of scripts of uploads would be no proof; this is what they would leave behind.
const EVIL: &str = "<img src=x onerror=\"window.evil = 1\"><script>window.evil = 1</script>";

/// A Hub with Alice and a browser, and a client that pushes for her.
async fn start() -> Option<(TestHub, Chromium, Client)> {
    let hub = TestHub::start().await;
    let password = Secret::new(PASSWORD);
    let alice =
        hub.app.auth().create_user_with_password("alice", None, Role::Member, &password).await.unwrap();
    let token = hub.app.auth().issue_personal_token(alice.id, "test", Some(1)).await.unwrap();
    let browser = Chromium::start(&hub.url).await?;
    let client = hub.anonymous().with_token(token.expose());
    Some((hub, browser, client))
}

async fn sign_in(browser: &Chromium) {
    browser.open("/sign-in").await;
    browser.write("input[name=login]", "alice").await;
    browser.write("input[name=password]", PASSWORD).await;
    browser.click("main button").await;
    browser.until("document.querySelector('.who')?.innerText === 'alice'").await;
}

async fn push(client: &Client, name: &str, package: &Package) {
    let fields = [("name", name), ("public", "True"), ("tags", "v1,latest")];
    let answer = client.push("executor.push", &fields, package).await;
    assert_eq!(answer.last_line()["type"], "complete", "{}", answer.last_line());
}

/// Code in which everything has a colour.
const SOURCE: &str = r#"from typing import Optional

from jina import DocumentArray, Executor, requests


class Hello(Executor):
    """Embeds pictures and texts in one space."""

    def __init__(self, greeting: str = 'hi', size: Optional[int] = 512, **kwargs):
        super().__init__(**kwargs)
        self.size = size  # of the embedding

    @requests(on='/encode')
    async def encode(self, docs: DocumentArray, **kwargs):
        for doc in docs:
            if doc.text is not None:
                doc.embedding = self.model(f'{doc.text}')
        return docs
"#;

/// An Executor that has something to show.
fn encoder() -> Package {
    package("CLIPEncoder")
        .with(
            "config.yml",
            "jtype: Hello\nmetas:\n  name: CLIPEncoder\n  description: Embeds pictures and texts in one space\n  keywords: [clip, image, text]\npy_modules:\n  - executor.py\n",
        )
        .with(
            "README.md",
            &format!("# CLIPEncoder\n\nEmbeds **pictures** and texts with [CLIP](https://example.com).\n\n## Usage\n\n```python\nflow = Flow().add(uses='jinaai://alice/CLIPEncoder')\n```\n\n| argument | default |\n|---|---|\n| `greeting` | `'hi'` |\n\n{EVIL}\n"),
        )
        .with("requirements.txt", "numpy==1.26.4\n")
}

#[tokio::test]
async fn a_person_signs_in_and_sees_a_push_under_recent_within_two_seconds() {
    let Some((_hub, browser, client)) = start().await else { return };
    sign_in(&browser).await;
    assert!(browser.text().await.contains("Nothing here yet"));
    push(&client, "CLIPEncoder", &encoder()).await;
    let pushed = Instant::now();
    browser.open("/").await;
    browser.until("document.querySelector('.card h2')?.innerText === 'alice/CLIPEncoder'").await;
    assert!(pushed.elapsed() < Duration::from_secs(2), "{:?}", pushed.elapsed());
    browser.click(".top form button").await;
    browser.until("location.pathname === '/sign-in' && !document.querySelector('.who')").await;
    browser.close().await;
}

#[tokio::test]
async fn results_appear_while_their_words_are_typed_and_have_an_address() {
    let Some((_hub, browser, client)) = start().await else { return };
    push(&client, "CLIPEncoder", &encoder()).await;
    push(&client, "Segmenter", &package("Segmenter")).await;
    browser.open("/").await;
    browser.until("document.querySelectorAll('.card').length === 2").await;
    browser.write("input[name=q]", "pictu").await;
    browser.until("document.querySelectorAll('.card').length === 1 && location.search === '?q=pictu'").await;
    browser.run("location.reload()").await;
    browser.until("document.querySelector('input[name=q]').value === 'pictu' && document.querySelectorAll('.card').length === 1").await;
    browser.close().await;
}

#[tokio::test]
async fn a_log_goes_on_by_itself_to_its_end_and_does_not_move_what_is_read() {
    let Some((hub, browser, client)) = start().await else { return };
    sign_in(&browser).await;
    hub.engine.next(Script::Waits);
    let pushing = tokio::spawn(async move { push(&client, "CLIPEncoder", &encoder()).await });
    hub.engine.has_started().await;
    let task: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks").fetch_one(&hub.pool).await.unwrap();
    browser.open(&format!("/builds/{task}")).await;
    browser.until("document.querySelector('.log').innerText.includes('hello from the build')").await;
    browser.run("window.kept = 1").await;
    let before = browser.run("return [scrollY, document.querySelectorAll('.log li').length]").await;
    hub.engine.release();
    browser.until("document.querySelector('#state .badge')?.innerText === 'succeeded'").await;
    let after =
        browser.run("return [scrollY, document.querySelectorAll('.log li').length, window.kept]").await;
    assert_eq!(
        (&after[0], &after[2]),
        (&before[0], &serde_json::json!(1)),
        "it did not move and was not loaded again"
    );
    assert!(after[1].as_i64() > before[1].as_i64(), "{before} {after}");
    // Each line once and in order, whether it came with the page or after it.
    let numbers = browser
        .run("return [...document.querySelectorAll('.log li')].map(li => Number(li.id.slice(1)))")
        .await;
    let numbers: Vec<i64> = numbers.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    let live = browser.run("return document.querySelector('.log').innerText").await;
    browser.run("location.reload()").await;
    browser.until("window.kept === undefined && document.readyState === 'complete'").await;
    assert_eq!(
        live,
        browser.run("return document.querySelector('.log').innerText").await,
        "as a fresh page shows it"
    );
    pushing.await.unwrap();
    browser.close().await;
}

#[tokio::test]
async fn a_token_is_made_and_deleted_by_hand() {
    let Some((_hub, browser, _client)) = start().await else { return };
    sign_in(&browser).await;
    browser.click("a[href='/account/tokens']").await;
    browser.until("document.querySelector('input[name=name]') !== null").await;
    browser.write("input[name=name]", "laptop").await;
    browser.click("main > form button").await;
    browser.until("document.querySelector('.done code')?.innerText.startsWith('ehub_')").await;
    assert_eq!(browser.run("return document.querySelectorAll('td:first-child').length").await, 2);
    browser.click("button[aria-label='Delete the token laptop']").await;
    browser
        .until("!document.querySelector('.done') && document.querySelectorAll('td:first-child').length === 1")
        .await;
    browser.close().await;
}

#[tokio::test]
async fn every_page_is_whole_without_scripts() {
    let Some((hub, browser, client)) = start().await else { return };
    push(&client, "CLIPEncoder", &encoder()).await;
    browser.without_scripts().await;
    sign_in(&browser).await;
    browser.open("/").await;
    browser.write("input[name=q]", "pictures").await;
    browser.click(".search button").await;
    browser
        .until("location.search.startsWith('?q=pictures') && document.querySelectorAll('.card').length === 1")
        .await;
    browser.click(".card h2 a").await;
    browser.until("document.querySelector('.prose h2')?.innerText === 'CLIPEncoder'").await;
    assert_eq!(
        browser.run("return [window.evil ?? null, document.querySelectorAll('.copied').length]").await,
        serde_json::json!([null, 0])
    );
    browser.run("document.querySelector('select[name=tag]').value = 'v1'").await;
    browser.click(".use form button").await;
    browser.until("location.search === '?tab=readme&tag=v1' && document.body.innerText.includes('alice/CLIPEncoder:v1')").await;
    for (tab, text) in [
        ("Arguments", "greeting"),
        ("Tags", "latest"),
        ("Dependencies", "numpy"),
        ("Files", "executor.py"),
        ("Builds", "succeeded"),
    ] {
        let path = format!("a[href*='tab={}']", tab.to_lowercase());
        browser.click(&path).await;
        browser.until(&format!("document.querySelector('.tabs [aria-current]')?.innerText === '{tab}' && document.body.innerText.includes('{text}')")).await;
    }
    let task: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks").fetch_one(&hub.pool).await.unwrap();
    browser.open(&format!("/builds/{task}")).await;
    assert!(browser.text().await.contains("hello from the build"));
    browser.close().await;
}

#[tokio::test]
async fn nothing_that_is_uploaded_runs() {
    let Some((hub, browser, client)) = start().await else { return };
    sign_in(&browser).await;
    hub.engine.next(Script::Says(vec![EVIL.to_owned(), format!("\u{1b}[31m{EVIL}")]));
    push(&client, "CLIPEncoder", &encoder()).await;
    let task: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks").fetch_one(&hub.pool).await.unwrap();
    for path in ["/", "/executors/alice/CLIPEncoder", &format!("/builds/{task}")] {
        browser.open(path).await;
        browser.until("document.readyState === 'complete'").await;
        assert_eq!(browser.run("return window.evil ?? null").await, serde_json::Value::Null, "{path}");
    }
    browser.close().await;
}

#[tokio::test]
async fn pages_have_no_serious_barriers_and_fit_the_narrowest_screen() {
    let Some(axe) = brought("EXECUTOR_HUB_TEST_AXE") else { return };
    let Some((hub, browser, client)) = start().await else { return };
    let axe = Arc::new(std::fs::read_to_string(axe).unwrap());
    browser.open("/").await;
    assert_eq!(browser.barriers(&axe).await, Vec::<String>::new(), "the empty catalogue");
    sqlx::query("UPDATE users SET role = 'admin'").execute(&hub.pool).await.unwrap();
    push(&client, "CLIPEncoder", &encoder()).await;
    let second = encoder()
        .with("executor.py", SOURCE)
        .with("weights/labels.json", "{\n  \"cat\": 1,\n  \"dog\": null\n}\n")
        .with("requirements.txt", "numpy==2.1.0  # smaller\n");
    let fields = [("id", "CLIPEncoder"), ("tags", "v2,latest")];
    let answer = client.push("executor.update", &fields, &second).await;
    assert_eq!(answer.last_line()["type"], "complete", "{}", answer.last_line());
    push(&client, "Segmenter", &package("Segmenter")).await;
    hub.app.auth().create_user("bob", Some("Bob"), Role::Member).await.unwrap();
    hub.engine.next(Script::Fails(FaultKind::Dependency));
    client.push("executor.push", &[("name", "Broken"), ("private", "True")], &package("Broken")).await;
    let broken: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM tasks WHERE state = 'failed'").fetch_one(&hub.pool).await.unwrap();
    browser.open("/sign-in").await;
    assert_eq!(browser.barriers(&axe).await, Vec::<String>::new(), "the sign-in page");
    sign_in(&browser).await;
    browser.open("/account/teams").await;
    browser.write("input[name=name]", "vision").await;
    browser.click("main > form button").await;
    browser.until("location.pathname === '/account/teams/vision'").await;
    let build = format!("/builds/{broken}");
    let found = format!("/builds/{broken}?find=build");
    let pages = [
        ("catalogue", "/"),
        ("search", "/?q=nothing"),
        ("executor", "/executors/alice/CLIPEncoder"),
        ("arguments", "/executors/alice/CLIPEncoder?tab=arguments"),
        ("tags", "/executors/alice/CLIPEncoder?tab=tags"),
        ("dependencies", "/executors/alice/CLIPEncoder?tab=dependencies"),
        ("files", "/executors/alice/CLIPEncoder?tab=files"),
        ("file", "/executors/alice/CLIPEncoder?tab=files&path=executor.py"),
        ("difference", "/executors/alice/CLIPEncoder?tab=files&tag=v2&from=v1"),
        ("builds", "/executors/alice/CLIPEncoder?tab=builds"),
        ("settings", "/executors/alice/CLIPEncoder?tab=settings"),
        ("build", &build),
        ("found", &found),
        ("failures", "/failures"),
        ("tokens", "/account/tokens"),
        ("sessions", "/account/sessions"),
        ("teams", "/account/teams"),
        ("team", "/account/teams/vision"),
        ("health", "/admin"),
        ("people", "/admin/people"),
        ("queue", "/admin/builds"),
        ("storage", "/admin/storage?unneeded=show"),
        ("audit", "/admin/audit"),
        ("configuration", "/admin/configuration"),
        ("help", "/help/push"),
        ("missing", "/executors/nobody/Nothing"),
    ];
    for (scheme, width) in [("light", 1200), ("dark", 1200), ("dark", 360), ("light", 360)] {
        browser.look(scheme, width).await;
        for (name, path) in pages {
            browser.open(path).await;
            browser.until("document.readyState === 'complete'").await;
            browser.picture(&format!("{name}-{scheme}-{width}")).await;
            let wide = browser.run("return document.documentElement.scrollWidth").await;
            assert!(
                wide.as_u64().unwrap() <= u64::from(width),
                "{name} is {wide} wide on a screen of {width}"
            );
            // Colours and layout are the same whatever the width is but for the last look at each.
            if (scheme, width) != ("light", 360) {
                assert_eq!(browser.barriers(&axe).await, Vec::<String>::new(), "{name}, {scheme}, {width}");
            }
        }
    }
    browser.close().await;
}

#[tokio::test]
async fn the_catalogue_is_walked_by_the_keyboard_alone() {
    let Some((_hub, browser, client)) = start().await else { return };
    push(&client, "CLIPEncoder", &encoder()).await;
    push(&client, "Segmenter", &package("Segmenter")).await;
    browser.open("/").await;
    browser.until("document.querySelectorAll('.card').length === 2").await;
    let press = async |key: &str| {
        let event =
            format!("new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, cancelable: true}})");
        browser.run(&format!("document.activeElement.dispatchEvent({event})")).await;
    };
    let focused =
        async || browser.run("return document.activeElement.innerText || document.activeElement.name").await;
    press("/").await;
    assert_eq!(focused().await, "q");
    press("ArrowDown").await;
    assert_eq!(focused().await, "alice/Segmenter");
    press("ArrowDown").await;
    assert_eq!(focused().await, "alice/CLIPEncoder");
    press("ArrowUp").await;
    assert_eq!(focused().await, "alice/Segmenter");
    press("Escape").await;
    assert_eq!(focused().await, "q");
    browser.close().await;
}

#[tokio::test]
async fn a_link_to_a_line_leads_to_it_however_long_the_log_is() {
    let Some((hub, browser, client)) = start().await else { return };
    sign_in(&browser).await;
    hub.engine.next(Script::Says((0..1500).map(|n| format!("line {n}")).collect()));
    push(&client, "CLIPEncoder", &encoder()).await;
    let task: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks").fetch_one(&hub.pool).await.unwrap();
    browser.open(&format!("/builds/{task}#L250")).await;
    browser
        .until("location.search === '?after=150' && document.querySelector('#L250:target') !== null")
        .await;
    browser.close().await;
}
