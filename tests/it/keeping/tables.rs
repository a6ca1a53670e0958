//! Is every table of the schema decided upon? A new one belongs to backups or does not, and somebody has to say which.

use executor_hub::store::copied_tables::{COPIED, LEFT_OUT};

use crate::support::database::database;

#[tokio::test]
async fn every_table_is_copied_or_left_out_for_a_reason() {
    let database = database().await;
    let pool = database.pool().await;
    let mut decided: Vec<&str> =
        COPIED.iter().map(|table| table.name).chain(LEFT_OUT.iter().map(|(name, _)| *name)).collect();
    decided.sort_unstable();
    let there: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name COLLATE \"C\"",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert_eq!(decided, there, "src/store/copied_tables.rs decides which tables a backup holds");
}

#[tokio::test]
async fn every_row_comes_back_after_the_rows_that_it_refers_to() {
    let database = database().await;
    let pool = database.pool().await;
    let references: Vec<(String, String)> = sqlx::query_as(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
         WHERE contype = 'f' AND conrelid <> confrelid",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(references.len() > 10);
    let place = |name: &str| COPIED.iter().position(|table| table.name == name);
    for (from, to) in &references {
        let Some(from_place) = place(from) else { continue };
        assert!(place(to).is_some_and(|to_place| to_place < from_place), "{from} refers to {to}");
    }
}
