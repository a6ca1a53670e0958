//! `jina auth`: signing in and out and keeping tokens, as the documentation of old shows it.

use executor_hub::domain::{Secret, user::Role};
use serde_json::{Value, json};

use crate::support::{
    browser::Browser,
    hub::TestHub,
    real_client::{Person, Running, Said},
};

const PASSWORD: &str = "correct horse battery";

async fn hub_with_alice() -> TestHub {
    let hub = TestHub::start().await;
    let password = Secret::new(PASSWORD);
    let alice = hub.app.auth().create_user_with_password("alice", Some("Alice A."), Role::Member, &password);
    alice.await.unwrap();
    hub
}

async fn keeps_tokens(generation: &str) {
    let hub = hub_with_alice().await;
    let user = hub.app.auth().find_user("alice").await.unwrap();
    let session = hub.app.auth().open_session(user.id, "test").await.unwrap();
    let call = async |token: &str, method: &str, arguments: Value| {
        let person = Person::new(generation, &hub.url).with_token(token);
        person.run(&["client", method, &arguments.to_string()]).await
    };
    let who = call(session.expose(), "get_user_info", json!({})).await;
    let who = &who.result()["data"];
    assert_eq!((&who["name"], &who["nickname"]), (&json!("alice"), &json!("Alice A.")));
    let wanted = json!({"name": "ci", "expiration_days": 7});
    let made = call(session.expose(), "create_personal_access_token", wanted).await;
    let token = made.result()["data"]["token"].as_str().unwrap();
    let listed = call(token, "list_personal_access_tokens", json!({})).await;
    assert_eq!(listed.result()["data"]["personal_access_tokens"][0]["name"], "ci");
    call(session.expose(), "delete_personal_access_token", json!({"name": "ci"})).await.result();
    // Refusals reach people as the client's own exceptions, never as a KeyError.
    let refused = call(token, "get_user_info", json!({})).await;
    assert_eq!(refused.exception(), "AuthenticationRequiredError");
    let unknown = call(session.expose(), "delete_personal_access_token", json!({"name": "ci"})).await;
    assert_eq!(unknown.exception(), "RequestedEntityNotFoundError");
    let wanted = json!({"name": "ci", "expiration_days": 0});
    let bad = call(session.expose(), "create_personal_access_token", wanted).await;
    assert_eq!(bad.exception(), "ParamValidationError");
}

#[tokio::test]
async fn sdk_0_39_0_keeps_personal_tokens() {
    keeps_tokens("sdk-0.39.0").await;
}

#[tokio::test]
async fn sdk_0_22_5_keeps_personal_tokens() {
    keeps_tokens("sdk-0.22.5").await;
}

/// Somebody signs in on the page that a waiting client shows.
async fn by_browser(hub: &TestHub, mut client: Running) -> Said {
    let before = "open the following link: ";
    let shown = client.shows(before).await;
    let page = shown.split_once(before).unwrap().1.lines().next().unwrap().trim().to_owned();
    let mut browser = Browser::new(&hub.url);
    let form = browser.open(&page).await;
    let question = browser.submit(&form, "/sign-in", &[("login", "alice"), ("password", PASSWORD)]).await;
    let done = browser.submit(&question, "/sign-in/device", &[("decision", "allow")]).await;
    assert!(done.text().contains("The program is signed in as alice"), "{}", done.text());
    client.end().await
}

#[tokio::test]
async fn sdk_0_39_0_signs_in_makes_a_token_and_signs_out_as_documented() {
    let hub = hub_with_alice().await;
    let person = Person::new("sdk-0.39.0", &hub.url);
    let auth = async |arguments: &[&str]| {
        let said = person.run(&[&["auth"], arguments].concat()).await;
        said.result();
        said.text
    };
    let said = by_browser(&hub, person.start(&["auth", "login"])).await;
    assert!(
        said.text.contains("Successfully logged in to Jina AI as Alice A. (username: alice)!"),
        "{}",
        said.text
    );
    let docker = std::fs::read_to_string(person.home().join(".docker/config.json")).unwrap();
    let docker: Value = serde_json::from_str(&docker).unwrap();
    assert_eq!(docker["credHelpers"][hub.url.strip_prefix("http://").unwrap()], "jina-hubble");

    let text = auth(&["login"]).await;
    assert!(text.contains("You are already logged in as Alice A."), "{text}");
    let text = auth(&["token", "create", "ci", "-e", "7"]).await;
    assert!(text.contains("New token created") && text.contains("ehub_"), "{text}");
    let text = auth(&["token", "list"]).await;
    assert!(text.contains("ci") && text.contains("personal"), "{text}");
    let text = auth(&["token", "delete", "ci"]).await;
    assert!(text.contains("Successfully deleted"), "{text}");

    let text = auth(&["logout"]).await;
    assert!(text.contains("You have successfully logged out"), "{text}");
    let live = "SELECT count(*) FROM tokens WHERE revoked_at IS NULL";
    let live: i64 = sqlx::query_scalar(live).fetch_one(&hub.pool).await.unwrap();
    assert_eq!(live, 1, "the browser's session; the client's is over");
    let text = auth(&["logout"]).await;
    assert!(text.contains("You are not logged in locally"), "{text}");
}

#[tokio::test]
async fn sdk_0_39_0_signs_in_from_a_program() {
    let hub = hub_with_alice().await;
    let person = Person::new("sdk-0.39.0", &hub.url);
    let said = by_browser(&hub, person.start(&["login"])).await;
    assert_eq!(said.result()["name"], "alice");
}
