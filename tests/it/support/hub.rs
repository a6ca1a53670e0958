//! How does a test get a Hub? The real router on a real socket, a database of its own, a folder of its own, and a
//! scripted engine behind a real worker.

use std::{sync::Arc, time::Duration};

use executor_hub::{
    app::App,
    builds::worker::Worker,
    config::{Environment, Overrides, Settings},
    domain::{Clock, SystemClock, user::Role},
    http::{router, server},
    inspect::PythonParser,
    store::Store,
};
use sqlx::PgPool;
use tempfile::TempDir;

use super::{
    client::Client,
    database::{TestDatabase, database},
    engine::FakeEngine,
};

/// A running Hub.
pub struct TestHub {
    pub app: App,
    pub engine: Arc<FakeEngine>,
    pub worker: Arc<Worker>,
    /// For looking into the tables.
    pub pool: PgPool,
    pub url: String,
    folder: TempDir,
    database: TestDatabase,
}

/// What a test wants to be different.
#[derive(Default)]
pub struct Wanted {
    /// Settings, as on the command line.
    pub set: Vec<&'static str>,
    /// No worker runs: the test claims and builds by itself.
    pub without_worker: bool,
    /// The engine does not answer at the start.
    pub engine_is_away: bool,
    /// The path below which it is reached, such as `/hub`.
    pub base: &'static str,
    /// What tells the time; without one, the machine.
    pub clock: Option<Arc<dyn Clock>>,
}

impl TestHub {
    /// One with an engine that builds everything.
    pub async fn start() -> Self {
        Self::start_with(Wanted::default()).await
    }

    pub async fn start_with(wanted: Wanted) -> Self {
        let database = database().await;
        let folder = tempfile::tempdir().unwrap();
        let mut set: Vec<String> = wanted.set.iter().map(|text| (*text).to_owned()).collect();
        set.push(format!("server.data_dir={}", folder.path().display()));
        let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        set.push(format!("server.external_url={url}{}", wanted.base));
        let settings =
            Settings::load(&Environment::of([]), &Overrides { file: None, set }).expect("good settings");
        let store = Store::connect(database.options(), &settings.database).await.unwrap();
        let limits = settings.build_limits();
        let clock = wanted.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let app = App::new(settings, store, clock, PythonParser::InProcess).unwrap();
        app.hub().write_rules().await.unwrap();
        let engine = Arc::new(FakeEngine::default());
        engine.set_away(wanted.engine_is_away);
        let worker = app.worker(engine.clone(), format!("test:{}", folder.path().display()), limits);
        tokio::spawn(app.clone().listen());
        if app.settings().builds.mode != executor_hub::config::BuildMode::Off {
            worker.register().await.unwrap();
            if !wanted.without_worker {
                tokio::spawn(Arc::clone(&worker).run());
            }
        }
        let router = router(&app);
        tokio::spawn(server::serve(
            listener,
            router,
            server::Bounds { grace: Duration::ZERO, ..server::Bounds::of(&app.settings().server) },
            app.stopping(),
        ));
        Self { pool: database.pool().await, app, engine, worker, url, folder, database }
    }

    /// Its database, for commands beside it.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// Its data folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> Client {
        Client::new(&self.url)
    }

    /// A new person with a token.
    pub async fn person(&self, login: &str) -> Client {
        let user = self.app.auth().create_user(login, None, Role::Member).await.unwrap();
        let token = self.app.auth().issue_personal_token(user.id, "test", Some(1)).await.unwrap();
        self.anonymous().with_token(token.expose())
    }

    /// A new person with a session and no other token.
    pub async fn session(&self, login: &str) -> Client {
        let user = self.app.auth().create_user(login, None, Role::Member).await.unwrap();
        let token = self.app.auth().open_session(user.id, "test").await.unwrap();
        self.anonymous().with_token(token.expose())
    }

    /// How many rows a table has.
    pub async fn count(&self, table: &'static str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Files below the folder of objects, uploads in the making included.
    pub fn stored_files(&self) -> Vec<String> {
        fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), found);
                } else {
                    found.push(entry.path().display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.folder.path().join("blobs"), &mut found);
        found
    }
}

impl Drop for TestHub {
    fn drop(&mut self) {
        self.app.stopping().cancel();
    }
}
