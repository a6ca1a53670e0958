//! Which figures are only known when somebody asks? The queue, the space and the process itself: measured for each reader of
//! the metrics, within a few seconds.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{App, readiness::State};
use crate::{
    config::{BuildMode, process},
    store::{self, StoreError, measures},
    telemetry::Figures,
};

/// How long measuring may take; what is not known by then is left out.
const LIMIT: Duration = Duration::from_secs(5);

impl App {
    /// All figures of this process and of what it shares with others, as Prometheus reads them.
    pub async fn figures(&self) -> String {
        let figures = Figures::of_process();
        let (readiness, measured) =
            tokio::join!(self.readiness(), tokio::time::timeout(LIMIT, self.measure()));
        let one = |is: bool| f64::from(u8::from(is));
        metrics::gauge!("hub_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        metrics::gauge!("hub_ready").set(one(readiness.is_ready()));
        metrics::gauge!("hub_database_up").set(one(readiness.state_of("database") == State::Ok));
        metrics::gauge!("hub_storage_up").set(one(readiness.state_of("storage") == State::Ok));
        metrics::gauge!("hub_build_queue_paused").set(one(readiness.builds == "paused"));
        if self.0.settings.builds.mode != BuildMode::Off {
            metrics::gauge!("hub_engine_up").set(one(readiness.builds == "ok"));
        }
        // What could not be measured must not look as it did when it could.
        for name in [
            "hub_build_queue_length",
            "hub_build_queue_oldest_seconds",
            "hub_storage_bytes",
            "hub_last_proven_backup_timestamp_seconds",
        ] {
            figures.forget(name);
        }
        if let Ok(Ok((queue, stored, backup))) = measured {
            if let Some(backup) = backup {
                metrics::gauge!("hub_last_proven_backup_timestamp_seconds").set(float(backup.timestamp()));
            }
            metrics::gauge!("hub_build_queue_length", "state" => "pending").set(float(queue.pending));
            metrics::gauge!("hub_build_queue_length", "state" => "running").set(float(queue.running));
            let waiting = queue.oldest.map_or(0, |since| (self.now() - since).num_milliseconds().max(0));
            metrics::gauge!("hub_build_queue_oldest_seconds").set(float(waiting) / 1000.0);
            metrics::gauge!("hub_storage_bytes", "kind" => "package").set(float(stored.packages));
            metrics::gauge!("hub_storage_bytes", "kind" => "artifact").set(float(stored.artifacts));
            metrics::gauge!("hub_storage_bytes", "kind" => "image").set(float(stored.images));
        }
        self.measure_process(figures);
        figures.write()
    }

    async fn measure(
        &self,
    ) -> Result<(measures::Queue, measures::Stored, Option<DateTime<Utc>>), StoreError> {
        let mut connection = self.0.store.read().await?;
        let queue = measures::queue(&mut connection, self.now()).await?;
        let stored = measures::stored(&mut connection).await?;
        Ok((queue, stored, store::diagnosis::last_proven_backup(&mut connection).await?))
    }

    fn measure_process(&self, figures: &Figures) {
        let (idle, all) = self.0.store.connections();
        let used = all.saturating_sub(idle);
        metrics::gauge!("hub_database_connections", "state" => "idle").set(f64::from(idle));
        metrics::gauge!("hub_database_connections", "state" => "used").set(f64::from(used));
        metrics::gauge!("hub_database_connections_max")
            .set(f64::from(self.0.settings.database.max_connections));
        figures.forget("hub_storage_free_bytes");
        if let Ok(room) = self.0.blobs.room() {
            metrics::gauge!("hub_storage_free_bytes")
                .set(float(i64::try_from(room.free_bytes).unwrap_or(i64::MAX)));
        }
        let Some(process) = process::figures() else { return };
        metrics::gauge!("process_start_time_seconds").set(process.started);
        metrics::gauge!("process_cpu_seconds_total").set(process.cpu_seconds);
        metrics::gauge!("process_resident_memory_bytes").set(process.memory_bytes);
        metrics::gauge!("process_open_fds").set(process.open_files);
        metrics::gauge!("process_max_fds").set(process.max_files);
    }
}

/// Figures are floats; what is lost beyond 2⁵³ is nobody's business.
#[expect(
    clippy::cast_precision_loss,
    reason = "a figure, read by people and by Prometheus, which has floats only"
)]
fn float(number: i64) -> f64 {
    number as f64
}
