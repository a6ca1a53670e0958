//! `/setup`, `/sign-up` and `/invitations/…`: how accounts come to be.

use std::os::unix::fs::PermissionsExt as _;

use executor_hub::{auth::setup::Setup, domain::user::Role};

use crate::support::{
    browser::{Browser, Page},
    hub::{TestHub, Wanted},
};

const PASSWORD: &str = "correct horse battery";

async fn setup_code(hub: &TestHub) -> String {
    match hub.app.auth().offer_setup().await.unwrap() {
        Setup::Offered(code) => code.expose().to_owned(),
        other => panic!("{other:?}"),
    }
}

async fn set_up(browser: &mut Browser, code: &str, login: &str) -> Page {
    let page = browser.open("/setup").await;
    let fields =
        [("code", code), ("login", login), ("name", ""), ("password", PASSWORD), ("again", PASSWORD)];
    browser.submit(&page, "/setup", &fields).await
}

#[tokio::test]
async fn the_setup_code_makes_one_admin_and_is_gone() {
    let hub = TestHub::start().await;
    let code = setup_code(&hub).await;
    let file = hub.app.auth().rules().setup_file.clone();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), code);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(hub.app.auth().offer_setup().await.unwrap(), Setup::OfferedBefore), "a second start");
    let mut browser = Browser::new(&hub.url);
    assert_eq!(set_up(&mut browser, "another-code", "root").await.status(), 401);
    let page = set_up(&mut browser, &format!(" {code}\n"), "root").await;
    assert!(page.text().contains("Sign out"), "{}", page.text());
    assert_eq!(hub.app.auth().find_user("root").await.unwrap().role, Role::Admin);
    assert!(!file.exists());
    assert!(matches!(hub.app.auth().offer_setup().await.unwrap(), Setup::Done));
    let late = set_up_again(&hub, &code).await;
    assert_eq!(late.status(), 409, "{}", late.text());
    assert_eq!(hub.count("users").await, 1);
}

/// With a form that was open before somebody else was first.
async fn set_up_again(hub: &TestHub, code: &str) -> Page {
    let mut browser = Browser::new(&hub.url);
    let page = browser.open("/sign-in").await;
    let mut fields: Vec<(String, String)> =
        page.hidden(0).into_iter().filter(|(name, _)| name == "form_token").collect();
    for (name, value) in
        [("code", code), ("login", "second"), ("name", ""), ("password", PASSWORD), ("again", PASSWORD)]
    {
        fields.push((name.to_owned(), value.to_owned()));
    }
    browser.post("/setup", &fields).await
}

#[tokio::test]
async fn of_many_with_the_setup_code_one_becomes_admin() {
    let hub = TestHub::start().await;
    let code = setup_code(&hub).await;
    let tries = (0..8).map(|n| {
        let (url, code) = (hub.url.clone(), code.clone());
        async move {
            set_up(&mut Browser::new(&url), &code, &format!("admin{n}")).await.text().contains("Sign out")
        }
    });
    let done = futures_util::future::join_all(tries).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    assert_eq!(hub.count("users").await, 1);
}

#[tokio::test]
async fn an_old_setup_code_is_refused_and_replaced_at_the_next_start() {
    let hub = TestHub::start().await;
    let old = setup_code(&hub).await;
    sqlx::query("UPDATE setup_code SET expires_at = now()").execute(&hub.pool).await.unwrap();
    assert_eq!(set_up(&mut Browser::new(&hub.url), &old, "root").await.status(), 401);
    let new = setup_code(&hub).await;
    assert_ne!(old, new);
    assert_eq!(set_up(&mut Browser::new(&hub.url), &new, "root").await.status(), 200);
}

#[tokio::test]
async fn nobody_has_a_password_before_setup_and_the_sign_in_page_leads_there() {
    let hub = TestHub::start().await;
    let mut browser = Browser::new(&hub.url);
    assert_eq!(browser.open("/sign-in").await.path, "/setup");
    for (login, password) in [("admin", "admin"), ("admin", ""), ("root", "root"), ("postgres", "postgres")] {
        let sent = serde_json::json!({"name": login, "password": password});
        assert_ne!(hub.anonymous().rpc("user.identity.passwordLogin", sent).await.status, 200);
    }
}

#[tokio::test]
async fn an_invited_person_chooses_a_password_once() {
    let hub = TestHub::start().await;
    let user = hub.app.auth().create_user("alice", None, Role::Member).await.unwrap();
    let first = hub.app.auth().invite(&user).await.unwrap();
    let word = hub.app.auth().invite(&user).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    let replaced = browser.open(&format!("/invitations/{}", first.expose())).await;
    assert_eq!(replaced.status(), 404, "a newer invitation takes its place");
    let path = format!("/invitations/{}", word.expose());
    let page = browser.open(&path).await;
    assert!(page.text().contains("Choose a password, alice"));
    for (password, again) in [("short", "short"), (PASSWORD, "correct horse buttery"), ("alice", "alice")] {
        let page = browser.submit(&page, &path, &[("password", password), ("again", again)]).await;
        assert_eq!(page.status(), 400, "{password}");
        assert!(page.text().contains("role=\"alert\"") && !page.text().contains(PASSWORD));
    }
    let done = browser.submit(&page, &path, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert!(done.text().contains("Sign out"), "{}", done.text());
    assert_eq!(browser.open(&path).await.status(), 404);
    assert_eq!(Browser::new(&hub.url).sign_in("alice", PASSWORD).await.status(), 200);
}

#[tokio::test]
async fn invitations_end_after_a_week_and_with_their_person() {
    let hub = TestHub::start().await;
    for (login, end) in [
        ("late", "UPDATE invitations SET expires_at = now()"),
        ("gone", "UPDATE users SET disabled_at = now() WHERE login = 'gone'"),
    ] {
        let user = hub.app.auth().create_user(login, None, Role::Member).await.unwrap();
        let path = format!("/invitations/{}", hub.app.auth().invite(&user).await.unwrap().expose());
        let mut browser = Browser::new(&hub.url);
        let page = browser.open(&path).await;
        assert_eq!(page.status(), 200);
        sqlx::query(end).execute(&hub.pool).await.unwrap();
        let sent = browser.submit(&page, &path, &[("password", PASSWORD), ("again", PASSWORD)]).await;
        assert_eq!((sent.status(), browser.open(&path).await.status()), (404, 404), "{login}");
    }
}

#[tokio::test]
async fn registration_is_closed_unless_the_operator_opens_it() {
    let hub = TestHub::start().await;
    hub.person("somebody").await;
    let mut browser = Browser::new(&hub.url);
    assert_eq!(browser.open("/sign-up").await.status(), 403);
    let sign_in = browser.open("/sign-in").await;
    assert!(!sign_in.text().contains("/sign-up"));
    // Nor by a form that somebody made up.
    let mut fields: Vec<(String, String)> =
        sign_in.hidden(0).into_iter().filter(|(name, _)| name == "form_token").collect();
    for (name, value) in [("login", "eve"), ("name", ""), ("password", PASSWORD), ("again", PASSWORD)] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    assert_eq!(browser.post("/sign-up", &fields).await.status(), 403);
    assert_eq!(hub.count("users").await, 1);
}

#[tokio::test]
async fn whoever_signs_up_becomes_a_member_and_no_more() {
    let set = vec!["auth.registration=open"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    hub.person("somebody").await;
    let mut browser = Browser::new(&hub.url);
    let page = browser.open("/sign-up").await;
    let fields = [("login", "eve"), ("name", "Eve"), ("password", PASSWORD), ("again", PASSWORD)];
    let mut greedy = fields.to_vec();
    greedy.push(("role", "admin"));
    assert_eq!(browser.submit(&page, "/sign-up", &greedy).await.status(), 400);
    let done = browser.submit(&page, "/sign-up", &fields).await;
    assert!(done.text().contains("Eve (eve)"), "{}", done.text());
    assert_eq!(hub.app.auth().find_user("eve").await.unwrap().role, Role::Member);
    let mut again = Browser::new(&hub.url);
    let page = again.open("/sign-up").await;
    let taken = again
        .submit(
            &page,
            "/sign-up",
            &[("login", "EVE"), ("name", ""), ("password", PASSWORD), ("again", PASSWORD)],
        )
        .await;
    assert_eq!(taken.status(), 422);
    assert!(taken.text().contains("There is somebody called"));
}

#[tokio::test]
async fn nobody_makes_accounts_by_the_hundred() {
    let set = vec!["auth.registration=open", "auth.sign_in_attempts_per_address=3"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    hub.person("somebody").await;
    let mut statuses = Vec::new();
    for n in 0..5 {
        let mut browser = Browser::new(&hub.url);
        let page = browser.open("/sign-up").await;
        let login = format!("eve{n}");
        let fields = [("login", login.as_str()), ("name", ""), ("password", PASSWORD), ("again", PASSWORD)];
        statuses.push(browser.submit(&page, "/sign-up", &fields).await.status());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 429]);
}
