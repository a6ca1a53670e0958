//! What does a queue need to be tried without a Hub around it? Executors and commits by one statement each, workers without
//! engines, a clock that is moved by hand, and a database that fails when it is told to.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use executor_hub::{
    builds::{
        engine::BuiltImage,
        holder::{Holder, Outcome},
        keeping::{KeptImage, KeptImages},
        queue,
    },
    domain::{
        CommitId, ExecutorId, TaskId, WorkerId,
        clock::FixedClock,
        task::{Phase, TaskEvent},
    },
    store::{Store, StoreError, tasks::NewTask},
};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};

use crate::support::database::{TestDatabase, database};

pub const LEASE: TimeDelta = TimeDelta::seconds(30);
pub const MAX_ATTEMPTS: i32 = 4;

/// Numbers that follow from a seed (`SplitMix64`).
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            None
        } else {
            items.get(usize::try_from(self.roll(items.len() as u64)).unwrap())
        }
    }
}

/// A database with a queue.
pub struct World {
    /// One connection, so that a fault is met by the statement that it is meant for.
    pub store: Store,
    pub pool: PgPool,
    pub clock: Arc<FixedClock>,
    _database: TestDatabase,
}

impl World {
    pub async fn new() -> Self {
        let database = database().await;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            // Much longer than anything takes, however busy the machine.
            .acquire_timeout(std::time::Duration::from_mins(5))
            .connect_with(database.options())
            .await
            .unwrap();
        // The n-th statement that writes fails as if the server were going down.
        let tables =
            ["tasks", "task_events", "commits", "tags", "images", "executors", "workers", "queue_pause"];
        let function = "CREATE FUNCTION fail_as_told() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE left_over int := COALESCE(NULLIF(current_setting('world.left', true), ''), '-1')::int;
            BEGIN
                IF left_over = 0 THEN RAISE EXCEPTION 'told to fail' USING ERRCODE = '57P01'; END IF;
                IF left_over > 0 THEN PERFORM set_config('world.left', (left_over - 1)::text, false); END IF;
                RETURN NULL;
            END $$";
        sqlx::query(function).execute(&pool).await.unwrap();
        for table in tables {
            let trigger = format!(
                "CREATE TRIGGER fail_as_told BEFORE INSERT OR UPDATE OR DELETE ON {table}
                 FOR EACH STATEMENT EXECUTE FUNCTION fail_as_told()"
            );
            sqlx::query(AssertSqlSafe(trigger)).execute(&pool).await.unwrap();
        }
        let start = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000);
        let clock = Arc::new(FixedClock::at(start));
        Self { store: Store::from_pool(pool.clone()), pool, clock, _database: database }
    }

    /// Lets the write after `writes` more of them fail; `None` lets all work.
    pub async fn fail_after(&self, writes: Option<u64>) {
        let left = writes.map_or("-1".to_owned(), |writes| writes.to_string());
        sqlx::query("SELECT set_config('world.left', $1, false)")
            .bind(left)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    pub fn holder(&self) -> Holder {
        Holder {
            store: self.store.clone(),
            clock: self.clock.clone(),
            id: WorkerId::mint(),
            lease: LEASE,
            max_attempts: MAX_ATTEMPTS,
        }
    }

    /// A worker that is on the list, with an engine.
    pub async fn sign_of_life(&self, holder: &Holder) {
        sqlx::query(
            "INSERT INTO workers (id, name, slots, engine, started_at, seen_at) VALUES ($1, $2, 2, '{}', $3, $3)
             ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at",
        )
        .bind(holder.id.0)
        .bind(holder.id.to_string())
        .bind(self.now())
        .execute(&self.pool)
        .await
        .unwrap();
    }

    pub fn now(&self) -> DateTime<Utc> {
        executor_hub::domain::Clock::now(self.clock.as_ref())
    }

    /// An owner, or nobody, with one Executor.
    pub async fn executor(&self, owner: Option<&str>) -> ExecutorId {
        let id = ExecutorId::mint();
        if let Some(login) = owner {
            sqlx::query("INSERT INTO users (id, login, display_name, role, created_at) VALUES ($1, $2, $2, 'member', $3) ON CONFLICT DO NOTHING")
                .bind(WorkerId::mint().0)
                .bind(login)
                .bind(self.now())
                .execute(&self.pool)
                .await
                .unwrap();
        }
        sqlx::query(
            "INSERT INTO executors (id, owner_id, visibility, secret_hash, created_at)
             VALUES ($1, (SELECT id FROM users WHERE login = $2), 'public', 'none', $3)",
        )
        .bind(id.as_str())
        .bind(owner)
        .bind(self.now())
        .execute(&self.pool)
        .await
        .unwrap();
        id
    }

    /// A commit of it that wants the tag `latest` and, maybe, the protected tag `v1`.
    pub async fn commit(&self, executor: &ExecutorId, is_protected: bool) -> CommitId {
        let id = CommitId::mint();
        let protected: Vec<String> = is_protected.then(|| "v1".to_owned()).into_iter().collect();
        sqlx::query(
            "INSERT INTO commits (id, executor_id, package_sha256, package_md5, package_size, content_sha256, package,
                                  requested_tags, requested_protected_tags, build_env_names, platforms, client, created_at)
             VALUES ($1, $2, sha256($3), decode(md5($3), 'hex'), 1, sha256($3), '{}', '{latest}', $4, '{}', '{}', '{}', $5)",
        )
        .bind(id.0)
        .bind(executor.as_str())
        .bind(id.0.as_bytes().as_slice())
        .bind(protected)
        .bind(self.now())
        .execute(&self.pool)
        .await
        .unwrap();
        id
    }

    /// Enqueues the build of a commit, as a push does.
    pub async fn enqueue(&self, executor: &ExecutorId, commit: CommitId) -> Result<TaskId, StoreError> {
        let id = TaskId::mint();
        let story = [TaskEvent::PhaseDone {
            phase: Phase::Package,
            message: "The package is checked and stored.".into(),
        }];
        let new = NewTask { id, commit, executor: executor.clone(), no_cache: false, build_env: None };
        let mut transaction = self.store.begin().await?;
        queue::enqueue(&mut transaction, new, &story, self.now()).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// A commit and its task.
    pub async fn push(&self, executor: &ExecutorId) -> TaskId {
        let commit = self.commit(executor, false).await;
        let task = self.enqueue(executor, commit).await.unwrap();
        // No two at the same moment: what is first is never left to chance.
        self.clock.advance(TimeDelta::milliseconds(1));
        task
    }

    pub async fn state(&self, task: TaskId) -> String {
        sqlx::query_scalar("SELECT state FROM tasks WHERE id = $1")
            .bind(task.0)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }
}

/// An image of this name.
pub fn built(name: &str) -> Outcome {
    let image =
        BuiltImage { id: "sha256:0".into(), name: name.into(), platform: "linux/amd64".into(), size: 1 };
    Outcome::Built(KeptImages { images: vec![KeptImage { image, manifest: None }], manifest: None })
}
