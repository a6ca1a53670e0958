//! Every change and every look at something private is written down, with who, what, when and from where, and stays.

use executor_hub::{
    auth::Caller,
    domain::{AccessLevel, access::Grantee, page::PageSize, user::Role},
    hub::audit::{Asker, Wanted},
};
use serde_json::{Value, json};

use super::{hub, hub_with, person, subject, with_role, with_secret};
use crate::support::{hub::TestHub, package::package};

/// Actions, actors and subjects, the oldest first, without those that made the test's people.
async fn lines(hub: &TestHub) -> Vec<(String, Option<String>, String, String)> {
    sqlx::query_as(
        "SELECT action, actor, by_right_of, subject FROM audit_entries
         WHERE action NOT IN ('user.create', 'token.create') ORDER BY number",
    )
    .fetch_all(&hub.pool)
    .await
    .unwrap()
}

fn line(action: &str, actor: &str, right: &str, subject: &str) -> (String, Option<String>, String, String) {
    let actor = (!actor.is_empty()).then(|| actor.to_owned());
    (action.to_owned(), actor, right.to_owned(), subject.to_owned())
}

#[tokio::test]
async fn what_happens_to_a_private_executor_is_told_line_by_line() {
    let hub = hub().await;
    let (alice, owner) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    alice
        .push("executor.create", &[("private", "True"), ("secret", "open-sesame")], &package("Hidden"))
        .await;
    let to = Grantee::Person("bob".parse().unwrap());
    hub.app.hub().grant_access(&owner, &subject("Hidden"), &to, AccessLevel::Read).await.unwrap();
    let pulled = bob.rpc("executor.getPackage", json!({"id": "alice/Hidden"})).await.json();
    let address = pulled["data"]["package"]["download"].as_str().unwrap();
    hub.anonymous().send(http::Method::HEAD, address, &[], Vec::new()).await;
    assert_eq!(hub.anonymous().get(address).await.status, 200);
    bob.rpc("executor.listAsyncTasks", json!({"id": "alice/Hidden"})).await;
    hub.anonymous().rpc("executor.getPackage", json!({"id": "alice/Hidden"})).await;
    hub.anonymous().rpc("executor.getPackage", json!({"id": "alice/Hidden", "secret": "open-sesame"})).await;
    hub.app.hub().rotate_secret(&owner, &subject("Hidden"), None).await.unwrap();
    hub.app.hub().revoke_access(&owner, &subject("Hidden"), &to).await.unwrap();
    let it = "alice/Hidden";
    assert_eq!(
        lines(&hub).await,
        [
            line("executor.push", "alice", "own", it),
            line("executor.access.grant", "alice", "own", it),
            line("executor.pull", "bob", "grant", it),
            line("executor.download", "bob", "grant", it),
            line("executor.build.read", "bob", "grant", it),
            line("executor.pull", "", "secret", it),
            line("executor.secret.rotate", "alice", "own", it),
            line("executor.access.revoke", "alice", "own", it),
        ]
    );
    let texts: Vec<String> = sqlx::query_scalar("SELECT audit_entries::text FROM audit_entries")
        .fetch_all(&hub.pool)
        .await
        .unwrap();
    assert!(!texts.iter().any(|text| text.contains("open-sesame") || text.contains("$argon2")), "{texts:?}");
}

#[tokio::test]
async fn reading_what_is_public_leaves_no_trace() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    alice.push("executor.push", &[], &package("Open")).await;
    let pulled = hub.anonymous().rpc("executor.getPackage", json!({"id": "alice/Open"})).await.json();
    hub.anonymous().get(pulled["data"]["package"]["download"].as_str().unwrap()).await;
    assert_eq!(lines(&hub).await, [line("executor.push", "alice", "own", "alice/Open")]);
}

#[tokio::test]
async fn an_entry_says_from_where_and_in_which_request() {
    let hub = hub_with(&["server.trusted_proxies=127.0.0.1"]).await;
    let (alice, _) = person(&hub, "alice").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    let headers = [("content-type", "application/json"), ("x-forwarded-for", "203.0.113.7, 198.51.100.9")];
    let body = json!({"id": "Hidden"}).to_string().into_bytes();
    let answer = alice.send(http::Method::POST, "/v2/rpc/executor.getPackage", &headers, body).await;
    let (address, request): (String, String) =
        sqlx::query_as("SELECT address, request_id FROM audit_entries WHERE action = 'executor.pull'")
            .fetch_one(&hub.pool)
            .await
            .unwrap();
    assert_eq!(address, "198.51.100.9", "what the proxy says, not what the client made up before it");
    assert_eq!(request, answer.headers["x-request-id"].to_str().unwrap());
}

#[tokio::test]
async fn a_refused_change_leaves_neither_change_nor_entry() {
    let hub = hub().await;
    let (alice, owner) = person(&hub, "alice").await;
    alice.push("executor.push", &[], &package("Hello")).await;
    let before = hub.count("audit_entries").await;
    let nobody = Grantee::Person("nobody".parse().unwrap());
    hub.app.hub().grant_access(&owner, &subject("Hello"), &nobody, AccessLevel::Read).await.unwrap_err();
    let wrong = with_secret("Hello", "wrong-secret");
    hub.app.hub().rotate_secret(&Caller::Anonymous, &wrong, None).await.unwrap_err();
    assert_eq!(hub.count("audit_entries").await, before);
}

#[tokio::test]
async fn nobody_changes_the_log_and_only_old_entries_go() {
    let hub = hub().await;
    let (_, alice) = person(&hub, "alice").await;
    let (_, root) = with_role(&hub, "root", Role::Admin).await;
    for change in
        ["UPDATE audit_entries SET actor = 'mallory'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"]
    {
        let refused = sqlx::query(change).execute(&hub.pool).await.unwrap_err();
        let code = refused.as_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(code, "HUB07", "{change}");
    }
    sqlx::query(
        "INSERT INTO audit_entries (at, action, by_right_of, subject_kind, subject_id, subject, details)
         VALUES (now() - interval '40 days', 'old', 'own', 'user', '1', 'x', '{}')",
    )
    .execute(&hub.pool)
    .await
    .unwrap();
    let use_cases = hub.app.hub();
    let refused = use_cases.forget_audit(Asker::Caller(&alice), 30).await.unwrap_err();
    assert_eq!(refused.code, "admins_only");
    assert_eq!(use_cases.forget_audit(Asker::Caller(&root), 29).await.unwrap_err().code, "audit_age");
    assert_eq!(use_cases.forget_audit(Asker::Caller(&root), 30).await.unwrap(), 1);
    assert_eq!(lines(&hub).await, [line("audit.forget", "root", "hub-admin", "the audit log")]);
}

#[tokio::test]
async fn the_log_is_read_in_pages_by_admins_alone() {
    let hub = hub().await;
    let (_, alice) = person(&hub, "alice").await;
    let (_, root) = with_role(&hub, "root", Role::Admin).await;
    let size = PageSize::nearest(Some(2));
    let use_cases = hub.app.hub();
    let wanted = Wanted::default();
    for (caller, code) in [(&alice, "admins_only"), (&Caller::Anonymous, "sign_in_required")] {
        let refused = use_cases.audit_page(Asker::Caller(caller), &wanted, None, size).await.unwrap_err();
        assert_eq!(refused.code, code);
        let refused =
            use_cases.audit_page(Asker::Caller(caller), &wanted, Some("1"), size).await.unwrap_err();
        assert_eq!(refused.code, code);
    }
    let (mut actions, mut cursor) = (Vec::new(), None);
    loop {
        let page =
            use_cases.audit_page(Asker::Caller(&root), &wanted, cursor.as_deref(), size).await.unwrap();
        assert!(page.items.len() <= 2);
        actions.extend(page.items.into_iter().map(|entry| entry.action));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(actions, ["user.create", "token.create", "user.create", "token.create", "audit.export"]);
    let about = Wanted { actor: Some("ROOT".into()), ..Wanted::default() };
    let page =
        use_cases.audit_page(Asker::Caller(&root), &about, None, PageSize::nearest(None)).await.unwrap();
    assert!(page.items.iter().all(|entry| entry.actor.as_deref() == Some("root")));
}

#[tokio::test]
async fn accounts_sessions_tokens_and_artifacts_are_in_the_log() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    alice.rpc("user.pat.create", json!({"name": "ci"})).await;
    alice.rpc("user.pat.delete", json!({"name": "ci"})).await;
    let user = hub.app.auth().find_user("alice").await.unwrap();
    let session = hub.app.auth().open_session(user.id, "browser").await.unwrap();
    hub.anonymous().with_token(session.expose()).rpc("user.session.dismiss", json!({})).await;
    hub.app.auth().disable_user("alice").await.unwrap();
    let told: Vec<(String, Option<String>, String, Value)> = sqlx::query_as(
        "SELECT action, actor, by_right_of, details FROM audit_entries ORDER BY number OFFSET 2",
    )
    .fetch_all(&hub.pool)
    .await
    .unwrap();
    let told: Vec<_> =
        told.iter().map(|(action, actor, right, _)| (&**action, actor.as_deref(), &**right)).collect();
    assert_eq!(
        told,
        [
            ("token.create", Some("alice"), "own"),
            ("token.revoke", Some("alice"), "own"),
            ("session.open", None, "operator"),
            ("session.end", Some("alice"), "own"),
            ("user.disable", None, "operator"),
        ]
    );
}

#[tokio::test]
async fn changes_of_tags_commits_builds_and_the_executor_are_told_once_each() {
    let hub = hub().await;
    let (alice, owner) = person(&hub, "alice").await;
    let (_, admin) = with_role(&hub, "root", Role::Admin).await;
    alice.push("executor.push", &[], &package("Hello")).await;
    alice.push("executor.push", &[], &package("Hello").with("README.md", "Again")).await;
    let listed = alice.get("/api/v1/executors/Hello/commits").await.json();
    let older = listed["commits"][1]["id"].as_str().unwrap().parse().unwrap();
    let (it, old) = (subject("Hello"), "old".parse().unwrap());
    let told = hub.app.hub();
    told.move_tag(&owner, &it, &old, older).await.unwrap();
    told.delete_tag(&owner, &it, &old).await.unwrap();
    told.undelete_tag(&owner, &it, &old).await.unwrap();
    told.set_tag_rules(&owner, &it, Some(&[])).await.unwrap();
    told.delete_commit(&owner, &it, older).await.unwrap();
    told.undelete_commit(&owner, &it, older).await.unwrap();
    told.protect_tag(&owner, &it, &old).await.unwrap();
    told.delete_tag(&owner, &it, &old).await.unwrap_err();
    told.delete_executor(&admin, &subject("alice/Hello")).await.unwrap();
    told.undelete_executor(&owner, &it).await.unwrap();
    told.pause_builds(&admin, "A new engine").await.unwrap();
    told.resume_builds(&admin).await.unwrap();
    let own = |action| line(action, "alice", "own", "alice/Hello");
    assert_eq!(
        lines(&hub).await,
        [
            own("executor.push"),
            own("executor.push"),
            own("executor.tag.move"),
            own("executor.tag.delete"),
            own("executor.tag.undelete"),
            own("executor.tag.rules"),
            own("executor.commit.delete"),
            own("executor.commit.undelete"),
            own("executor.tag.protect"),
            line("executor.delete", "root", "hub-admin", "alice/Hello"),
            own("executor.undelete"),
            line("builds.pause", "root", "hub-admin", "the queue of builds"),
            line("builds.resume", "root", "hub-admin", "the queue of builds"),
        ]
    );
}

#[tokio::test]
async fn looks_at_a_private_executor_by_the_api_and_feeds_are_told() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    let (bob, _) = person(&hub, "bob").await;
    alice.push("executor.push", &[("private", "True")], &package("Hidden")).await;
    for path in ["", "/commits", "/tags", "/tasks"] {
        let path = format!("/api/v1/executors/alice%2FHidden{path}");
        assert_eq!(
            (alice.get(&path).await.status.as_u16(), bob.get(&path).await.status.as_u16()),
            (200, 404),
            "{path}"
        );
    }
    assert_eq!(alice.get("/feeds/alice/Hidden.atom").await.status, 200);
    let made = json!({"name": "short", "scope": "read", "days": 1}).to_string().into_bytes();
    let headers = [("content-type", "application/json")];
    let made = alice.send(http::Method::POST, "/api/v1/tokens", &headers, made).await.json();
    let token = format!("/api/v1/tokens/{}", made["token"]["id"].as_str().unwrap());
    assert_eq!(alice.send(http::Method::DELETE, &token, &[], Vec::new()).await.status, 204);
    let told = lines(&hub).await;
    let read = line("executor.read", "alice", "own", "alice/Hidden");
    let mut expected = vec![line("executor.push", "alice", "own", "alice/Hidden")];
    expected.extend(std::iter::repeat_n(read.clone(), 3));
    expected.push(line("executor.build.read", "alice", "own", "alice/Hidden"));
    // A feed shows the Executor and its commits.
    expected.extend(std::iter::repeat_n(read, 2));
    expected.push(line("token.revoke", "alice", "own", "alice"));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_admin_exports_the_whole_log_as_lines_and_that_is_told() {
    let hub = hub().await;
    let (alice, _) = person(&hub, "alice").await;
    let (root, _) = with_role(&hub, "root", Role::Admin).await;
    // More than one round of an export.
    sqlx::query(
        "INSERT INTO audit_entries (at, action, actor, by_right_of, subject_kind, subject_id, subject, details)
         SELECT now(), 'executor.read', 'carol', 'own', 'executor', 'e' || n, 'carol/E' || n, '{}'
         FROM generate_series(1, 2500) n",
    )
    .execute(&hub.pool)
    .await
    .unwrap();
    let lines = [("accept", "application/x-ndjson")];
    let get = async |client: &crate::support::client::Client, path: &str| {
        client.send(http::Method::GET, path, &lines, Vec::new()).await
    };
    assert_eq!(get(&hub.anonymous(), "/api/v1/audit").await.status, 401);
    assert_eq!(get(&alice, "/api/v1/audit").await.status, 403);
    assert_eq!(get(&root, "/api/v1/audit?limit=3").await.status, 400, "an export has no pages");
    assert_eq!(get(&root, "/api/v1/audit?cursor=x").await.status, 400);
    let all = get(&root, "/api/v1/audit?actor=carol").await;
    assert_eq!(all.headers["content-type"], "application/x-ndjson");
    let all = all.lines();
    let subjects: Vec<&str> = all.iter().map(|entry| entry["subject"].as_str().unwrap()).collect();
    let expected: Vec<String> = (1..=2500).map(|n| format!("carol/E{n}")).collect();
    assert_eq!(subjects, expected, "each once, in order");
    let from = all[2399]["number"].as_i64().unwrap();
    let rest = get(&root, &format!("/api/v1/audit?actor=carol&cursor={from}")).await.lines();
    assert_eq!(rest, all[2400..]);
    let told = get(&root, "/api/v1/audit?actor=root").await.lines();
    let told: Vec<&str> = told.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(told, ["audit.export"; 3], "whoever looks is seen");
}
