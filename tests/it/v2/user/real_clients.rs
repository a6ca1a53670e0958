//! Unmodified clients that sign in and out and keep tokens, as the documentation of old shows it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{PASSWORD, person_with_password};
use crate::support::{browser::Browser, child::setting, hub::TestHub};

/// Somebody at a machine of their own with one generation of client.
struct Person {
    python: PathBuf,
    home: TempDir,
    url: String,
}

impl Person {
    fn new(generation: &str, hub: &TestHub) -> Self {
        let clients = setting("EXECUTOR_HUB_TEST_CLIENTS").expect(
            "this test needs the real clients: set EXECUTOR_HUB_TEST_CLIENTS to what scripts/python-clients.sh prints",
        );
        let python = Path::new(&clients).join(generation).join("bin/python");
        Self { python, home: tempfile::tempdir().unwrap(), url: hub.url.clone() }
    }

    fn command(&self, token: Option<&str>, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command
            .args(["-u", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/drive.py")])
            .args(arguments)
            .env_clear()
            .env("PATH", setting("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            // There is no browser here but the test's.
            .env("BROWSER", "true")
            .env("JINA_HUBBLE_REGISTRY", &self.url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(token) = token {
            command.env("JINA_AUTH_TOKEN", token);
        }
        command
    }

    /// Runs a command to its end: what it showed, and the driver's report.
    async fn run(&self, token: Option<&str>, arguments: &[&str]) -> (String, Value) {
        let mut command = self.command(token, arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        reported(String::from_utf8(output.stdout).unwrap())
    }

    async fn call(&self, token: &str, method: &str, arguments: Value) -> Value {
        let (shown, report) = self.run(Some(token), &["client", method, &arguments.to_string()]).await;
        assert_eq!(report["ok"], true, "{method}: {shown}");
        report["result"].clone()
    }
}

fn reported(text: String) -> (String, Value) {
    let report = text.trim_end().lines().last().and_then(|line| serde_json::from_str(line).ok());
    let report = report.unwrap_or_else(|| panic!("the driver did not report:\n{text}"));
    (text, report)
}

async fn keeps_tokens(generation: &str) {
    let hub = TestHub::start().await;
    let user =
        hub.app.auth().create_user("alice", Some("Alice A."), executor_hub::domain::user::Role::Member);
    let user = user.await.unwrap();
    let session = hub.app.auth().open_session(user.id, "test").await.unwrap();
    let (token, person) = (session.expose(), Person::new(generation, &hub));
    let who = person.call(token, "get_user_info", json!({})).await;
    assert_eq!((&who["data"]["name"], &who["data"]["nickname"]), (&json!("alice"), &json!("Alice A.")));
    let made =
        person.call(token, "create_personal_access_token", json!({"name": "ci", "expiration_days": 7})).await;
    let pat = made["data"]["token"].as_str().unwrap();
    let listed = person.call(pat, "list_personal_access_tokens", json!({})).await;
    assert_eq!(listed["data"]["personal_access_tokens"][0]["name"], "ci");
    person.call(token, "delete_personal_access_token", json!({"name": "ci"})).await;
    // Refusals reach people as the client's own exceptions, never as a KeyError.
    let (shown, report) = person.run(Some(pat), &["client", "get_user_info"]).await;
    assert_eq!(report["type"], "AuthenticationRequiredError", "{shown}");
    let (shown, report) =
        person.run(Some(token), &["client", "delete_personal_access_token", r#"{"name": "ci"}"#]).await;
    assert_eq!(report["type"], "RequestedEntityNotFoundError", "{shown}");
    let (shown, report) = person
        .run(
            Some(token),
            &["client", "create_personal_access_token", r#"{"name": "x", "expiration_days": 0}"#],
        )
        .await;
    assert_eq!(report["type"], "ParamValidationError", "{shown}");
}

#[tokio::test]
async fn sdk_0_39_0_keeps_personal_tokens() {
    keeps_tokens("sdk-0.39.0").await;
}

#[tokio::test]
async fn sdk_0_22_5_keeps_personal_tokens() {
    keeps_tokens("sdk-0.22.5").await;
}

/// Runs `jina auth login`, and somebody signs in with the page that it shows.
async fn sign_in_by_browser(person: &Person, arguments: &[&str]) -> (String, Value) {
    let mut child = person.command(None, arguments).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (page, stdout, shown) = tokio::task::spawn_blocking(move || {
        let mut shown = String::new();
        loop {
            let before = shown.len();
            assert!(stdout.read_line(&mut shown).unwrap() > 0, "the client ended early:\n{shown}");
            if let Some((_, page)) = shown[before..].split_once("open the following link: ") {
                return (page.trim().to_owned(), stdout, shown.clone());
            }
        }
    })
    .await
    .unwrap();
    let mut browser = Browser::new(&person.url);
    let form = browser.open(&page).await;
    let question = browser.submit(&form, "/sign-in", &[("login", "alice"), ("password", PASSWORD)]).await;
    let done = browser.submit(&question, "/sign-in/device", &[("decision", "allow")]).await;
    assert!(done.text().contains("The program is signed in as alice"), "{}", done.text());
    tokio::task::spawn_blocking(move || {
        let (mut stdout, mut shown) = (stdout, shown);
        stdout.read_to_string(&mut shown).unwrap();
        child.wait().unwrap();
        reported(shown)
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn sdk_0_39_0_signs_in_makes_a_token_and_signs_out_as_documented() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let person = Person::new("sdk-0.39.0", &hub);
    let (shown, report) = sign_in_by_browser(&person, &["auth", "login"]).await;
    assert_eq!(report["ok"], true, "{shown}");
    assert!(shown.contains("Successfully logged in to Jina AI as alice (username: alice)!"), "{shown}");
    let docker = std::fs::read_to_string(person.home.path().join(".docker/config.json")).unwrap();
    let docker: Value = serde_json::from_str(&docker).unwrap();
    assert_eq!(docker["credHelpers"][hub.url.strip_prefix("http://").unwrap()], "jina-hubble");

    let (shown, _) = person.run(None, &["auth", "login"]).await;
    assert!(shown.contains("You are already logged in as alice"), "{shown}");
    let (shown, report) = person.run(None, &["auth", "token", "create", "ci", "-e", "7"]).await;
    assert!(report["ok"] == true && shown.contains("ehub_"), "{shown}");
    let (shown, _) = person.run(None, &["auth", "token", "list"]).await;
    assert!(shown.contains("ci") && shown.contains("personal"), "{shown}");
    let (shown, _) = person.run(None, &["auth", "token", "delete", "ci"]).await;
    assert!(shown.contains("Successfully deleted"), "{shown}");

    let (shown, _) = person.run(None, &["auth", "logout"]).await;
    assert!(shown.contains("You have successfully logged out"), "{shown}");
    let live: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM tokens WHERE revoked_at IS NULL AND name = 'jina auth login'",
    )
    .fetch_one(&hub.pool)
    .await
    .unwrap();
    assert_eq!(live, 0, "the session is over");
    let (shown, _) = person.run(None, &["auth", "logout"]).await;
    assert!(shown.contains("You are not logged in locally"), "{shown}");
}

#[tokio::test]
async fn sdk_0_39_0_signs_in_from_a_program() {
    let hub = TestHub::start().await;
    person_with_password(&hub, "alice").await;
    let person = Person::new("sdk-0.39.0", &hub);
    let (shown, report) = sign_in_by_browser(&person, &["login"]).await;
    assert_eq!((&report["ok"], &report["result"]["name"]), (&json!(true), &json!("alice")), "{shown}");
}
