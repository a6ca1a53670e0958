//! Does an import take everything once, whoever breaks it off, and refuse what a push would refuse?

use std::fs;

use super::{push, used_hub};
use crate::{
    cli::run,
    support::{
        hub::{TestHub, Wanted},
        package::package,
    },
};

async fn empty_hub() -> TestHub {
    TestHub::start_with(Wanted { set: vec!["builds.mode=off"], ..Wanted::default() }).await
}

fn lines(printed: &str, what: &str) -> usize {
    printed.lines().filter(|line| line.contains(&format!("\t{what}"))).count()
}

async fn all(hub: &TestHub) -> Vec<(String, String, String, bool, Vec<u8>)> {
    sqlx::query_as(
        "SELECT u.login || '/' || e.name, e.visibility, t.name, t.is_protected, c.package_sha256
         FROM executors e JOIN users u ON u.id = e.owner_id JOIN tags t ON t.executor_id = e.id
         JOIN commits c ON c.id = t.commit_id ORDER BY 1, 3",
    )
    .fetch_all(&hub.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_folder_is_imported_with_owners_and_tags_and_a_second_time_nothing_changes() {
    let hub = empty_hub().await;
    let folder = tempfile::tempdir().unwrap();
    let owned = folder.path().join("alice");
    package("Hello").with("README.md", "# 1\n").write_to(&owned.join("Hello@v1"));
    fs::write(owned.join("Hello@v2.zip"), package("Hello").with("README.md", "# 2\n").zip()).unwrap();
    fs::write(owned.join("Broken.zip"), "no zip").unwrap();
    fs::write(owned.join("notes.txt"), "nothing").unwrap();
    let place = folder.path().to_str().unwrap();
    let arguments = ["import", place, "--create-people", "--protect"];
    let (done, said) =
        run(hub.database(), hub.folder(), &["import", place, "--create-people", "--dry-run"]).await;
    assert!(done && lines(&said, "would be taken") == 3, "{said}");
    assert_eq!(hub.count("users").await, 0);

    let mut command = crate::cli::command(hub.database(), hub.folder(), &arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "one was refused");
    assert_eq!(
        (lines(&said, "taken\t"), lines(&said, "refused\t"), lines(&said, "no Executor")),
        (2, 1, 1),
        "{said}"
    );
    let first = all(&hub).await;
    let tags: Vec<(&str, bool)> = first.iter().map(|row| (row.2.as_str(), row.3)).collect();
    assert_eq!(tags, [("v1", true), ("v2", true)]);

    fs::remove_file(owned.join("Broken.zip")).unwrap();
    let (done, said) = run(hub.database(), hub.folder(), &arguments).await;
    assert!(done && lines(&said, "unchanged\t") == 2, "{said}");
    assert_eq!((all(&hub).await, hub.count("commits").await), (first, 2));
}

#[tokio::test]
async fn another_hub_is_imported_with_its_tags_visibility_and_protection() {
    let (source, alice) = used_hub().await;
    push(&alice, "Hello", &[("tags", "v3")], 5).await;
    let hub = empty_hub().await;
    let token = hub.folder().join("token");
    fs::write(&token, alice.token().unwrap()).unwrap();
    let arguments =
        ["import", "--from-hub", &source.url, "--token-file", token.to_str().unwrap(), "--create-people"];
    let (done, said) = run(hub.database(), hub.folder(), &arguments).await;
    // What nobody owns needs somebody to own it.
    assert!(!done, "{said}");
    let (before, after) = (all(&source).await, all(&hub).await);
    assert_eq!(before, after);
    let commits = hub.count("commits").await;
    let mut again = arguments.to_vec();
    again.extend(["--owner", "alice"]);
    let (done, said) = run(hub.database(), hub.folder(), &again).await;
    assert!(done && lines(&said, "unchanged\t") == before.len() && lines(&said, "taken\t") == 1, "{said}");
    assert_eq!(hub.count("commits").await, commits + 1);
}
