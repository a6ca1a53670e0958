//! Does the state machine of tasks keep its promises under any order of events? Seeded schedules of pushes, claims,
//! heartbeats, kills, zombies, cancels, retries, faults of engine and database, over the real statements; what must hold is
//! checked after every step. A failure names its seed, and the same seed does the same again.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;
use executor_hub::{
    builds::{
        Fault,
        holder::{Concluded, Holder, Outcome},
        queue, sweeper,
    },
    domain::{
        CommitId, ExecutorId, TaskId,
        task::{FaultKind, Phase, TaskEvent},
    },
    store::{
        StoreError,
        task_events::{self, Author},
        task_leases::{Claimed, Heartbeat},
        tasks::{self, CancelWish},
    },
};

use super::world::{Dice, MAX_ATTEMPTS, World, built};

const LANES: u64 = 2;
const SCHEDULES_PER_LANE: u64 = 500;
const STEPS: usize = 30;
const MOST_TASKS: usize = 6;

/// What holds in every moment, as a list of what does not.
const VIOLATIONS: &str = "
    SELECT 'a running task has no holder, or another one has: ' || id FROM tasks
        WHERE (state = 'running') <> (lease_owner IS NOT NULL) OR (lease_owner IS NULL) <> (lease_until IS NULL)
    UNION ALL SELECT 'attempts beyond the limit: ' || id FROM tasks
        WHERE faults >= $1 OR lost_leases > 3 OR attempt > faults + lost_leases + hand_backs + 1
           OR attempt < faults + lost_leases + hand_backs
    UNION ALL SELECT 'parked without three dead workers: ' || id FROM tasks
        WHERE failure_kind = 'lost_worker' AND lost_leases <> 3
    UNION ALL SELECT 'an unparked task lost three workers: ' || id FROM tasks
        WHERE lost_leases = 3 AND state NOT IN ('failed', 'cancelled')
    UNION ALL SELECT 'events have gaps: ' || t.id FROM tasks t LEFT JOIN task_events e ON e.task_id = t.id
        GROUP BY t.id HAVING count(e.number) <> t.last_event OR max(e.number) <> t.last_event OR min(e.number) <> 1
    UNION ALL SELECT 'the story ends otherwise than the task: ' || t.id FROM tasks t
        WHERE (t.finished_at IS NOT NULL) <> EXISTS (
            SELECT 1 FROM task_events e WHERE e.task_id = t.id AND e.number = t.last_event
              AND e.event ->> 'kind' = 'report' AND e.event ->> 'state' = t.state)
    UNION ALL SELECT 'a story ends twice: ' || task_id FROM task_events
        WHERE event ->> 'kind' = 'report' GROUP BY task_id HAVING count(*) > 1
    UNION ALL SELECT 'usable without a build, or built and not usable: ' || c.id FROM commits c
        WHERE (c.usable_at IS NOT NULL) <> EXISTS (
            SELECT 1 FROM tasks t WHERE t.commit_id = c.id AND t.state = 'succeeded')
    UNION ALL SELECT 'a tag points at what does not work: ' || g.name FROM tags g JOIN commits c ON c.id = g.commit_id
        WHERE c.usable_at IS NULL
    UNION ALL SELECT 'half an image is visible: ' || i.commit_id FROM images i JOIN commits c ON c.id = i.commit_id
        WHERE c.usable_at IS NULL
    UNION ALL SELECT 'two tasks build one commit: ' || commit_id FROM tasks
        WHERE state IN ('pending', 'running') GROUP BY commit_id HAVING count(*) > 1
    UNION ALL SELECT 'phases contradict the state: ' || id FROM tasks
        WHERE finished_at IS NOT NULL AND phase_marks -> -1 ->> 'what' <> 'over'";

#[derive(Clone)]
struct Held {
    holder: Holder,
    claimed: Claimed,
    /// Asleep: it beats no more, but may act again.
    is_zombie: bool,
}

struct Schedule<'w> {
    world: &'w World,
    dice: Dice,
    executors: Vec<ExecutorId>,
    tasks: Vec<TaskId>,
    holders: Vec<Holder>,
    held: Vec<Held>,
    /// What was acknowledged, kept outside the database.
    lines: HashMap<TaskId, i64>,
    cancel_wishes: HashSet<TaskId>,
    /// Tasks that were over, and how.
    ended: HashMap<TaskId, String>,
    protected: HashMap<String, CommitId>,
}

impl<'w> Schedule<'w> {
    async fn begin(world: &'w World, seed: u64) -> Self {
        world.fail_after(None).await;
        for statement in ["DELETE FROM executors", "DELETE FROM workers", "DELETE FROM queue_pause"] {
            sqlx::query(statement).execute(&world.pool).await.unwrap();
        }
        let mut executors = Vec::new();
        for owner in [Some("alice"), Some("bob"), None] {
            executors.push(world.executor(owner).await);
        }
        let mut schedule = Self {
            world,
            dice: Dice(seed),
            executors,
            tasks: Vec::new(),
            holders: vec![world.holder(), world.holder()],
            held: Vec::new(),
            lines: HashMap::new(),
            cancel_wishes: HashSet::new(),
            ended: HashMap::new(),
            protected: HashMap::new(),
        };
        for holder in &schedule.holders {
            world.sign_of_life(holder).await;
        }
        schedule.push().await;
        schedule
    }

    async fn step(&mut self) {
        self.world.clock.advance(TimeDelta::milliseconds(1));
        // Every third step the database fails at one of the next few writes.
        let fault = (self.dice.roll(3) == 0).then(|| self.dice.roll(8));
        match self.dice.roll(20) {
            0 | 1 => self.push().await,
            2..=5 => self.claim(fault).await,
            6 => self.heartbeat(fault).await,
            7 => self.print(fault).await,
            8 | 9 => self.conclude(fault, built("image")).await,
            10 => self.conclude(fault, Outcome::Faulted(Fault::new(FaultKind::Step, "It exits 1."))).await,
            11 => {
                self.conclude(fault, Outcome::Faulted(Fault::new(FaultKind::Engine, "It broke off."))).await;
            }
            12 => self.conclude(fault, Outcome::Stopping).await,
            13 | 14 => self.kill(),
            15 => self.sweep(fault).await,
            16 => self.cancel(fault).await,
            17 => self.retry(fault).await,
            _ => self.wait().await,
        }
        if fault.is_some() {
            self.world.fail_after(None).await;
        }
        self.check().await;
    }

    async fn push(&mut self) {
        if self.tasks.len() >= MOST_TASKS {
            return;
        }
        let executor = self.dice.pick(&self.executors).unwrap().clone();
        let is_gone: bool =
            sqlx::query_scalar("SELECT discarded_at IS NOT NULL FROM executors WHERE id = $1")
                .bind(executor.as_str())
                .fetch_one(&self.world.pool)
                .await
                .unwrap();
        if is_gone {
            return;
        }
        let is_protected = self.dice.roll(3) == 0;
        let commit = self.world.commit(&executor, is_protected).await;
        self.tasks.push(self.world.enqueue(&executor, commit).await.unwrap());
    }

    async fn claim(&mut self, fault: Option<u64>) {
        let holder = self.dice.pick(&self.holders).unwrap().clone();
        let before: Vec<TaskId> = ids(sqlx::query_scalar("SELECT id FROM tasks WHERE state = 'pending'")
            .fetch_all(&self.world.pool)
            .await);
        self.break_database(fault).await;
        match holder.claim().await {
            Ok(Some(claimed)) => {
                assert!(before.contains(&claimed.id), "it was free");
                self.held.push(Held { holder, claimed, is_zombie: false });
            }
            Ok(None) => {}
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
    }

    async fn break_database(&self, fault: Option<u64>) {
        if fault.is_some() {
            self.world.fail_after(fault).await;
        }
    }

    async fn heartbeat(&mut self, fault: Option<u64>) {
        let Some(held) = self.dice.pick(&self.held).cloned() else { return };
        let owns = self.owns(&held).await;
        self.break_database(fault).await;
        match held.holder.heartbeat(&held.claimed).await {
            Ok(heartbeat) => {
                assert_eq!(heartbeat == Heartbeat::Lost, !owns);
                let is_wished = self.cancel_wishes.contains(&held.claimed.id);
                assert!(heartbeat != Heartbeat::CancelRequested || is_wished);
                assert!(heartbeat != Heartbeat::Held || !is_wished, "a wish is heard");
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
    }

    async fn print(&mut self, fault: Option<u64>) {
        let Some(held) = self.dice.pick(&self.held).cloned() else { return };
        let owns = self.owns(&held).await;
        let line = TaskEvent::Console { phase: Phase::Build, line: "#1 0.1 hello".into() };
        self.break_database(fault).await;
        let appended = async {
            let mut transaction = self.world.store.begin().await?;
            let author = Author::Holder(held.holder.lease_of(&held.claimed));
            let events = [line.clone(), line.clone()];
            let last =
                task_events::append(&mut transaction, held.claimed.id, author, &events, self.world.now())
                    .await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(last)
        };
        if let Ok(last) = appended.await {
            assert_eq!(last.is_some(), owns, "only the holder writes");
            if last.is_some() {
                *self.lines.entry(held.claimed.id).or_default() += 2;
            }
        }
    }

    async fn conclude(&mut self, fault: Option<u64>, outcome: Outcome) {
        if self.held.is_empty() {
            return;
        }
        let index = usize::try_from(self.dice.roll(self.held.len() as u64)).unwrap();
        let held = self.held[index].clone();
        let owns = self.owns(&held).await;
        self.break_database(fault).await;
        let mut concluded = held.holder.conclude(&held.claimed, &outcome).await;
        if concluded.is_err() {
            // The worker tries again, and nothing of the first time may have stayed.
            self.world.fail_after(None).await;
            assert_eq!(self.owns(&held).await, owns);
            self.check().await;
            concluded = held.holder.conclude(&held.claimed, &outcome).await;
        }
        let concluded = concluded.unwrap();
        assert_eq!(concluded == Concluded::LeaseLost, !owns, "{concluded:?}");
        if self.cancel_wishes.contains(&held.claimed.id) {
            assert!(matches!(concluded, Concluded::Cancelled | Concluded::LeaseLost), "{concluded:?}");
        }
        // As if the answer to the commit had been lost.
        let again = held.holder.conclude(&held.claimed, &outcome).await.unwrap();
        assert_eq!(again, Concluded::LeaseLost, "nothing is done twice");
        self.held.swap_remove(index);
    }

    /// The process is gone, or only asleep: then it acts again when everybody has given it up.
    fn kill(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let index = usize::try_from(self.dice.roll(self.held.len() as u64)).unwrap();
        if self.dice.roll(2) == 0 {
            self.held.swap_remove(index);
        } else {
            self.held[index].is_zombie = true;
        }
    }

    async fn sweep(&mut self, fault: Option<u64>) {
        self.break_database(fault).await;
        match sweeper::sweep(&self.world.store, self.world.clock.as_ref()).await {
            Ok(_) => {
                let left: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM tasks WHERE state = 'running' AND lease_until < $1",
                )
                .bind(self.world.now())
                .fetch_one(&self.world.pool)
                .await
                .unwrap();
                assert_eq!(left, 0, "every task of the silent is taken");
            }
            Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
        }
    }

    async fn cancel(&mut self, fault: Option<u64>) {
        let Some(task) = self.dice.pick(&self.tasks).copied() else { return };
        let before = self.world.state(task).await;
        self.break_database(fault).await;
        let cancelled = async {
            let mut transaction = self.world.store.begin().await?;
            let found = tasks::find(&mut transaction, task).await?.unwrap();
            let wish = queue::cancel(&mut transaction, task, &found.executor, self.world.now()).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(wish)
        };
        match cancelled.await {
            Ok(Some(CancelWish::Waits)) => {
                assert_eq!(before, "pending");
                assert_eq!(self.world.state(task).await, "cancelled", "at once");
                self.cancel_wishes.insert(task);
            }
            Ok(Some(CancelWish::Runs)) => {
                assert_eq!(before, "running");
                self.cancel_wishes.insert(task);
            }
            Ok(Some(CancelWish::Over)) => {
                assert!(["succeeded", "failed", "cancelled"].contains(&before.as_str()));
            }
            Ok(None) => panic!("the task is gone"),
            Err(_) => assert_eq!(self.world.state(task).await, before),
        }
    }

    async fn retry(&mut self, fault: Option<u64>) {
        let Some(task) = self.dice.pick(&self.tasks).copied() else { return };
        let before = self.world.state(task).await;
        self.break_database(fault).await;
        let retried = async {
            let mut transaction = self.world.store.begin().await?;
            let found = tasks::find(&mut transaction, task).await?.unwrap();
            let retried = queue::retry(&mut transaction, &found, self.world.now()).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(retried)
        };
        if let Ok(Ok(new)) = retried.await {
            assert!(["failed", "cancelled"].contains(&before.as_str()), "{before}");
            assert_eq!(self.world.state(task).await, before, "what is over stays as it ended");
            self.tasks.push(new);
        }
    }

    async fn wait(&mut self) {
        let seconds = i64::try_from(self.dice.roll(40)).unwrap();
        self.world.clock.advance(TimeDelta::seconds(seconds));
        for holder in &self.holders {
            self.world.sign_of_life(holder).await;
        }
        // Those that are well keep what they hold.
        for held in self.held.iter().filter(|held| !held.is_zombie) {
            let _ = held.holder.heartbeat(&held.claimed).await;
        }
    }

    async fn owns(&self, held: &Held) -> bool {
        sqlx::query_scalar(
            "SELECT state = 'running' AND lease_owner = $2 AND attempt = $3 FROM tasks WHERE id = $1",
        )
        .bind(held.claimed.id.0)
        .bind(held.holder.id.0)
        .bind(held.claimed.attempt)
        .fetch_one(&self.world.pool)
        .await
        .unwrap()
    }

    async fn check(&mut self) {
        let violations: Vec<String> =
            sqlx::query_scalar(VIOLATIONS).bind(MAX_ATTEMPTS).fetch_all(&self.world.pool).await.unwrap();
        assert_eq!(violations, Vec::<String>::new());
        let rows: Vec<(uuid::Uuid, String, i64)> = sqlx::query_as(
            "SELECT id, state, (SELECT count(*) FROM task_events e WHERE e.task_id = t.id AND e.event ->> 'kind' = 'console')
             FROM tasks t",
        )
        .fetch_all(&self.world.pool)
        .await
        .unwrap();
        assert_eq!(rows.len(), self.tasks.len(), "nothing that was accepted is lost");
        for (id, state, lines) in rows {
            let task = TaskId(id);
            assert!(self.tasks.contains(&task));
            assert_eq!(lines, self.lines.get(&task).copied().unwrap_or(0), "each line once");
            assert!(state != "cancelled" || self.cancel_wishes.contains(&task), "nobody wanted it stopped");
            assert!(state != "succeeded" || !self.cancel_wishes.contains(&task), "it was to be stopped");
            if ["succeeded", "failed", "cancelled"].contains(&state.as_str()) {
                let first = self.ended.entry(task).or_insert_with(|| state.clone());
                assert_eq!(*first, state, "what is over stays as it ended");
            } else {
                assert!(!self.ended.contains_key(&task), "what is over began again");
            }
        }
        let tags: Vec<(String, uuid::Uuid)> =
            sqlx::query_as("SELECT executor_id, commit_id FROM tags WHERE is_protected")
                .fetch_all(&self.world.pool)
                .await
                .unwrap();
        for (executor, commit) in tags {
            let first = *self.protected.entry(executor).or_insert(CommitId(commit));
            assert_eq!(first, CommitId(commit), "a protected tag moved");
        }
    }

    /// Everything is well from now on: every task comes to an end.
    async fn settle(&mut self) {
        let worker = self.world.holder();
        for _ in 0..200 {
            self.world.clock.advance(TimeDelta::minutes(10));
            self.world.sign_of_life(&worker).await;
            sweeper::sweep(&self.world.store, self.world.clock.as_ref()).await.unwrap();
            if let Some(claimed) = worker.claim().await.unwrap() {
                worker.conclude(&claimed, &built("image")).await.unwrap();
            }
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM tasks WHERE finished_at IS NULL")
                .fetch_one(&self.world.pool)
                .await
                .unwrap();
            if left == 0 {
                break;
            }
        }
        self.check().await;
        assert_eq!(self.ended.len(), self.tasks.len(), "every task comes to an end");
    }
}

fn ids(rows: Result<Vec<uuid::Uuid>, sqlx::Error>) -> Vec<TaskId> {
    rows.unwrap().into_iter().map(TaskId).collect()
}

async fn lane(first: u64) {
    let world = World::new().await;
    for seed in first..first + SCHEDULES_PER_LANE {
        let seed = seed_of(seed);
        let steps = async {
            let mut schedule = Schedule::begin(&world, seed).await;
            for _ in 0..STEPS {
                schedule.step().await;
            }
            schedule.settle().await;
        };
        let told = Told(seed);
        steps.await;
        std::mem::forget(told);
    }
}

/// Says which schedule it was when one panics.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("the schedule of seed {} broke a promise", self.0);
    }
}

/// Spreads small numbers over all seeds.
fn seed_of(number: u64) -> u64 {
    Dice(number).roll(u64::MAX)
}

async fn thousand(first: u64) {
    futures_util::future::join_all((0..LANES).map(|number| lane(first + number * SCHEDULES_PER_LANE))).await;
}

// Two of them, because tests run side by side.

#[tokio::test]
async fn a_thousand_schedules_break_no_promise() {
    thousand(0).await;
}

#[tokio::test]
async fn a_thousand_other_schedules_break_no_promise() {
    thousand(1000).await;
}
