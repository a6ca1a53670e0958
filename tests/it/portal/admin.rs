//! `/admin/…`: what those who run the Hub see and do, and that nobody else does.

use executor_hub::domain::{Secret, user::Role};

use crate::support::{
    browser::Browser,
    client::Client,
    engine::Script,
    hub::{TestHub, Wanted},
    package::package,
};

const PASSWORD: &str = "correct horse battery";
const PAGES: [&str; 6] =
    ["/admin", "/admin/people", "/admin/builds", "/admin/storage", "/admin/audit", "/admin/configuration"];

async fn person(hub: &TestHub, login: &str, role: Role) -> Browser {
    let password = Secret::new(PASSWORD);
    hub.app.auth().create_user_with_password(login, None, role, &password).await.unwrap();
    let mut browser = Browser::new(&hub.url);
    browser.sign_in(login, PASSWORD).await;
    browser
}

#[tokio::test]
async fn administration_is_not_there_for_people_and_asks_strangers_who_they_are() {
    let hub = TestHub::start().await;
    let mut admin = person(&hub, "root", Role::Admin).await;
    let mut alice = person(&hub, "alice", Role::Member).await;
    let missing = alice.open("/executors/nobody/Nothing").await;
    for path in PAGES {
        assert_eq!(admin.open(path).await.status(), 200, "{path}");
        let page = alice.open(path).await;
        assert_eq!((page.status(), &page.answer.body), (404, &missing.answer.body), "{path}");
        assert!(Browser::new(&hub.url).open(path).await.path.starts_with("/sign-in?next="), "{path}");
    }
    assert!(admin.open("/").await.text().contains("href=\"/admin\""));
    assert!(!alice.open("/").await.text().contains("/admin"));
    let token = alice.open("/account/teams").await.hidden(0);
    for path in [
        "/admin/people",
        "/admin/people/root/disable",
        "/admin/people/root/enable",
        "/admin/people/root/invite",
        "/admin/builds/pause",
        "/admin/builds/resume",
        "/admin/storage/collect",
    ] {
        assert_eq!(alice.post(path, &token).await.status(), 404, "{path}");
        assert_eq!(Browser::new(&hub.url).post(path, &[]).await.status(), 401, "{path}");
        // Another browser's form is no form of theirs, and half a form is none at all.
        assert!([400, 403].contains(&admin.post(path, &token).await.status()), "{path}");
    }
}

#[tokio::test]
async fn an_admin_invites_shuts_out_and_lets_in_again() {
    let hub = TestHub::start().await;
    let mut admin = person(&hub, "root", Role::Admin).await;
    let page = admin.open("/admin/people").await;
    let fields = [("login", "bob"), ("name", "Bob <b>"), ("role", "member")];
    let page = admin.submit(&page, "/admin/people", &fields).await;
    let link = page.text().split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(link.starts_with(&format!("{}/invitations/", hub.url)), "{link}");
    assert!(page.text().contains("has no password yet") && page.text().contains("Bob &#60;b&#62;"));
    assert!(!admin.open("/admin/people").await.text().contains("/invitations/"), "it is shown once");
    let mut bob = Browser::new(&hub.url);
    let path = link.strip_prefix(&hub.url).unwrap();
    let form = bob.open(path).await;
    bob.submit(&form, path, &[("password", PASSWORD), ("again", PASSWORD)]).await;
    assert_eq!(bob.open("/account/sessions").await.path, "/account/sessions");
    let page = admin.submit(&page, "/admin/people/bob/disable", &[]).await;
    assert!(page.text().contains("shut out"), "{}", page.text());
    assert!(bob.open("/account/sessions").await.path.starts_with("/sign-in"));
    let page = admin.submit(&page, "/admin/people/bob/enable", &[]).await;
    bob.sign_in("bob", PASSWORD).await;
    assert_eq!(bob.open("/account/sessions").await.path, "/account/sessions");
    let own = admin.submit(&page, "/admin/people/root/disable", &[]).await;
    assert!(own.text().contains("You cannot shut out yourself"), "{}", own.text());
    let taken = admin.submit(&page, "/admin/people", &fields).await;
    assert!(taken.text().contains("There is somebody called") && taken.text().contains("value=\"bob\""));
    assert_eq!(admin.submit(&page, "/admin/people/nobody/invite", &[]).await.status(), 404);
}

#[tokio::test]
async fn an_admin_sees_the_line_and_its_workers_and_pauses_them() {
    let hub = TestHub::start().await;
    let mut admin = person(&hub, "root", Role::Admin).await;
    let mut alice = person(&hub, "alice", Role::Member).await;
    let client = Client::new(&hub.url).with_token(&alice.cookies["st"]);
    hub.engine.next(Script::Waits);
    let push = |client: Client| async move {
        client.push("executor.push", &[("name", "Hello"), ("private", "True")], &package("Hello")).await
    };
    let pushing = tokio::spawn(push(client));
    hub.engine.has_started().await;
    let page = admin.open("/admin/builds").await;
    for text in ["alice/Hello", "badge running", "1 of ", "Docker"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    let page = admin.submit(&page, "/admin/builds/pause", &[("reason", "a new <disk>")]).await;
    assert!(page.text().contains("Builds are paused") && page.text().contains("a new &#60;disk&#62;"));
    assert!(admin.open("/admin").await.text().contains("paused"));
    let page = admin.submit(&page, "/admin/builds/resume", &[]).await;
    assert!(!page.text().contains("Builds are paused"), "{}", page.text());
    hub.engine.release();
    pushing.await.unwrap();
    let page = admin.open("/admin/builds").await;
    assert!(page.text().contains("Nothing runs, and nothing waits"), "{}", page.text());
    assert_eq!(alice.open("/admin/builds").await.status(), 404);
}

#[tokio::test]
async fn an_admin_sees_whose_the_space_is_and_what_nobody_needs() {
    let hub = TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await;
    let mut admin = person(&hub, "root", Role::Admin).await;
    let client = hub.person("alice").await;
    let answer =
        client.push("executor.push", &[("name", "Hello"), ("public", "True")], &package("Hello")).await;
    assert_eq!(answer.last_line()["type"], "complete", "{}", answer.last_line());
    let page = admin.open("/admin/storage").await;
    for text in ["?owner=alice", "alice/Hello", "What nobody needs"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    assert!(!page.text().contains("Packages that no commit has"));
    let page = admin.open("/admin/storage?unneeded=show").await;
    assert!(page.text().contains("Packages that no commit has</dt><dd>0 objects, 0 B"), "{}", page.text());
    let page = admin.submit(&page, "/admin/storage/collect", &[]).await;
    assert!(page.status() == 200 && page.text().contains("Collected."), "{}", page.text());
}

#[tokio::test]
async fn an_admin_reads_who_did_what_and_narrows_it() {
    let hub = TestHub::start().await;
    let mut admin = person(&hub, "root", Role::Admin).await;
    let client = hub.person("alice").await;
    client.push("executor.push", &[("name", "Hello"), ("private", "True")], &package("Hello")).await;
    let page = admin.open("/admin/audit").await;
    for text in ["<code>executor.push</code>", "alice/Hello", "<code>audit.export</code>", "127.0.0.1"] {
        assert!(page.text().contains(text), "{text}: {}", page.text());
    }
    let (read, pushed) = (page.text().find("audit.export</code>"), page.text().find("executor.push</code>"));
    assert!(read < pushed, "the newest first");
    let page = admin.open("/admin/audit?actor=ALICE&action=executor.push").await;
    assert!(page.text().contains("<code>executor.push</code>"));
    assert!(
        !page.text().contains("<code>audit.export</code>") && !page.text().contains("token.create</code>")
    );
    assert!(admin.open("/admin/audit?until=2020-01-01").await.text().contains("Nothing fits"));
    assert_eq!(admin.open("/admin/audit?since=yesterday").await.status(), 400);
    assert_eq!(admin.open("/admin/audit?cursor=x").await.status(), 400);
}

#[tokio::test]
async fn the_log_of_deeds_is_read_page_by_page() {
    let hub = TestHub::start().await;
    let mut admin = person(&hub, "root", Role::Admin).await;
    for n in 0..130 {
        hub.app.auth().create_user(&format!("user{n:03}"), None, Role::Member).await.unwrap();
    }
    let mut path = "/admin/audit?action=user.create".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = admin.open(&path).await;
        let rows = page.text().split("<td>user").skip(1).map(|row| row[..3].to_owned());
        seen.extend(rows);
        let Some(older) = page.text().split("class=\"button\" href=\"").nth(1) else { break };
        path = older.split('"').next().unwrap().replace("&#38;", "&");
    }
    let all: Vec<String> = (0..130).rev().map(|n| format!("{n:03}")).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn an_admin_sees_which_settings_count_and_no_secret() {
    let key = "auth.master_key=aaaabbbbccccddddeeeeffff0000111122223333444455556666777788889999";
    let set = vec!["builds.mode=off", key];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let mut admin = person(&hub, "root", Role::Admin).await;
    let page = admin.open("/admin/configuration").await;
    let row = |key: &str| {
        let rows = page.text().split("<tr");
        rows.filter(|row| row.contains(&format!("<code>{key}</code>"))).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(row("mode")[0].contains("off") && row("mode")[0].contains("<td>flag</td>"), "{:?}", row("mode"));
    assert!(row("shutdown_grace")[0].contains("<td>default</td>"), "{:?}", row("shutdown_grace"));
    assert!(row("master_key")[0].contains("(hidden)") && !page.text().contains("aaaabbbb"));
}
