//! Does `check` find what is wrong, and only that? And does `--repair` make right what can be made right?

use std::{fs, time::SystemTime};

use super::{flip_a_bit, stored, used_hub};
use crate::{cli::run, support::hub::TestHub};

async fn check(hub: &TestHub, more: &[&str]) -> (bool, String) {
    let mut arguments = vec!["check"];
    arguments.extend(more);
    // What it prints counts in both cases.
    let mut command = crate::cli::command(hub.database(), hub.folder(), &arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn age(file: &std::path::Path) {
    let old = SystemTime::now() - std::time::Duration::from_hours(72);
    fs::File::options().write(true).open(file).unwrap().set_modified(old).unwrap();
}

#[tokio::test]
async fn a_hub_in_use_has_no_problems() {
    let (hub, _) = used_hub().await;
    let (good, said) = check(&hub, &["--deep"]).await;
    assert!(good && said.ends_with("problems\t0\n"), "{said}");
}

#[tokio::test]
async fn missing_damaged_and_needless_bytes_are_found() {
    let (hub, _) = used_hub().await;
    let packages = stored(&hub, "packages/");
    fs::remove_file(&packages[0]).unwrap();
    flip_a_bit(&packages[1]);
    let needless = hub.folder().join(format!("blobs/packages/sha256/00/{}.zip", "00".repeat(32)));
    fs::create_dir_all(needless.parent().unwrap()).unwrap();
    fs::write(&needless, "x").unwrap();
    let (good, said) = check(&hub, &[]).await;
    assert!(!good && said.contains("bytes_missing\t") && !said.contains("bytes_damaged"), "{said}");
    assert!(!said.contains("bytes_without_row"), "young bytes may be somebody's upload: {said}");
    age(&needless);
    let (good, said) = check(&hub, &["--deep"]).await;
    assert!(!good, "{said}");
    for problem in ["bytes_missing\t", "bytes_damaged\t", "bytes_without_row\t"] {
        assert_eq!(said.matches(problem).count(), 1, "{problem}: {said}");
    }
    assert!(said.contains("problems\t3"), "{said}");
    let (_, said) = check(&hub, &["--deep", "--repair"]).await;
    assert!(said.contains("problems\t2") && !needless.exists(), "{said}");
}

#[tokio::test]
async fn search_entries_and_counts_are_made_again() {
    let (hub, alice) = used_hub().await;
    let before: Vec<(String, String)> =
        sqlx::query_as("SELECT executor_id, body::text FROM search_entries ORDER BY executor_id")
            .fetch_all(&hub.pool)
            .await
            .unwrap();
    sqlx::query("DELETE FROM search_entries WHERE executor_id = $1")
        .bind(&before[0].0)
        .execute(&hub.pool)
        .await
        .unwrap();
    sqlx::query("UPDATE search_entries SET is_public = NOT is_public WHERE executor_id = $1")
        .bind(&before[1].0)
        .execute(&hub.pool)
        .await
        .unwrap();
    sqlx::query("UPDATE artifact_usage SET bytes = bytes + 7").execute(&hub.pool).await.unwrap();
    let (good, said) = check(&hub, &[]).await;
    assert!(!good, "{said}");
    for problem in ["search_entry_missing\t", "search_entry_wrong\t", "artifact_usage_wrong\talice "] {
        assert_eq!(said.matches(problem).count(), 1, "{problem}: {said}");
    }
    let (good, said) = check(&hub, &["--repair"]).await;
    assert!(good, "{said}");
    let after: Vec<(String, String)> =
        sqlx::query_as("SELECT executor_id, body::text FROM search_entries ORDER BY executor_id")
            .fetch_all(&hub.pool)
            .await
            .unwrap();
    assert_eq!(before, after);
    assert!(super::pulled(&alice, "Hello").await.is_ok());
}

#[tokio::test]
async fn a_tag_that_points_elsewhere_than_its_history_is_found() {
    let (hub, _) = used_hub().await;
    for statement in [
        "ALTER TABLE tags DISABLE TRIGGER USER",
        "UPDATE tags SET commit_id = (SELECT id FROM commits c WHERE c.executor_id = tags.executor_id AND c.id <> tags.commit_id)
         WHERE name = 'v1'",
        "ALTER TABLE tags ENABLE TRIGGER USER",
    ] {
        sqlx::query(statement).execute(&hub.pool).await.unwrap();
    }
    let (good, said) = run(hub.database(), hub.folder(), &["check"]).await;
    assert!(!good, "{said}");
    let (_, said) = check(&hub, &[]).await;
    assert!(said.contains("tag_history_disagrees\t") && said.contains(":v1 "), "{said}");
}
