//! How is a pull counted without a statement of its own? In memory, written down every few seconds: a crash loses those
//! seconds' counts, and nothing else.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use metrics::Counter;

use super::Hub;
use crate::{
    domain::ExecutorId,
    error::Error,
    store::{self, StoreError},
};

/// Executors that are counted at a time; more in a few seconds are left out.
const MOST: usize = 100_000;

/// What this process served since it was last written down.
#[derive(Debug, Default)]
pub struct PullCounts(Mutex<HashMap<ExecutorId, i64>>);

impl PullCounts {
    fn add(&self, executor: &ExecutorId, pulls: i64) {
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(count) = counts.get_mut(executor) {
            *count += pulls;
        } else if counts.len() < MOST {
            counts.insert(executor.clone(), pulls);
        }
    }

    fn take(&self) -> Vec<(ExecutorId, i64)> {
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        counts.drain().collect()
    }
}

impl Hub {
    /// Counts a pull that was answered.
    pub fn count_pull(&self, executor: &ExecutorId) {
        // Looking for it costs as much as a part of the answer.
        static PULLS: LazyLock<Counter> = LazyLock::new(|| metrics::counter!("hub_pulls_total"));
        PULLS.increment(1);
        self.0.pull_counts.add(executor, 1);
    }

    /// Writes down what was counted. When that fails, the next call tries again.
    pub async fn write_pull_counts(&self) -> Result<(), Error> {
        let counts = self.0.pull_counts.take();
        if counts.is_empty() {
            return Ok(());
        }
        let written = self.write_counts(&counts).await;
        if written.is_err() {
            for (executor, pulls) in &counts {
                self.0.pull_counts.add(executor, *pulls);
            }
        }
        Ok(written?)
    }

    async fn write_counts(&self, counts: &[(ExecutorId, i64)]) -> Result<(), StoreError> {
        let mut transaction = self.0.store.begin().await?;
        store::executor_pulls::add(&mut transaction, counts, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Takes days that are over out of Trending.
    pub async fn age_pull_counts(&self) -> Result<(), Error> {
        let mut transaction = self.0.store.begin().await?;
        store::executor_pulls::age(&mut transaction, self.0.clock.now()).await?;
        transaction.commit().await?;
        Ok(())
    }
}
