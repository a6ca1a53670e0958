//! Who else runs? Each process says so in the database while it does, with a fingerprint of its key, so that an operator is
//! told when two of them do not fit together.

use std::time::Duration;

use chrono::TimeDelta;

use super::App;
use crate::store::{
    StoreError,
    processes::{self, Process},
};

/// How often a process says that it runs.
const EVERY: Duration = Duration::from_mins(10);
/// How long a process that says nothing is taken to run.
pub const SILENCE: TimeDelta = TimeDelta::minutes(30);

impl App {
    /// Says that this process runs, as `role` (`server` or `worker`) at `place`, until it is told to stop.
    pub async fn stay_known(self, role: &'static str, place: String) {
        let process = Process {
            place,
            role: role.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            key_fingerprint: self.0.keys.fingerprint().to_vec(),
        };
        loop {
            if let Err(error) = self.note_process(&process).await {
                tracing::debug!(%error, "cannot note that this process runs; trying again later");
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = self.0.stopping.cancelled() => break,
            }
        }
        let forgotten = async {
            let mut connection = self.0.store.read().await?;
            processes::remove(&mut connection, &process.place, self.0.clock.now() - SILENCE).await
        };
        if let Err(error) = forgotten.await {
            tracing::debug!(%error, "cannot note that this process ends");
        }
    }

    async fn note_process(&self, process: &Process) -> Result<(), StoreError> {
        let now = self.0.clock.now();
        let mut connection = self.0.store.read().await?;
        processes::put(&mut connection, process, now).await?;
        let others = processes::list(&mut connection, now - SILENCE).await?;
        for other in others.iter().filter(|other| other.key_fingerprint != process.key_fingerprint) {
            tracing::error!(
                place = other.place,
                role = other.role,
                "another process of this Hub has another master key: downloads and builds with variables will fail; give all \
                 of them the same `auth.master_key`"
            );
        }
        Ok(())
    }
}
