//! Would the Hub take a push now? Each part is asked, with little time to answer; without an engine packages are still taken
//! and served: worse, but ready.

use std::time::{Duration, Instant};

use super::App;
use crate::{
    builds::queue,
    config::BuildMode,
    store::{self, StoreError},
};

/// How long a part may take to answer.
const LIMIT: Duration = Duration::from_secs(5);

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It works.
    Ok,
    /// Requests are answered, but not all that the Hub can do is done.
    Degraded,
    /// Requests should be sent elsewhere.
    Failing,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// A part that was asked.
#[derive(Debug, Clone)]
pub struct Check {
    /// `database`, `migrations`, `storage`, `space` or `builds`.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// Why, for operators; may name hosts and folders.
    pub detail: String,
    /// How long it took to answer.
    pub took: Duration,
}

/// Whether each part would do its work now.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// The parts.
    pub checks: Vec<Check>,
    /// `ok`, `no engine`, `paused` or `off`.
    pub builds: &'static str,
    /// The process was told to stop.
    pub stopping: bool,
}

impl Readiness {
    /// The worst of all parts.
    pub fn state(&self) -> State {
        let worst = self.checks.iter().map(|check| check.state).max().unwrap_or(State::Ok);
        if self.stopping { State::Failing } else { worst }
    }

    /// Whether requests should be sent here.
    pub fn is_ready(&self) -> bool {
        self.state() != State::Failing
    }

    /// How a part is; a part that was not asked fails.
    pub fn state_of(&self, name: &str) -> State {
        self.checks.iter().find(|check| check.name == name).map_or(State::Failing, |check| check.state)
    }
}

/// What the database says of itself and of the queue.
struct Told {
    missing: Vec<i64>,
    is_paused: bool,
    engine_answers: bool,
}

impl App {
    /// Asks each part whether it would do its work now.
    pub async fn readiness(&self) -> Readiness {
        let started = Instant::now();
        let (told, storage) = tokio::join!(self.ask_database(), self.ask_storage());
        let took = started.elapsed();
        let builds = match (self.0.settings.builds.mode, &told) {
            (BuildMode::Off, _) => "off",
            (_, Ok(told)) if told.is_paused => "paused",
            (_, Ok(told)) if told.engine_answers => "ok",
            _ => "no engine",
        };
        let check = |name, state, detail: String| Check { name, state, detail, took };
        let mut checks = match &told {
            Ok(told) if told.missing.is_empty() => vec![
                check("database", State::Ok, "it takes statements".into()),
                check("migrations", State::Ok, "all are applied".into()),
            ],
            Ok(told) => vec![
                check("database", State::Ok, "it takes statements".into()),
                check("migrations", State::Failing, format!("not applied: {:?}", told.missing)),
            ],
            Err(why) => vec![
                check("database", State::Failing, why.clone()),
                check("migrations", State::Failing, "the database does not answer".into()),
            ],
        };
        checks.push(storage);
        checks.push(self.space());
        let state = if matches!(builds, "ok" | "off") { State::Ok } else { State::Degraded };
        checks.push(check("builds", state, builds.to_owned()));
        Readiness { checks, builds, stopping: self.0.stopping.is_cancelled() }
    }

    async fn ask_database(&self) -> Result<Told, String> {
        let now = self.0.clock.now();
        let asking = async {
            let mut connection = self.0.store.read().await?;
            Ok::<_, StoreError>(Told {
                missing: store::missing_migrations(&mut connection).await?,
                is_paused: store::queue_pause::current(&mut connection, now).await?.is_some(),
                engine_answers: queue::engine_answers(&mut connection, now).await?,
            })
        };
        match tokio::time::timeout(LIMIT, asking).await {
            Ok(told) => told.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer in {} s", LIMIT.as_secs())),
        }
    }

    async fn ask_storage(&self) -> Check {
        let started = Instant::now();
        let asked = tokio::time::timeout(LIMIT, self.0.blobs.check()).await;
        let (state, detail) = match asked {
            Ok(Ok(())) => (State::Ok, "it takes bytes".to_owned()),
            Ok(Err(error)) => (State::Failing, error.to_string()),
            Err(_) => (State::Failing, format!("no answer in {} s", LIMIT.as_secs())),
        };
        Check { name: "storage", state, detail, took: started.elapsed() }
    }

    fn space(&self) -> Check {
        let started = Instant::now();
        let floor = self.0.settings.blobs.min_free_space.0;
        let (state, detail) = match self.0.blobs.room() {
            Ok(room) if room.free_bytes < floor => {
                (State::Failing, format!("{} bytes are free, less than {floor}", room.free_bytes))
            }
            Ok(room) => (State::Ok, format!("{} bytes are free", room.free_bytes)),
            Err(error) => (State::Failing, error.to_string()),
        };
        Check { name: "space", state, detail, took: started.elapsed() }
    }
}
