//! Do upgrades survive being killed? A migration that is killed at any statement leaves what was there, and the next start
//! goes on; and a rehearsal changes nothing.

use executor_hub::MIGRATOR;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::used_hub;
use crate::{
    cli::run,
    support::database::{database, empty_database},
};

/// What a schema is, as far as names go.
async fn shape(options: &sqlx::postgres::PgConnectOptions) -> Vec<String> {
    let mut connection = options.connect().await.unwrap();
    sqlx::query_scalar(
        "SELECT format('%s.%s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull)
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i', 'v')
         UNION ALL
         SELECT p.oid::regprocedure::text || md5(p.prosrc) FROM pg_proc p
         WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
         UNION ALL
         SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
         ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap()
}

#[tokio::test]
async fn migrations_killed_between_and_inside_still_complete() {
    let whole = shape(&database().await.options()).await;
    let versions: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    let empty = empty_database().await;
    let options = empty.options();
    for version in &versions {
        // Inside: the statements of the file run as far as its last one, and then the connection dies with its backend.
        let migration = MIGRATOR.iter().find(|migration| migration.version == *version).unwrap();
        let mut killed = options.connect().await.unwrap();
        let pid: i32 = sqlx::query("SELECT pg_backend_pid()").fetch_one(&mut killed).await.unwrap().get(0);
        let mut transaction = killed.begin().await.unwrap();
        sqlx::raw_sql(migration.sql.clone()).execute(&mut *transaction).await.unwrap();
        let mut other = options.connect().await.unwrap();
        let ended: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1, 10000)")
            .bind(pid)
            .fetch_one(&mut other)
            .await
            .unwrap();
        assert!(ended);
        assert!(transaction.commit().await.is_err(), "it was killed");
        // Between: this one alone, then the process is gone.
        let mut connection = options.connect().await.unwrap();
        MIGRATOR.run_to(*version, &mut connection).await.unwrap();
        drop(connection);
    }
    executor_hub::store::migrate(&options).await.unwrap();
    assert_eq!(shape(&options).await, whole);
}

#[tokio::test]
async fn a_start_that_is_killed_at_any_moment_is_made_good_by_the_next() {
    let whole = shape(&database().await.options()).await;
    let empty = empty_database().await;
    let options = empty.options();
    let mut other = options.connect().await.unwrap();
    for round in 0..12_u64 {
        let kill = async {
            // At another moment each time: after so many looks at what it does.
            for _ in 0..round * 3 {
                let _: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity")
                    .fetch_one(&mut other)
                    .await
                    .unwrap();
            }
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .execute(&mut other)
            .await
            .unwrap();
        };
        let (_, ()) = tokio::join!(executor_hub::store::migrate(&options), kill);
    }
    executor_hub::store::migrate(&options).await.unwrap();
    assert_eq!(shape(&options).await, whole);
}

#[tokio::test]
async fn a_rehearsal_tells_what_would_be_applied_and_changes_nothing() {
    let (hub, _) = used_hub().await;
    // As the version before the one that notes backups left it.
    for statement in ["DROP TABLE backups", "DELETE FROM _sqlx_migrations WHERE version = 20261123000140"] {
        sqlx::query(AssertSqlSafe(statement)).execute(&hub.pool).await.unwrap();
    }
    let (done, said) = run(hub.database(), hub.folder(), &["migrate", "--rehearse"]).await;
    assert!(done && said.contains("would be applied\t20261123000140"), "{said}");
    let there: bool =
        sqlx::query_scalar("SELECT to_regclass('backups') IS NOT NULL").fetch_one(&hub.pool).await.unwrap();
    assert!(!there);
    let (done, said) = run(hub.database(), hub.folder(), &["migrate"]).await;
    assert!(done && said == "applied\t20261123000140\n", "{said}");
    let (done, said) = run(hub.database(), hub.folder(), &["migrate"]).await;
    assert!(done && said.is_empty(), "{said}");
}
