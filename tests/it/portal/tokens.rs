//! `/account/tokens`.

use executor_hub::domain::{Secret, user::Role};
use serde_json::json;

use crate::support::{browser::Browser, hub::TestHub};

const PASSWORD: &str = "correct horse battery";

async fn signed_in(hub: &TestHub) -> Browser {
    let password = Secret::new(PASSWORD);
    hub.app.auth().create_user_with_password("alice", None, Role::Member, &password).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    browser.sign_in("alice", PASSWORD).await;
    browser
}

#[tokio::test]
async fn a_token_is_shown_once_works_and_ends_when_it_is_deleted() {
    let hub = TestHub::start().await;
    let mut browser = signed_in(&hub).await;
    let page = browser.open("/account/tokens").await;
    let made = browser
        .submit(&page, "/account/tokens", &[("name", "laptop <1>"), ("scope", "write"), ("days", "30")])
        .await;
    let at = made.text().find("ehub_").expect("the token");
    let token: String = made.text()[at..].chars().take_while(|c| *c != '<').collect();
    let client = hub.anonymous().with_token(&token);
    assert_eq!(client.rpc("user.identity.whoami", json!({})).await.status, 200);
    let page = browser.open("/account/tokens").await;
    assert!(
        page.text().contains("laptop &#60;1&#62;") && page.text().contains("read and push"),
        "{}",
        page.text()
    );
    assert!(!page.text().contains(&token), "only once");
    let delete = page.text().split("action=\"").find(|rest| rest.contains("/delete\"")).unwrap();
    let delete = delete.split('"').next().unwrap().to_owned();
    let page = browser.submit(&page, &delete, &[]).await;
    assert!(page.text().contains("You have none"), "{}", page.text());
    assert_eq!(client.rpc("user.identity.whoami", json!({})).await.status, 401);
}

#[tokio::test]
async fn a_token_that_cannot_be_made_is_told_on_the_form() {
    let hub = TestHub::start().await;
    let mut browser = signed_in(&hub).await;
    let page = browser.open("/account/tokens").await;
    for (name, days) in [("", "30"), ("x", "0"), ("x", "many"), ("x", "99999")] {
        let page = browser
            .submit(&page, "/account/tokens", &[("name", name), ("scope", "read"), ("days", days)])
            .await;
        assert_eq!(page.status(), 400, "{name} {days}");
        assert!(page.text().contains("role=\"alert\"") && !page.text().contains("ehub_"));
    }
}

#[tokio::test]
async fn tokens_are_for_signed_in_people() {
    let hub = TestHub::start().await;
    let mut browser = signed_in(&hub).await;
    let mut stranger = Browser::new(&hub.url);
    assert_eq!(stranger.open("/account/tokens").await.path, "/sign-in?next=%2Faccount%2Ftokens");
    let page = browser.open("/account/tokens").await;
    browser.headers = vec![("sec-fetch-site", "cross-site")];
    let sent =
        browser.submit(&page, "/account/tokens", &[("name", "x"), ("scope", "admin"), ("days", "1")]).await;
    assert_eq!(sent.status(), 403);
}
