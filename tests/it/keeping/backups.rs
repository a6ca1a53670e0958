//! Does a backup come back as the Hub that it was made of, and does it cost only what is new?

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use executor_hub::store::{bytes_lock, copied_tables::COPIED};
use sqlx::PgPool;

use super::{push, stored, used_hub};
use crate::{
    cli::run,
    support::{database::database, hub::TestHub},
};

async fn fingerprints(pool: &PgPool) -> Vec<(String, Option<String>)> {
    let mut all = Vec::new();
    for table in COPIED {
        let name = table.name;
        let query = format!("SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {name} t");
        let digest = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(pool).await.unwrap();
        all.push((name.to_owned(), digest));
    }
    all
}

fn told<'a>(printed: &'a str, what: &str) -> &'a str {
    printed
        .lines()
        .find_map(|line| line.strip_prefix(what)?.strip_prefix('\t'))
        .unwrap_or_else(|| panic!("{printed}"))
}

async fn back_up(hub: &TestHub, to: &Path, more: &[&str]) -> String {
    let mut arguments = vec!["backup", to.to_str().unwrap()];
    arguments.extend(more);
    let (done, printed) = run(hub.database(), hub.folder(), &arguments).await;
    assert!(done, "{printed}");
    printed
}

fn modes(folder: &Path, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        if entry.path().is_dir() {
            modes(&entry.path(), wrong);
        } else if mode != 0o600 {
            wrong.push(format!("{mode:o} {}", entry.path().display()));
        }
    }
}

#[tokio::test]
async fn a_backup_of_a_running_hub_comes_back_row_for_row_and_byte_for_byte() {
    let (hub, alice) = used_hub().await;
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("backups");
    let printed = back_up(&hub, &to, &["--include-key"]).await;
    assert_eq!(told(&printed, "restored for a test"), "yes");
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o700);
    let mut wrong = Vec::new();
    modes(&to, &mut wrong);
    assert_eq!(wrong, Vec::<String>::new(), "files of a backup are their owner's only");
    let before = fingerprints(&hub.pool).await;
    push(&alice, "Hello", &[], 9).await;

    let other = database().await;
    let folder = tempfile::tempdir().unwrap();
    let from = to.to_str().unwrap();
    let (done, printed) = run(&other, folder.path(), &["restore", from]).await;
    assert!(done, "{printed}");
    assert_eq!(fingerprints(&other.pool().await).await, before);
    assert_eq!(
        fs::read(folder.path().join("master.key")).unwrap(),
        fs::read(hub.folder().join("master.key")).unwrap()
    );
    let (done, printed) = run(&other, folder.path(), &["check", "--deep"]).await;
    assert!(done, "{printed}");
    assert_eq!(told(&printed, "problems"), "0");

    // What is there already is kept, unless somebody says otherwise.
    let (done, printed) = run(&other, folder.path(), &["restore", from]).await;
    assert!(!done && printed.contains("--replace"), "{printed}");
    let (done, printed) = run(&other, folder.path(), &["restore", from, "--replace"]).await;
    assert!(done, "{printed}");
    assert_eq!(fingerprints(&other.pool().await).await, before);
}

#[tokio::test]
async fn a_second_backup_copies_only_what_is_new_and_old_ones_can_go() {
    let (hub, alice) = used_hub().await;
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("backups");
    let first = back_up(&hub, &to, &["--no-verify"]).await;
    assert!(!told(&first, "new objects").starts_with("0\t"), "{first}");
    let second = back_up(&hub, &to, &["--no-verify"]).await;
    assert_eq!(told(&second, "new objects"), "0\t0 bytes");
    push(&alice, "Hello", &[], 9).await;
    // Nobody needs these bytes.
    let needless = to.join("objects/packages/sha256/00");
    fs::create_dir_all(&needless).unwrap();
    fs::write(needless.join(format!("{}.zip", "00".repeat(32))), "x").unwrap();
    let third = back_up(&hub, &to, &["--keep", "1"]).await;
    assert!(told(&third, "new objects").starts_with("1\t"), "{third}");
    assert_eq!(told(&third, "removed"), "2 backups\t1 objects");
    assert_eq!(fs::read_dir(to.join("backups")).unwrap().count(), 1);
    assert_eq!(hub.count("backups").await, 3);
}

#[tokio::test]
async fn pushes_during_a_backup_are_in_it_whole_or_not_at_all() {
    let (hub, alice) = used_hub().await;
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("backups");
    let pushing = tokio::spawn(async move {
        let mut version = 100;
        loop {
            push(&alice, "Busy", &[], version).await;
            version += 1;
        }
    });
    for _ in 0..3 {
        // Restores and checks by itself.
        back_up(&hub, &to, &[]).await;
    }
    pushing.abort();
}

#[tokio::test]
async fn nothing_is_collected_while_somebody_copies_the_bytes() {
    let (hub, _) = used_hub().await;
    for statement in [
        "DELETE FROM artifacts",
        "DELETE FROM image_tags",
        "DELETE FROM commit_images",
        "DELETE FROM image_manifests",
        "DELETE FROM image_blobs",
        "UPDATE image_bytes SET unneeded_since = '2020-01-01'",
    ] {
        sqlx::query(statement).execute(&hub.pool).await.unwrap();
    }
    let mut copying = hub.app.store().connect_alone().await.unwrap();
    assert!(bytes_lock::keep_bytes(&mut copying).await.unwrap());
    hub.app.hub().collect().await.unwrap();
    assert_eq!(stored(&hub, "artifacts/").len(), 1, "kept for the copy");
    assert_eq!(stored(&hub, "images/").len(), 2, "kept for the copy");
    sqlx::Connection::close(copying).await.unwrap();
    hub.app.hub().collect().await.unwrap();
    assert_eq!(stored(&hub, "artifacts/").len(), 0);
    assert_eq!(stored(&hub, "images/").len(), 0);
}

#[tokio::test]
async fn a_backup_without_the_hubs_key_is_refused_and_makes_none() {
    let (hub, _) = used_hub().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let to = elsewhere.path().join("backups");
    let (done, printed) = run(hub.database(), elsewhere.path(), &["backup", to.to_str().unwrap()]).await;
    assert!(!done && printed.contains("master key is not here"), "{printed}");
    assert!(!elsewhere.path().join("master.key").exists());
}

#[tokio::test]
async fn looking_and_copying_migrate_nothing() {
    let (hub, _) = used_hub().await;
    let last = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::query(last).execute(&hub.pool).await.unwrap();
    let before = hub.count("_sqlx_migrations").await;
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("backups");
    for arguments in [&["backup", to.to_str().unwrap()][..], &["check"]] {
        let (done, printed) = run(hub.database(), hub.folder(), arguments).await;
        assert!(!done && printed.contains("before an upgrade"), "{printed}");
    }
    assert_eq!(hub.count("_sqlx_migrations").await, before);
}

#[tokio::test]
async fn lost_bytes_are_told_and_the_rest_is_backed_up() {
    let (hub, _) = used_hub().await;
    let place = tempfile::tempdir().unwrap();
    let to = place.path().join("backups");
    fs::remove_file(&stored(&hub, "packages/")[0]).unwrap();
    let (done, printed) = run(hub.database(), hub.folder(), &["backup", to.to_str().unwrap()]).await;
    assert!(!done && printed.contains("lost the bytes of 1 objects"), "{printed}");
    assert_eq!(fs::read_dir(to.join("backups")).unwrap().count(), 1, "it is whole but for that");
}

#[tokio::test]
async fn a_private_postgres_is_backed_up_and_restored_the_same() {
    use crate::support::server::Installation;
    let one = Installation::without_builds_with_private_postgres();
    let server = one.serve().await;
    let alice = server.anonymous().with_token(&one.person("alice"));
    push(&alice, "Hello", &[], 1).await;
    let to = one.path().join("backups");
    one.run(&["backup", to.to_str().unwrap(), "--include-key"]);
    drop(server);
    let other = Installation::without_builds_with_private_postgres();
    other.run(&["restore", to.to_str().unwrap()]);
    let server = other.serve().await;
    let client = server.anonymous();
    assert!(super::pulled(&client, "alice/Hello").await.is_ok());
}
