//! `/builds/{task}`: the story of a build.

use executor_hub::domain::{Secret, task::FaultKind, user::Role};

use crate::support::{
    browser::Browser,
    client::{Answer, Client},
    engine::Script,
    hub::TestHub,
    package::package,
};

const PASSWORD: &str = "correct horse battery";

async fn signed_in(hub: &TestHub) -> (Browser, Client) {
    let password = Secret::new(PASSWORD);
    hub.app.auth().create_user_with_password("alice", None, Role::Member, &password).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    browser.sign_in("alice", PASSWORD).await;
    let client = Client::new(&hub.url).with_token(&browser.cookies["st"]);
    (browser, client)
}

async fn push(client: &Client) -> Answer {
    client.push("executor.push", &[("name", "Hello"), ("public", "True")], &package("Hello")).await
}

async fn build_path(hub: &TestHub) -> String {
    let task: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks").fetch_one(&hub.pool).await.unwrap();
    format!("/builds/{}", task.simple())
}

#[tokio::test]
async fn a_log_is_shown_with_its_colours_and_nothing_of_it_runs() {
    let hub = TestHub::start().await;
    let (mut browser, client) = signed_in(&hub).await;
    let lines = [
        "<script>alert(1)</script>",
        "\u{1b}[31mred\u{1b}[0m",
        "\u{1b}]0;title\u{7}visible",
        "\u{1b}[\"><img src=x onerror=alert(1)>m",
        "\u{202e}reversed",
    ];
    hub.engine.next(Script::Says(lines.map(str::to_owned).to_vec()));
    push(&client).await;
    let path = build_path(&hub).await;
    let page = browser.open(&path).await;
    let text = page.text();
    assert!(
        text.contains("&#60;script&#62;alert(1)") && text.contains("<span class=\"c1\">red</span>"),
        "{text}"
    );
    assert!(
        text.contains("visible") && !text.contains("title\u{7}") && !text.contains("<img src=x"),
        "{text}"
    );
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains("<script>"), "{text}");
    assert!(text.contains("id=\"L1\"") && text.contains("href=\"#L1\""), "{text}");
    assert!(text.contains("badge succeeded") && !text.contains("data-follow"), "{text}");
    let log = browser.open(&format!("{path}/log")).await;
    let headers = &log.answer.headers;
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert!(
        log.text().contains("  <script>alert(1)</script>\n") && !log.text().contains('\u{1b}'),
        "{}",
        log.text()
    );
}

#[tokio::test]
async fn a_failure_is_explained() {
    let hub = TestHub::start().await;
    let (mut browser, client) = signed_in(&hub).await;
    hub.engine.next(Script::Fails(FaultKind::Dependency));
    push(&client).await;
    let page = browser.open(&build_path(&hub).await).await;
    assert!(
        page.text().contains("badge failed") && page.text().contains("<h2 id=\"why\">A requirement</h2>"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("It failed on purpose"), "{}", page.text());
}

#[tokio::test]
async fn a_page_of_a_running_build_shows_what_is_there_and_where_to_go_on() {
    let hub = TestHub::start().await;
    let (mut browser, client) = signed_in(&hub).await;
    hub.engine.next(Script::Waits);
    let pushing = tokio::spawn(async move { push(&client).await });
    hub.engine.has_started().await;
    let path = build_path(&hub).await;
    let page = browser.open(&path).await;
    assert!(page.text().contains("badge running") && page.text().contains(">Refresh</a>"), "{}", page.text());
    let follow = page.text().split("data-follow=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(follow, format!("/api/v1/tasks/{}/events", path.rsplit('/').next().unwrap()));
    hub.engine.release();
    pushing.await.unwrap();
    assert!(browser.open(&path).await.text().contains("badge succeeded"));
    // The pages of a log: from any event on.
    let page = browser.open(&format!("{path}?after=2")).await;
    assert!(!page.text().contains("id=\"L2\"") && page.text().contains("id=\"L3\""), "{}", page.text());
    assert!(page.text().contains("?after=0\">Earlier lines"), "{}", page.text());
}

#[tokio::test]
async fn a_failed_build_is_tried_again_and_a_running_one_is_stopped_by_hand() {
    let hub = TestHub::start().await;
    let (mut browser, client) = signed_in(&hub).await;
    push(&client).await;
    hub.engine.next(Script::Fails(FaultKind::Step));
    let changed = package("Hello").with("README.md", "changed");
    client.push("executor.update", &[("id", "Hello")], &changed).await;
    let task: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM tasks WHERE state = 'failed'").fetch_one(&hub.pool).await.unwrap();
    let path = format!("/builds/{}", task.simple());
    hub.engine.next(Script::Waits);
    let page = browser.open(&path).await;
    assert!(!page.text().contains("/cancel\""), "it is over: {}", page.text());
    let again = browser.submit(&page, &format!("{path}/retry"), &[]).await;
    assert_ne!(again.path, path, "a task of its own");
    hub.engine.has_started().await;
    let page = browser.open(&again.path).await;
    let stopped = browser.submit(&page, &format!("{}/cancel", again.path), &[]).await;
    assert_eq!((stopped.status(), &stopped.path), (200, &again.path));
    assert!(!stopped.text().contains("/cancel\""), "{}", stopped.text());
}

#[tokio::test]
async fn a_log_is_searched_and_each_found_line_leads_to_its_place() {
    let hub = TestHub::start().await;
    let (mut browser, client) = signed_in(&hub).await;
    let mut lines: Vec<String> = (0..1500).map(|n| format!("hay {n}")).collect();
    lines[3] = "a <needle> here".to_owned();
    lines[1400] = "and a \u{1b}[31mNEE\u{1b}[0mDLE there".to_owned();
    hub.engine.next(Script::Says(lines));
    push(&client).await;
    let path = build_path(&hub).await;
    let whole = browser.open(&path).await;
    assert!(!whole.text().contains("hay 2<"), "the page begins later");
    let found = browser.open(&format!("{path}?find=needle")).await;
    assert!(found.text().contains("2 lines hold it"), "{}", found.text());
    assert!(found.text().contains("&#60;needle&#62;") && !found.text().contains("hay 5"));
    let link = found.text().split("class=\"n\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let (page, mark) = link.split_once('#').unwrap();
    let around = browser.open(&page.replace("&#38;", "&")).await;
    assert!(around.text().contains(&format!("id=\"{mark}\"")) && around.text().contains("hay 5<"));
    let none = browser.open(&format!("{path}?find=%3Cscript%3E")).await;
    assert!(none.text().contains("No line holds it") && !none.text().contains("<script>"));
}
