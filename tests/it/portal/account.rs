//! `/account/…` and who is let into an Executor: what people see of themselves, and what they change.

use executor_hub::domain::{Secret, user::Role};

use crate::support::{
    browser::{Browser, Page},
    client::Client,
    hub::TestHub,
    package::package,
};

const PASSWORD: &str = "correct horse battery";

async fn person(hub: &TestHub, login: &str) -> Browser {
    let password = Secret::new(PASSWORD);
    hub.app.auth().create_user_with_password(login, None, Role::Member, &password).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    browser.sign_in(login, PASSWORD).await;
    browser
}

/// The addresses of the forms that end sessions.
fn ends(page: &Page) -> Vec<String> {
    let forms = page.text().split("action=\"").skip(1).map(|form| form.split('"').next().unwrap());
    forms.filter(|path| path.ends_with("/end")).map(str::to_owned).collect()
}

#[tokio::test]
async fn somebody_sees_where_they_are_signed_in_and_ends_it_elsewhere() {
    let hub = TestHub::start().await;
    let mut here = person(&hub, "alice").await;
    let mut bob = person(&hub, "bob").await;
    let mut elsewhere = Browser::new(&hub.url);
    elsewhere.headers = vec![("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0")];
    elsewhere.sign_in("alice", PASSWORD).await;
    let page = here.open("/account/sessions").await;
    assert!(page.text().contains("Firefox on Linux, from 127.0.0.1"), "{}", page.text());
    assert_eq!((ends(&page).len(), page.text().matches("this one").count()), (2, 1));
    // Somebody else's is none of one's own.
    let foreign = bob.open("/account/sessions").await;
    let other = ends(&page).into_iter().find(|path| !foreign.text().contains(path)).unwrap();
    assert_eq!(bob.post(&other, &foreign.hidden(0)).await.status(), 404);
    let firefox = page.text().split("<tr>").find(|row| row.contains("Firefox")).unwrap();
    let path = firefox.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = here.submit(&page, &path, &[]).await;
    assert_eq!((page.path.as_str(), ends(&page).len()), ("/account/sessions", 1));
    assert_eq!(elsewhere.open("/account/sessions").await.path.split('?').next(), Some("/sign-in"));
    // And this one, which signs out.
    let page = here.submit(&page, &ends(&page)[0].clone(), &[]).await;
    assert_eq!((page.path.as_str(), here.cookies.contains_key("st")), ("/sign-in", false));
    let ended: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_entries WHERE action = 'session.end' AND actor = 'alice'",
    )
    .fetch_one(&hub.pool)
    .await
    .unwrap();
    assert_eq!(ended, 2);
}

#[tokio::test]
async fn all_other_sessions_end_at_once_and_tokens_of_programs_stay() {
    let hub = TestHub::start().await;
    let mut here = person(&hub, "alice").await;
    let mut others = [Browser::new(&hub.url), Browser::new(&hub.url)];
    for other in &mut others {
        other.sign_in("alice", PASSWORD).await;
    }
    let alice = hub.app.auth().find_user("alice").await.unwrap();
    let token = hub.app.auth().issue_personal_token(alice.id, "ci", Some(1)).await.unwrap();
    let page = here.open("/account/sessions").await;
    let page = here.submit(&page, "/account/sessions/end-others", &[]).await;
    assert_eq!(ends(&page).len(), 1);
    for other in &mut others {
        assert_eq!(other.open("/account/sessions").await.path.split('?').next(), Some("/sign-in"));
    }
    let client = Client::new(&hub.url).with_token(token.expose());
    assert_eq!(client.get("/api/v1/me").await.status, 200);
}

#[tokio::test]
async fn a_team_is_made_filled_renamed_and_deleted_by_its_maintainer_alone() {
    let hub = TestHub::start().await;
    let mut alice = person(&hub, "alice").await;
    let mut bob = person(&hub, "bob").await;
    let mut carol = person(&hub, "carol").await;
    let page = alice.open("/account/teams").await;
    assert!(page.text().contains("You belong to none"));
    let page = alice.submit(&page, "/account/teams", &[("name", "vision")]).await;
    assert_eq!(page.path, "/account/teams/vision");
    let add = "/account/teams/vision/members";
    let page = alice.submit(&page, add, &[("login", "nobody"), ("role", "member")]).await;
    assert!(page.status() == 404 && page.text().contains("There is nobody called"), "{}", page.text());
    let page = alice.submit(&page, add, &[("login", "bob"), ("role", "member")]).await;
    assert!(page.text().contains(">bob</td>") || page.text().contains("<td>bob"), "{}", page.text());
    // A member sees it and may leave; who is in it is nobody else's business.
    let seen = bob.open("/account/teams/vision").await;
    assert!(
        seen.status() == 200 && !seen.text().contains("Delete vision") && seen.text().contains(">Leave<")
    );
    let own = seen.hidden(0).into_iter().find(|(name, _)| name == "form_token").unwrap();
    let sent = [own.clone(), ("login".into(), "alice".into())];
    assert_eq!(bob.post("/account/teams/vision/remove", &sent).await.status(), 403);
    assert_eq!(bob.post("/account/teams/vision/delete", &[own]).await.status(), 403);
    assert_eq!(carol.open("/account/teams/vision").await.status(), 403);
    assert_eq!(carol.open("/account/teams/other").await.status(), 404);
    // The last maintainer stays.
    let page = alice.open("/account/teams/vision").await;
    let refused = alice.submit(&page, "/account/teams/vision/remove", &[("login", "alice")]).await;
    assert!(refused.text().contains("at least one maintainer"), "{}", refused.text());
    let page = alice.submit(&page, "/account/teams/vision/rename", &[("name", "sight")]).await;
    assert_eq!(page.path, "/account/teams/sight");
    assert!(bob.open("/account/teams").await.text().contains(">sight</a>"));
    let page = alice.submit(&page, "/account/teams/sight/delete", &[]).await;
    assert!(page.path == "/account/teams" && page.text().contains("You belong to none"));
}

#[tokio::test]
async fn an_owner_lets_people_in_and_shuts_them_out_again() {
    let hub = TestHub::start().await;
    let mut alice = person(&hub, "alice").await;
    let mut bob = person(&hub, "bob").await;
    let client = Client::new(&hub.url).with_token(&alice.cookies["st"]);
    let answer =
        client.push("executor.push", &[("name", "Hidden"), ("private", "True")], &package("Hidden")).await;
    assert_eq!(answer.last_line()["type"], "complete", "{}", answer.last_line());
    let id: String = sqlx::query_scalar("SELECT id FROM executors").fetch_one(&hub.pool).await.unwrap();
    assert_eq!(bob.open("/executors/alice/Hidden").await.status(), 404);
    let (path, remove) = (format!("/settings/{id}/people"), format!("/settings/{id}/people/remove"));
    let page = alice.open("/executors/alice/Hidden?tab=settings").await;
    let fields = [("kind", "person"), ("name", "bob"), ("level", "read")];
    let page = alice.submit(&page, &path, &fields).await;
    assert!(page.text().contains("Shut out bob"), "{}", page.text());
    assert_eq!(bob.open("/executors/alice/Hidden").await.status(), 200);
    // Reading is not managing.
    let token = bob.open("/account/teams").await.hidden(0);
    let mut sent = token.clone();
    sent.extend(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(bob.post(&path, &sent).await.status(), 403);
    assert!(!bob.open("/executors/alice/Hidden?tab=settings").await.text().contains("Shut out"));
    alice.submit(&page, &remove, &[]).await;
    assert_eq!(bob.open("/executors/alice/Hidden").await.status(), 404);
    let wrong = [("kind", "team"), ("name", "no such"), ("level", "read")];
    assert_eq!(alice.submit(&page, &path, &wrong).await.status(), 400);
}
