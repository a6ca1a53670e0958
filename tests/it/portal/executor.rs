//! `/executors/…`: what it shows of an Executor, and to whom.

use executor_hub::domain::{Secret, user::Role};

use crate::support::{
    browser::Browser,
    client::Client,
    hub::TestHub,
    package::{Package, package},
};

const PASSWORD: &str = "correct horse battery";

async fn person(hub: &TestHub, login: &str) -> (Browser, Client) {
    let password = Secret::new(PASSWORD);
    hub.app.auth().create_user_with_password(login, None, Role::Member, &password).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    browser.sign_in(login, PASSWORD).await;
    let client = Client::new(&hub.url).with_token(&browser.cookies["st"]);
    (browser, client)
}

async fn push(client: &Client, fields: &[(&str, &str)], package: &Package) {
    let answer = client.push("executor.push", fields, package).await;
    assert_eq!(answer.last_line()["type"], "complete", "{}", answer.last_line());
}

#[tokio::test]
async fn each_tab_shows_what_was_found_in_the_package() {
    let hub = TestHub::start().await;
    let (mut alice, client) = person(&hub, "alice").await;
    let package = package("Hello")
        .with("requirements.txt", "requests==2.31.0\n")
        .with("README.md", "# Hello\n\nIt says **hello**. ![x](https://example.com/x.png)\n");
    push(
        &client,
        &[("name", "Hello"), ("public", "True"), ("tags", "v1,latest"), ("immutableTags", "keep")],
        &package,
    )
    .await;
    let mut stranger = Browser::new(&hub.url);
    let page = stranger.open("/executors/alice/Hello").await;
    assert_eq!(page.status(), 200);
    for text in
        ["<strong>hello</strong>", "jinaai://alice/Hello", "Says hello", "uses: jinaai+docker://alice/Hello"]
    {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    assert!(
        page.answer.headers["content-security-policy"].to_str().unwrap().contains("img-src 'self' https:;")
    );
    assert!(!page.text().contains("tab=builds") && !page.text().contains("tab=settings"));
    for (tab, texts) in [
        ("arguments", ["<code>greeting</code>", "&#39;hi&#39;", "<code>/hello</code>"]),
        ("tags", ["<code>keep</code>", "protected", "SHA-256"]),
        ("dependencies", ["requests==2.31.0", "Written by the Hub", "<code>Dockerfile</code>"]),
        ("files", ["executor.py", "requirements.txt", "Packed:"]),
    ] {
        let page = stranger.open(&format!("/executors/alice/Hello?tab={tab}")).await;
        for text in texts {
            assert!(page.text().contains(text), "{tab}, {text}: {}", page.text());
        }
        let policy = page.answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("img-src 'self';"), "{policy}");
    }
    let page = alice.open("/executors/alice/Hello?tab=builds").await;
    assert!(page.text().contains("badge succeeded") && page.text().contains("/builds/"), "{}", page.text());
    assert_eq!(
        stranger.open("/executors/alice/Hello?tab=builds").await.path.split('?').next(),
        Some("/sign-in")
    );
}

#[tokio::test]
async fn a_tag_shows_its_own_commit() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let fields = [("name", "Hello"), ("public", "True"), ("tags", "v1")];
    push(&client, &fields, &package("Hello").with("README.md", "the first")).await;
    let update = client
        .push(
            "executor.update",
            &[("id", "Hello"), ("tags", "v2")],
            &package("Hello").with("README.md", "the second"),
        )
        .await;
    assert_eq!(update.last_line()["type"], "complete", "{}", update.last_line());
    let mut browser = Browser::new(&hub.url);
    assert!(browser.open("/executors/alice/Hello").await.text().contains("the second"));
    let page = browser.open("/executors/alice/Hello?tag=v1").await;
    assert!(
        page.text().contains("the first") && page.text().contains("jinaai://alice/Hello:v1"),
        "{}",
        page.text()
    );
    assert_eq!(browser.open("/executors/alice/Hello?tag=v3").await.status(), 404);
}

#[tokio::test]
async fn a_hidden_executor_is_byte_for_byte_a_missing_one() {
    let hub = TestHub::start().await;
    let (mut alice, client) = person(&hub, "alice").await;
    let (mut bob, _) = person(&hub, "bob").await;
    push(&client, &[("name", "Hidden"), ("private", "True")], &package("Hidden")).await;
    assert_eq!(alice.open("/executors/alice/Hidden").await.status(), 200);
    let id: String = sqlx::query_scalar("SELECT id FROM executors").fetch_one(&hub.pool).await.unwrap();
    let task: uuid::Uuid = sqlx::query_scalar("SELECT id FROM tasks").fetch_one(&hub.pool).await.unwrap();
    for browser in [&mut Browser::new(&hub.url), &mut bob] {
        let missing = browser.open("/executors/alice/Missing").await;
        assert_eq!(missing.status(), 404);
        let mut paths = vec![
            "/executors/alice/Hidden".to_owned(),
            format!("/executors/{id}"),
            "/executors/alice/Hidden?tab=builds".to_owned(),
            "/executors/alice/Hidden?tab=tags&tag=latest".to_owned(),
            "/executors/..%2F..%2Fetc/passwd".to_owned(),
            format!("/builds/{task}"),
            format!("/builds/{task}/log"),
            "/builds/nonsense".to_owned(),
        ];
        paths.push(format!("/builds/{}", uuid::Uuid::from_u128(1)));
        for path in paths {
            let page = browser.open(&path).await;
            assert_eq!((page.status(), &page.answer.body), (404, &missing.answer.body), "{path}");
            let names = |page: &crate::support::browser::Page| {
                let mut names: Vec<String> = page.answer.headers.keys().map(ToString::to_string).collect();
                names.sort();
                names
            };
            assert_eq!(names(&page), names(&missing), "{path}");
        }
    }
}

#[tokio::test]
async fn nothing_that_an_author_writes_is_markup() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let evil = "<script>alert(1)</script>";
    let config = format!(
        "jtype: Hello\nmetas:\n  name: Evil\n  description: \"{evil}\"\n  url: \"javascript:alert(1)\"\n  keywords: [\"{evil}\"]\npy_modules:\n  - executor.py\n"
    );
    let source = format!(
        "from jina import Executor, requests\n\n\nclass Hello(Executor):\n    \"\"\"{evil}\"\"\"\n\n    def __init__(self, a: '{evil}' = '{evil}', **kwargs):\n        \"\"\"{evil}\"\"\"\n        super().__init__(**kwargs)\n\n    @requests(on='/{evil}')\n    def f(self, **kwargs):\n        \"\"\"{evil}\"\"\"\n"
    );
    let package = package("Evil")
        .with("config.yml", &config)
        .with("executor.py", &source)
        .with("README.md", &format!("{evil}\n\n<img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))\n"));
    push(&client, &[("name", "Evil"), ("public", "True")], &package).await;
    let mut browser = Browser::new(&hub.url);
    for path in ["/", "/?q=evil"] {
        let page = browser.open(path).await;
        assert!(page.text().contains("Evil") && !page.text().contains("<script>"), "{}", page.text());
    }
    for tab in ["readme", "arguments", "tags", "dependencies", "files"] {
        let page = browser.open(&format!("/executors/alice/Evil?tab={tab}")).await;
        let text = page.text();
        assert_eq!(page.status(), 200);
        assert!(
            !text.contains("<script>") && !text.contains("onerror=") && !text.contains("javascript:"),
            "{tab}: {text}"
        );
    }
    let arguments = browser.open("/executors/alice/Evil?tab=arguments").await;
    assert!(arguments.text().contains("&#60;script&#62;alert(1)"), "{}", arguments.text());
}

#[tokio::test]
async fn its_owner_and_nobody_else_changes_who_may_see_it() {
    let hub = TestHub::start().await;
    let (mut alice, client) = person(&hub, "alice").await;
    let (mut bob, _) = person(&hub, "bob").await;
    push(&client, &[("name", "Hello"), ("public", "True")], &package("Hello")).await;
    let page = alice.open("/executors/alice/Hello?tab=settings").await;
    let id: String = sqlx::query_scalar("SELECT id FROM executors").fetch_one(&hub.pool).await.unwrap();
    let path = format!("/settings/{id}/visibility");
    // With a form of his own and with hers.
    let own = bob.open("/account/tokens").await.hidden(0);
    for form in [own, page.hidden(0)] {
        let token = form.into_iter().find(|(name, _)| name == "form_token").unwrap();
        let sent = [token, ("visibility".to_owned(), "private".to_owned())];
        assert_eq!(bob.post(&path, &sent).await.status(), 403);
    }
    let page = alice.submit(&page, &path, &[("visibility", "private")]).await;
    assert!(page.text().contains("value=\"private\" checked"), "{}", page.text());
    assert_eq!(bob.open("/executors/alice/Hello").await.status(), 404);
    let page = alice.submit(&page, &path, &[("visibility", "public")]).await;
    assert_eq!((page.status(), bob.open("/executors/alice/Hello").await.status()), (200, 200));
}

#[tokio::test]
async fn a_new_secret_is_shown_once_and_is_good() {
    let hub = TestHub::start().await;
    let (mut alice, client) = person(&hub, "alice").await;
    push(&client, &[("name", "Hello"), ("private", "True")], &package("Hello")).await;
    let page = alice.open("/executors/alice/Hello?tab=settings").await;
    let id: String = sqlx::query_scalar("SELECT id FROM executors").fetch_one(&hub.pool).await.unwrap();
    let page = alice.submit(&page, &format!("/settings/{id}/secret"), &[]).await;
    let secret =
        page.text().split("The secret\"><code>").nth(1).expect("a secret").split('<').next().unwrap();
    let pulled = hub
        .anonymous()
        .rpc("executor.getPackage", serde_json::json!({"id": id, "secret": secret, "include": ["code"]}))
        .await;
    assert_eq!(pulled.status, 200);
    assert!(!alice.open("/executors/alice/Hello?tab=settings").await.text().contains(secret));
}

#[tokio::test]
async fn what_was_deleted_can_be_brought_back() {
    let hub = TestHub::start().await;
    let (mut alice, client) = person(&hub, "alice").await;
    push(&client, &[("name", "Hello"), ("public", "True")], &package("Hello")).await;
    let id: String = sqlx::query_scalar("SELECT id FROM executors").fetch_one(&hub.pool).await.unwrap();
    let page = alice.open("/executors/alice/Hello?tab=settings").await;
    let page = alice.submit(&page, &format!("/settings/{id}/delete"), &[]).await;
    assert_eq!(page.path, "/account/deleted");
    assert!(page.text().contains("alice/Hello"), "{}", page.text());
    assert_eq!(alice.open("/executors/alice/Hello").await.status(), 404);
    let page = alice.submit(&page, &format!("/settings/{id}/undelete"), &[]).await;
    assert_eq!((page.status(), page.path), (200, format!("/executors/{id}")));
}
