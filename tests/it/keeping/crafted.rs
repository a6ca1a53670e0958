//! What does a backup that somebody changed do? Nothing: it is refused before anything of it is used.

use std::{fs, path::PathBuf};

use executor_hub::{auth::Keys, domain::Secret};
use serde_json::Value;
use tempfile::TempDir;

use super::used_hub;
use crate::{
    cli::run,
    support::database::{TestDatabase, database},
};

struct Crafted {
    place: TempDir,
    backup: PathBuf,
    target: TestDatabase,
    data: TempDir,
}

/// A good backup, and an empty Hub with the same key.
async fn crafted() -> Crafted {
    let (hub, _) = used_hub().await;
    let place = tempfile::tempdir().unwrap();
    let (done, printed) =
        run(hub.database(), hub.folder(), &["backup", place.path().to_str().unwrap(), "--no-verify"]).await;
    assert!(done, "{printed}");
    let backup = fs::read_dir(place.path().join("backups")).unwrap().next().unwrap().unwrap().path();
    let data = tempfile::tempdir().unwrap();
    fs::copy(hub.folder().join("master.key"), data.path().join("master.key")).unwrap();
    Crafted { place, backup, target: database().await, data }
}

impl Crafted {
    /// Changes the manifest; with `sign`, as somebody who has the key would.
    fn change(&self, sign: bool, change: impl FnOnce(&mut Value)) {
        let file = self.backup.join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        change(&mut manifest);
        let text = serde_json::to_vec(&manifest).unwrap();
        if sign {
            let keys = Keys::load(&Secret::new(""), self.data.path()).unwrap();
            fs::write(self.backup.join("manifest.signature"), keys.sign_backup(&text)).unwrap();
        }
        fs::write(file, text).unwrap();
    }

    async fn restore(&self) -> (bool, String) {
        run(&self.target, self.data.path(), &["restore", self.place.path().to_str().unwrap()]).await
    }

    async fn is_refused(&self, because: &str) {
        let (done, said) = self.restore().await;
        assert!(!done && said.contains(because), "{said}");
        let pool = self.target.pool().await;
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&pool).await.unwrap();
        assert_eq!(rows, 0);
        assert!(!self.data.path().join("blobs/packages").exists(), "no bytes either");
    }
}

#[tokio::test]
async fn a_changed_manifest_is_refused_for_its_signature() {
    let crafted = crafted().await;
    crafted.change(false, |manifest| manifest["taken_at"] = "2020-01-01T00:00:00Z".into());
    crafted.is_refused("was not signed with this Hub's master key").await;
}

#[tokio::test]
async fn a_table_that_no_backup_holds_is_refused_even_if_signed() {
    let crafted = crafted().await;
    crafted.change(true, |manifest| manifest["tables"][0]["name"] = "pg_authid".into());
    crafted.is_refused("a table that no backup holds: pg_authid").await;
    crafted.change(true, |manifest| manifest["tables"][0]["name"] = "setup_code".into());
    crafted.is_refused("a table that no backup holds: setup_code").await;
}

#[tokio::test]
async fn columns_that_the_table_does_not_have_are_refused_even_if_signed() {
    let crafted = crafted().await;
    crafted.change(true, |manifest| manifest["tables"][0]["columns"][0] = "id\", \"x".into());
    let (done, said) = crafted.restore().await;
    assert!(!done && said.contains("other columns"), "{said}");
}

#[tokio::test]
async fn changed_rows_and_changed_bytes_are_refused() {
    let crafted = crafted().await;
    let rows = crafted.backup.join("tables/users.gz");
    let good = fs::read(&rows).unwrap();
    super::flip_a_bit(&rows);
    crafted.is_refused("the rows of users").await;
    fs::write(&rows, good).unwrap();
    let shelf = fs::read_dir(crafted.place.path().join("objects/packages/sha256")).unwrap().next().unwrap();
    let object = fs::read_dir(shelf.unwrap().path()).unwrap().next().unwrap().unwrap().path();
    super::flip_a_bit(&object);
    crafted.is_refused("damaged").await;
}

#[tokio::test]
async fn a_backup_of_a_newer_program_is_refused_and_of_an_older_one_is_migrated() {
    let crafted = crafted().await;
    let mut newest = Value::Null;
    crafted.change(true, |manifest| {
        let migrations = manifest["migrations"].as_array_mut().unwrap();
        let mut unknown = migrations.last().unwrap().clone();
        unknown["version"] = 99_999_999_999_999_i64.into();
        migrations.push(unknown);
    });
    crafted.is_refused("another version of the program").await;
    crafted.change(true, |manifest| {
        let migrations = manifest["migrations"].as_array_mut().unwrap();
        migrations.pop();
        // The one that notes backups, which changes no table that is copied.
        let at = migrations.iter().position(|one| one["version"] == 20_261_123_000_140_i64).unwrap();
        newest = migrations.remove(at);
    });
    let (done, said) = crafted.restore().await;
    assert!(done, "{said}");
    let pool = crafted.target.pool().await;
    let seen: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM _sqlx_migrations WHERE version = $1)")
        .bind(newest["version"].as_i64().unwrap())
        .fetch_one(&pool)
        .await
        .unwrap();
    assert!(seen, "what was missing was applied after the rows came");
}
