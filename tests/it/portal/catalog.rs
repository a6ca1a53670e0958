//! `/`: what it lists, for whom, and in which words.

use executor_hub::domain::{Secret, task::FaultKind, user::Role};

use crate::support::{browser::Browser, client::Client, engine::Script, hub::TestHub, package::package};

const PASSWORD: &str = "correct horse battery";

/// Pushes an Executor with a description and keywords; its name.
async fn push(client: &Client, name: &str, visibility: &str, more: &str) {
    let config = format!("jtype: Hello\nmetas:\n  name: {name}\n{more}py_modules:\n  - executor.py\n");
    let package = package(name).with("config.yml", &config);
    let answer = client.push("executor.push", &[("name", name), (visibility, "True")], &package).await;
    assert_eq!(answer.last_line()["type"], "complete", "{}", answer.last_line());
}

/// The titles of a page's cards, in order.
fn titles(text: &str) -> Vec<String> {
    let cards = text.split("<li class=\"card\">").skip(1);
    cards
        .map(|card| {
            let link = card.split("</a>").next().unwrap();
            link.split("/executors/").nth(1).unwrap().split('"').next().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_catalogue_shows_what_was_pushed_last_first_and_to_strangers_only_what_is_public() {
    let hub = TestHub::start().await;
    hub.app
        .auth()
        .create_user_with_password("bob", None, Role::Member, &Secret::new(PASSWORD))
        .await
        .unwrap();
    let mut stranger = Browser::new(&hub.url);
    let mut bob = Browser::new(&hub.url);
    bob.sign_in("bob", PASSWORD).await;
    let client = Client::new(&hub.url).with_token(&bob.cookies["st"]);
    push(&client, "First", "public", "  description: Says <b>hello</b>\n  keywords: [text, greeting]\n")
        .await;
    push(&client, "Hidden", "private", "").await;
    push(&client, "Last", "public", "").await;
    let page = stranger.open("/").await;
    assert_eq!(titles(page.text()), ["bob/Last", "bob/First"]);
    assert!(
        page.text().contains("Says &#60;b&#62;hello") && page.text().contains(">greeting</a>"),
        "{}",
        page.text()
    );
    assert!(page.text().contains("<time datetime=\"20") && page.text().contains("just now"));
    assert!(!page.text().contains("Hidden") && !stranger.cookies.contains_key("st"));
    assert!(!page.answer.headers.contains_key("set-cookie"), "reading needs no cookie");
    let page = bob.open("/").await;
    assert_eq!(titles(page.text()), ["bob/Last", "bob/Hidden", "bob/First"]);
    assert!(page.text().contains("badge private"));
    assert_eq!(titles(stranger.open("/?sort=name").await.text()), ["bob/First", "bob/Last"]);
    assert_eq!(titles(stranger.open("/?keyword=GREETING").await.text()), ["bob/First"]);
    assert_eq!(titles(stranger.open("/?q=frist").await.text()), ["bob/First"], "a slip of the finger");
    assert_eq!(titles(stranger.open("/?owner=nobody").await.text()), [""; 0]);
    assert!(stranger.open("/?q=nothing-like-it").await.text().contains("No Executor fits"));
}

#[tokio::test]
async fn pages_of_the_catalogue_lead_to_the_end() {
    let hub = TestHub::start().await;
    let client = hub.person("carol").await;
    for n in 0..23 {
        push(&client, &format!("E{n:02}"), "public", "").await;
    }
    let mut browser = Browser::new(&hub.url);
    let first = browser.open("/?sort=name").await;
    let older = first.text().split("class=\"button\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let older = older.replace("&#38;", "&").replace("&amp;", "&");
    let second = browser.open(&older).await;
    let all: Vec<String> = [titles(first.text()), titles(second.text())].concat();
    assert_eq!(all, (0..23).map(|n| format!("carol/E{n:02}")).collect::<Vec<_>>());
    assert!(!second.text().contains("rel=\"next\""));
    assert!(first.answer.body.len() < 100_000, "{}", first.answer.body.len());
    assert_eq!(browser.open("/?cursor=nonsense").await.status(), 400);
}

#[tokio::test]
async fn an_empty_hub_shows_how_to_push_to_it() {
    let hub = TestHub::start().await;
    let mut browser = Browser::new(&hub.url);
    assert_eq!(browser.open("/").await.path, "/setup", "nobody is there yet");
    hub.person("somebody").await;
    for path in ["/", "/help/push"] {
        let page = browser.open(path).await;
        assert!(page.text().contains(&format!("JINA_HUBBLE_REGISTRY={}", hub.url)), "{}", page.text());
    }
}

#[tokio::test]
async fn text_of_the_address_is_never_markup() {
    let hub = TestHub::start().await;
    hub.person("somebody").await;
    let evil = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let mut browser = Browser::new(&hub.url);
    for path in [
        format!("/?q={evil}"),
        format!("/?keyword={evil}"),
        format!("/?sort={evil}"),
        format!("/?visibility={evil}&owner=a"),
    ] {
        let page = browser.open(&path).await;
        assert!(!page.text().contains("<script>alert"), "{path}: {}", page.text());
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let hub = TestHub::start().await;
    hub.person("somebody").await;
    let page = hub.anonymous().get("/help/push").await;
    let tag = page.headers["etag"].to_str().unwrap().to_owned();
    let headers = [("if-none-match", tag.as_str())];
    let again = hub.anonymous().send(http::Method::GET, "/help/push", &headers, Vec::new()).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(page.headers["cache-control"], "private, no-cache");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains("script-src 'self'; connect-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
}

#[tokio::test]
async fn a_hub_for_signed_in_people_sends_strangers_to_sign_in_and_back() {
    let wanted =
        crate::support::hub::Wanted { set: vec!["auth.sign_in_required=true"], ..Default::default() };
    let hub = TestHub::start_with(wanted).await;
    let password = Secret::new(PASSWORD);
    hub.app.auth().create_user_with_password("bob", None, Role::Member, &password).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    let page = browser.open("/?sort=name").await;
    assert_eq!(page.path, "/sign-in?next=%2F%3Fsort%3Dname");
    let back = browser.submit(&page, "/sign-in", &[("login", "bob"), ("password", PASSWORD)]).await;
    assert_eq!(back.path, "/?sort=name");
}

#[tokio::test]
async fn somebody_sees_their_failures_and_nobody_elses() {
    let hub = TestHub::start().await;
    let password = Secret::new(PASSWORD);
    for login in ["alice", "bob"] {
        hub.app.auth().create_user_with_password(login, None, Role::Member, &password).await.unwrap();
    }
    let (mut alice, mut bob) = (Browser::new(&hub.url), Browser::new(&hub.url));
    alice.sign_in("alice", PASSWORD).await;
    bob.sign_in("bob", PASSWORD).await;
    let client = Client::new(&hub.url).with_token(&alice.cookies["st"]);
    hub.engine.next(Script::Fails(FaultKind::Dependency));
    let fields = [("name", "Broken"), ("public", "True")];
    client.push("executor.push", &fields, &package("Broken")).await;
    let page = alice.open("/failures").await;
    assert!(page.text().contains("alice/Broken") && page.text().contains("/builds/"), "{}", page.text());
    assert!(alice.open("/").await.text().contains("href=\"/failures\""));
    assert!(bob.open("/failures").await.text().contains("Nothing failed"));
    let mut stranger = Browser::new(&hub.url);
    assert!(stranger.open("/failures").await.path.starts_with("/sign-in?next="));
    assert!(!stranger.open("/").await.text().contains("/failures"));
}

#[tokio::test]
async fn a_list_is_narrowed_to_what_has_an_image_for_a_platform() {
    let hub = TestHub::start().await;
    let client = hub.person("carol").await;
    push(&client, "First", "public", "").await;
    push(&client, "Second", "public", "").await;
    sqlx::query(
        "UPDATE images SET platform = 'linux/arm64' WHERE commit_id =
         (SELECT c.id FROM commits c JOIN executors e ON e.id = c.executor_id WHERE e.name = 'First')",
    )
    .execute(&hub.pool)
    .await
    .unwrap();
    let mut browser = Browser::new(&hub.url);
    let page = browser.open("/?platform=linux%2Farm64").await;
    assert_eq!(titles(page.text()), ["carol/First"]);
    assert!(page.text().contains("<option selected>linux/arm64</option>"), "{}", page.text());
    assert!(page.text().contains("Leave out Platform linux/arm64"));
    assert_eq!(titles(browser.open("/?platform=plan9%2Fmips").await.text()), [""; 0]);
    assert_eq!(titles(browser.open("/?platform=linux%2Farm64&q=second").await.text()), [""; 0]);
}
