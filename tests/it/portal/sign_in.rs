//! `/sign-in` and `/sign-out`.

use executor_hub::domain::{Secret, user::Role};
use serde_json::json;

use crate::support::{browser::Browser, hub::TestHub};

const PASSWORD: &str = "correct horse battery";

async fn hub_with_alice() -> TestHub {
    let hub = TestHub::start().await;
    let password = Secret::new(PASSWORD);
    hub.app
        .auth()
        .create_user_with_password("alice", Some("Alice <A>"), Role::Member, &password)
        .await
        .unwrap();
    hub
}

#[tokio::test]
async fn a_browser_signs_in_and_out() {
    let hub = hub_with_alice().await;
    let mut browser = Browser::new(&hub.url);
    let page = browser.sign_in("Alice", PASSWORD).await;
    assert_eq!(page.status(), 200);
    // Escaped, as every text of a person's.
    assert!(page.text().contains("Alice &#60;A&#62; (alice)"), "{}", page.text());
    let session = browser.cookies["st"].clone();
    let by_token = hub.anonymous().with_token(&session);
    assert_eq!(by_token.rpc("user.identity.whoami", json!({})).await.status, 200);
    let out = browser.submit(&page, "/sign-out", &[]).await;
    assert!(out.text().contains("<h1>Sign in</h1>") && !browser.cookies.contains_key("st"));
    assert_eq!(
        by_token.rpc("user.identity.whoami", json!({})).await.status,
        401,
        "the token is over as well"
    );
}

#[tokio::test]
async fn a_wrong_password_leaves_the_form_with_the_login_and_says_why() {
    let hub = hub_with_alice().await;
    let mut browser = Browser::new(&hub.url);
    let page = browser.sign_in("alice", "wrong password").await;
    assert_eq!(page.status(), 401);
    assert!(page.text().contains("value=\"alice\"") && page.text().contains("is wrong"));
    assert!(!page.text().contains("wrong password") && !browser.cookies.contains_key("st"));
    let page = browser.submit(&page, "/sign-in", &[("login", "alice"), ("password", PASSWORD)]).await;
    assert_eq!(page.status(), 200);
}

#[tokio::test]
async fn a_form_that_another_site_made_is_refused() {
    let hub = hub_with_alice().await;
    let mut browser = Browser::new(&hub.url);
    let fields = |token: &str| {
        let fields = [("form_token", token), ("login", "alice"), ("password", PASSWORD)];
        fields.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    assert_eq!(browser.post("/sign-in", &fields("")).await.status(), 403, "no cookie, no token");
    let page = browser.open("/sign-in").await;
    let good = page.hidden(0)[0].1.clone();
    let elsewhere = Browser::new(&hub.url).open("/sign-in").await.hidden(0)[0].1.clone();
    assert_eq!(browser.post("/sign-in", &fields(&elsewhere)).await.status(), 403, "another browser's token");
    browser.headers = vec![("sec-fetch-site", "cross-site")];
    assert_eq!(browser.post("/sign-in", &fields(&good)).await.status(), 403, "sent by another site");
    browser.headers = vec![("sec-fetch-site", "same-origin")];
    assert_eq!(browser.post("/sign-in", &fields(&good)).await.status(), 200);
    let stale = browser.post("/sign-out", &[("form_token".to_owned(), good)]).await;
    assert_eq!(stale.status(), 403, "a token from before the sign-in");
}

#[tokio::test]
async fn fields_that_the_page_does_not_have_are_refused() {
    let hub = hub_with_alice().await;
    let mut browser = Browser::new(&hub.url);
    let page = browser.open("/sign-in").await;
    let fields = [("login", "alice"), ("password", PASSWORD), ("role", "admin")];
    assert_eq!(browser.submit(&page, "/sign-in", &fields).await.status(), 400);
}

#[tokio::test]
async fn after_signing_in_one_goes_on_within_the_hub_and_nowhere_else() {
    let hub = hub_with_alice().await;
    for (next, wanted) in [
        ("/api/v1/executors?limit=1", "/api/v1/executors?limit=1"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
    ] {
        let mut browser = Browser::new(&hub.url);
        let encoded = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
        let page = browser.open(&format!("/sign-in?next={encoded}")).await;
        let page = browser.submit(&page, "/sign-in", &[("login", "alice"), ("password", PASSWORD)]).await;
        assert_eq!(page.path, wanted, "{next}");
    }
}

#[tokio::test]
async fn somebody_else_may_take_over_the_browser_of_who_is_signed_in() {
    let hub = hub_with_alice().await;
    hub.app
        .auth()
        .create_user_with_password("bob", None, Role::Member, &Secret::new(PASSWORD))
        .await
        .unwrap();
    let (link, _) = hub.app.auth().start_device_sign_in("test", [127, 0, 0, 1].into()).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    browser.sign_in("alice", PASSWORD).await;
    let question = browser.open(&format!("/sign-in?device={}", link.expose())).await;
    assert!(question.text().contains("I am not alice"));
    let form = browser.submit(&question, "/sign-out", &[]).await;
    let question = browser.submit(&form, "/sign-in", &[("login", "bob"), ("password", PASSWORD)]).await;
    assert!(question.text().contains("as bob?"), "{}", question.text());
}
