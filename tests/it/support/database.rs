//! Where does a test keep its records? In a database of its own, migrated and empty, that is gone when the test is.
//!
//! It is a clone of a template that is made once per change of the migrations: on the server that `TEST_DATABASE_URL`
//! names, whose user must be allowed to create databases, or else on one that all tests share.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use sha2::{Digest, Sha256};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::OnceCell;

use executor_hub::MIGRATOR;

use super::{child::setting, keeper};

/// How names of databases for tests begin; they go on with the process that made them.
const TEST: &str = "executor_hub_test_";

/// How names of templates begin.
const TEMPLATE: &str = "executor_hub_template_";

/// Whoever makes a template holds this advisory lock.
const TEMPLATE_LOCK: i64 = 0x6875_625f_7465_7374;

/// The server of this process, kept until the process ends.
static SERVER: OnceCell<Server> = OnceCell::const_new();

struct Server {
    /// How to create and drop databases.
    creator: PgConnectOptions,
    /// The role that owns them and works in them.
    owner: String,
    template: String,
    /// Keeps the shared server running.
    _share: Option<keeper::Share>,
}

/// A database for one test; dropped with this value, whoever is still connected.
pub struct TestDatabase {
    name: String,
    server: &'static Server,
}

/// A new database, as the migrations leave it.
pub async fn database() -> TestDatabase {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(Server::find).await;
    let name = format!("{TEST}{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let (owner, template) = (&server.owner, &server.template);
    let mut connection = server.creator.connect().await.unwrap();
    // A process that was killed may have had our number.
    execute(&mut connection, format!("drop database if exists {name} with (force)")).await;
    // Where nothing is synced, copying files beats sending the same through the log.
    let create = format!("create database {name} template {template} strategy file_copy owner \"{owner}\"");
    execute(&mut connection, create).await;
    connection.close().await.unwrap();
    TestDatabase { name, server }
}

/// A new database without any schema.
pub async fn empty_database() -> TestDatabase {
    let database = database().await;
    let (name, owner) = (&database.name, &database.server.owner);
    let mut connection = database.server.creator.connect().await.unwrap();
    execute(&mut connection, format!("drop database {name} with (force)")).await;
    execute(&mut connection, format!("create database {name} template template0 owner \"{owner}\"")).await;
    connection.close().await.unwrap();
    database
}

impl TestDatabase {
    /// How to connect: on the shared server as the role that the Hub has by default, with no right but to its database.
    pub fn options(&self) -> PgConnectOptions {
        self.server.work_in(&self.name)
    }

    /// Connections for one test, few because others share the server.
    pub async fn pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(5)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(self.options())
            .await
            .unwrap()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let creator = self.server.creator.clone();
        let statement = format!("drop database {} with (force)", self.name);
        // On a thread, because the runtime of the test can neither be blocked nor be relied on here.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { execute(&mut creator.connect().await.unwrap(), statement).await });
        });
        let dropped = dropping.join();
        // A second panic would hide the first; what is left is swept at the next start.
        assert!(dropped.is_ok() || std::thread::panicking(), "cannot drop {}", self.name);
    }
}

impl Server {
    async fn find() -> Self {
        let template = template_name();
        let server = if let Some(url) = setting("TEST_DATABASE_URL") {
            let creator: PgConnectOptions = url.parse().unwrap();
            let owner = creator.get_username().to_owned();
            Self { creator, owner, template, _share: None }
        } else {
            let share = keeper::share_with_all_tests().await;
            Self { creator: share.superuser.clone(), owner: "hub".to_owned(), template, _share: Some(share) }
        };
        server.see_to_template().await;
        server
    }

    fn work_in(&self, database: &str) -> PgConnectOptions {
        self.creator.clone().username(&self.owner).database(database)
    }

    /// Makes the template if it is missing. Of several processes one makes it and the others wait.
    async fn see_to_template(&self) {
        let (owner, template) = (&self.owner, &self.template);
        let mut connection = self.creator.connect().await.unwrap();
        if exists(&mut connection, template).await {
            return;
        }
        sqlx::query("select pg_advisory_lock($1)")
            .bind(TEMPLATE_LOCK)
            .execute(&mut connection)
            .await
            .unwrap();
        if !exists(&mut connection, template).await {
            // Under another name until it is whole, since its maker may be killed.
            let unfinished = "executor_hub_unfinished";
            execute(&mut connection, format!("drop database if exists {unfinished} with (force)")).await;
            execute(&mut connection, format!("create database {unfinished} owner \"{owner}\"")).await;
            let mut migrating = self.work_in(unfinished).connect().await.unwrap();
            MIGRATOR.run(&mut migrating).await.unwrap();
            migrating.close().await.unwrap();
            execute(&mut connection, format!("alter database {unfinished} rename to {template}")).await;
        }
        connection.close().await.unwrap();
    }
}

/// Follows from the migrations, so that a change of them makes a new template.
fn template_name() -> String {
    let mut hash = Sha256::new();
    for migration in MIGRATOR.iter() {
        hash.update(migration.version.to_be_bytes());
        hash.update(&migration.checksum);
    }
    let digest = hex::encode(hash.finalize());
    format!("{TEMPLATE}{}", &digest[..16])
}

async fn exists(connection: &mut PgConnection, database: &str) -> bool {
    let query = sqlx::query_scalar("select exists (select from pg_database where datname = $1)");
    query.bind(database).fetch_one(connection).await.unwrap()
}

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

/// Drops what killed tests have left, and templates of other migrations. Only for whoever has the server alone.
pub async fn sweep(superuser: &PgConnectOptions) {
    let mut connection = superuser.connect().await.unwrap();
    let leftovers: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database \
         where starts_with(datname, $1) or (starts_with(datname, $2) and datname <> $3)",
    )
    .bind(TEST)
    .bind(TEMPLATE)
    .bind(template_name())
    .fetch_all(&mut connection)
    .await
    .unwrap();
    for leftover in leftovers {
        execute(&mut connection, format!("drop database {leftover} with (force)")).await;
    }
    connection.close().await.unwrap();
}

mod tests {
    use super::*;

    #[tokio::test]
    async fn every_test_has_a_database_of_its_own() {
        let (one, other) = (database().await, database().await);
        let (one_pool, other_pool) = (one.pool().await, other.pool().await);
        sqlx::query("create table here (n int)").execute(&one_pool).await.unwrap();
        assert!(sqlx::query("select from here").execute(&one_pool).await.is_ok());
        assert!(sqlx::query("select from here").execute(&other_pool).await.is_err());
    }

    #[tokio::test]
    async fn a_database_is_gone_with_its_test_even_if_connections_are_open() {
        let database = database().await;
        let (name, server) = (database.name.clone(), database.server);
        let pool = database.pool().await;
        let in_use = pool.acquire().await.unwrap();
        let mut connection = server.creator.connect().await.unwrap();
        assert!(exists(&mut connection, &name).await);
        drop(database);
        assert!(!exists(&mut connection, &name).await);
        drop(in_use);
    }

    #[tokio::test]
    async fn what_killed_tests_left_is_swept() {
        let ground = crate::postgres::ground::Ground::new();
        let postgres = ground.start().await;
        let superuser = postgres.superuser("postgres");
        let mut connection = superuser.connect().await.unwrap();
        let (left, kept) = (format!("{TEST}1_0"), template_name());
        let outdated = format!("{TEMPLATE}0");
        for name in [&left, &kept, &outdated] {
            execute(&mut connection, format!("create database {name}")).await;
        }
        sweep(&superuser).await;
        assert!(!exists(&mut connection, &left).await);
        assert!(!exists(&mut connection, &outdated).await);
        assert!(exists(&mut connection, &kept).await);
        postgres.stop().await;
    }
}
