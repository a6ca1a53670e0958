//! The Files tab: what it shows of a package, what changed between two tags, and to whom.

use executor_hub::domain::{Secret, user::Role};

use crate::support::{
    browser::Browser,
    client::Client,
    hub::TestHub,
    package::{Package, package},
};

const PASSWORD: &str = "correct horse battery";
const EVIL: &str = "<script>alert(1)</script>";

async fn person(hub: &TestHub, login: &str) -> (Browser, Client) {
    let password = Secret::new(PASSWORD);
    hub.app.auth().create_user_with_password(login, None, Role::Member, &password).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    browser.sign_in(login, PASSWORD).await;
    let client = Client::new(&hub.url).with_token(&browser.cookies["st"]);
    (browser, client)
}

async fn push(client: &Client, method: &str, fields: &[(&str, &str)], package: &Package) {
    let answer = client.push(method, fields, package).await;
    assert_eq!(answer.last_line()["type"], "complete", "{}", answer.last_line());
}

async fn id(hub: &TestHub) -> String {
    sqlx::query_scalar("SELECT id FROM executors").fetch_one(&hub.pool).await.unwrap()
}

/// The text of what stands in `<…>` elements, as a reader sees it.
fn words(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[tokio::test]
async fn a_package_is_browsed_folder_by_folder_and_file_by_file() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let package = package("Hello")
        .with("lib/deep/one.py", "def one():\n    return 'one'  # first\n")
        .with("lib/two.py", "")
        .with_bytes("lib/weights.bin", vec![0, 159, 146, 150]);
    push(&client, "executor.push", &[("name", "Hello"), ("public", "True"), ("tags", "v1")], &package).await;
    let mut stranger = Browser::new(&hub.url);
    let page = stranger.open("/executors/alice/Hello?tab=files&tag=v1").await;
    for text in [">lib/</a>", "3 files", ">executor.py</a>", "SHA-256"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    let folder = stranger.open("/executors/alice/Hello?tab=files&tag=v1&path=lib").await;
    for text in [">deep/</a>", ">two.py</a>", "path=lib%2Fdeep", "aria-current=\"page\">lib</span>"] {
        assert!(folder.text().contains(text), "{text}: {}", folder.text());
    }
    assert!(!folder.text().contains("executor.py"));
    let file = stranger.open("/executors/alice/Hello?tab=files&tag=v1&path=lib%2Fdeep%2Fone.py").await;
    for text in [
        "<li id=\"L2\">",
        "<span class=\"hk\">def</span> <span class=\"hf\">one</span>",
        "<span class=\"hs\">&#39;one&#39;</span>",
        "<span class=\"hc\"># first</span>",
    ] {
        assert!(file.text().contains(text), "{text}: {}", file.text());
    }
    let empty = stranger.open("/executors/alice/Hello?tab=files&path=lib%2Ftwo.py").await;
    assert!(empty.text().contains("It is empty"), "{}", empty.text());
    let binary = stranger.open("/executors/alice/Hello?tab=files&path=lib%2Fweights.bin").await;
    assert!(binary.text().contains("It is no text"), "{}", binary.text());
    for missing in ["nothing.py", "lib%2F", "..%2Fexecutor.py", "%2Fexecutor.py", "lib%2Fdeep%2Fone.py%2Fx"] {
        let page = stranger.open(&format!("/executors/alice/Hello?tab=files&path={missing}")).await;
        assert_eq!(page.status(), 404, "{missing}");
    }
}

#[tokio::test]
async fn a_file_as_it_is_never_becomes_a_page_of_the_hub() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let html = format!("<!doctype html><html><body>{EVIL}</body></html>");
    let svg = format!("<svg xmlns=\"http://www.w3.org/2000/svg\">{EVIL}</svg>");
    let png = b"\x89PNG\r\n\x1a\n<script>alert(1)</script>".to_vec();
    let package =
        package("Hello").with("page.html", &html).with("a\"b.svg", &svg).with_bytes("pixel.png", png);
    push(&client, "executor.push", &[("name", "Hello"), ("public", "True")], &package).await;
    let id = id(&hub).await;
    let commit: uuid::Uuid = sqlx::query_scalar("SELECT id FROM commits").fetch_one(&hub.pool).await.unwrap();
    let mut stranger = Browser::new(&hub.url);
    for (path, kind, how, body) in [
        ("page.html", "text/plain; charset=utf-8", "attachment", html.as_bytes()),
        ("a%22b.svg", "text/plain; charset=utf-8", "attachment", svg.as_bytes()),
        ("pixel.png", "image/png", "inline", b"\x89PNG".as_slice()),
    ] {
        let raw = stranger.open(&format!("/files/{id}?commit={commit}&path={path}")).await;
        let header = |name: &str| raw.answer.headers[name].to_str().unwrap().to_owned();
        assert_eq!((raw.status(), header("content-type").as_str()), (200, kind), "{path}");
        assert!(header("content-disposition").starts_with(&format!("{how}; filename=\"")), "{path}");
        assert_eq!(header("content-disposition").matches('"').count(), 2, "{path}");
        assert!(header("content-security-policy").contains("sandbox"), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(raw.answer.body.starts_with(body), "{path}");
    }
    for path in ["page.html", "a%22b.svg"] {
        let page = stranger.open(&format!("/executors/alice/Hello?tab=files&path={path}")).await;
        assert!(
            !page.text().contains(EVIL) && page.text().contains("script&#62;"),
            "{path}: {}",
            page.text()
        );
    }
    let page = stranger.open("/executors/alice/Hello?tab=files&path=pixel.png").await;
    assert!(page.text().contains(&format!("<img class=\"picture\" src=\"/files/{id}")), "{}", page.text());
    for missing in ["commit=x&path=page.html", &format!("commit={commit}&path=nothing")] {
        assert_eq!(stranger.open(&format!("/files/{id}?{missing}")).await.status(), 404);
    }
}

#[tokio::test]
async fn what_changed_between_two_tags_is_told_line_by_line() {
    let hub = TestHub::start().await;
    let (_, client) = person(&hub, "alice").await;
    let first = package("Hello").with("gone.txt", "old\n").with("lib.py", "a = 1\nb = 2\nc = 3\n");
    push(&client, "executor.push", &[("name", "Hello"), ("public", "True"), ("tags", "v1")], &first).await;
    let second = package("Hello")
        .with("new.txt", EVIL)
        .with("lib.py", "a = 1\nb = 20\nc = 3\n")
        .with_bytes("data.bin", vec![0; 10]);
    push(&client, "executor.update", &[("id", "Hello"), ("tags", "v2")], &second).await;
    let mut stranger = Browser::new(&hub.url);
    let page = stranger.open("/executors/alice/Hello?tab=files&tag=v2").await;
    assert!(page.text().contains("<option value=\"v1\">"), "{}", page.text());
    let page = stranger.open("/executors/alice/Hello?tab=files&tag=v2&from=v1").await;
    let text = page.text();
    for (badge, path) in
        [("added", "data.bin"), ("removed", "gone.txt"), ("changed", "lib.py"), ("added", "new.txt")]
    {
        let line = text.split("<li>").find(|line| line.contains(&format!("<code>{path}</code>"))).unwrap();
        assert!(line.contains(&format!("badge {badge}")), "{path}: {line}");
    }
    assert!(!words(text).contains("executor.py"), "what is the same is left out");
    assert!(text.contains("<li class=\"removed\">") && text.contains("<span class=\"t\">b = 2</span>"));
    assert!(text.contains("<li class=\"added\">") && text.contains("<span class=\"t\">b = 20</span>"));
    assert!(text.contains("It is no text") && !text.contains(EVIL), "{text}");
    let same = stranger.open("/executors/alice/Hello?tab=files&tag=v2&from=v2").await;
    assert!(same.text().contains("They hold the same files"), "{}", same.text());
    assert_eq!(stranger.open("/executors/alice/Hello?tab=files&tag=v2&from=v9").await.status(), 404);
}

#[tokio::test]
async fn files_of_what_is_hidden_are_missing_and_reading_them_is_written_down() {
    let hub = TestHub::start().await;
    let (mut alice, client) = person(&hub, "alice").await;
    let (mut bob, _) = person(&hub, "bob").await;
    push(&client, "executor.push", &[("name", "Hidden"), ("private", "True")], &package("Hidden")).await;
    let id = id(&hub).await;
    let commit: uuid::Uuid = sqlx::query_scalar("SELECT id FROM commits").fetch_one(&hub.pool).await.unwrap();
    let raw = format!("/files/{id}?commit={commit}&path=executor.py");
    assert_eq!(alice.open(&raw).await.status(), 200);
    let told: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_entries WHERE actor = 'alice' AND action = 'executor.read' AND details->>'file' = 'executor.py'",
    )
    .fetch_one(&hub.pool)
    .await
    .unwrap();
    assert_eq!(told, 1);
    for browser in [&mut Browser::new(&hub.url), &mut bob] {
        let never = format!("/files/abcdefgh?commit={commit}&path=executor.py");
        let missing = browser.open(&never).await;
        for path in [
            raw.clone(),
            format!("/files/{id}?commit={commit}&path=nothing"),
            "/executors/alice/Hidden?tab=files&path=executor.py".to_owned(),
            "/executors/alice/Hidden?tab=files&from=latest".to_owned(),
        ] {
            let page = browser.open(&path).await;
            assert_eq!((page.status(), &page.answer.body), (404, &missing.answer.body), "{path}");
        }
    }
    // A commit of another Executor is none of this one.
    push(&client, "executor.push", &[("name", "Open"), ("public", "True")], &package("Open")).await;
    let open: String = sqlx::query_scalar("SELECT id FROM executors WHERE name = 'Open'")
        .fetch_one(&hub.pool)
        .await
        .unwrap();
    let page = bob.open(&format!("/files/{open}?commit={commit}&path=executor.py")).await;
    assert_eq!(page.status(), 404);
}
