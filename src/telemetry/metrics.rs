//! Which figures does the Hub publish? Every one of them, in one list: what is not in it is not counted, and no name of a
//! person or an Executor is ever a label.

/// What kind of figure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Only grows, by whole numbers.
    Counter,
    /// Only grows, and is measured as a whole: recorded as a gauge, published as a counter.
    Total,
    /// Goes up and down.
    Gauge,
    /// How many values lie at or below each of these bounds.
    Histogram(&'static [f64]),
}

/// A figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metric {
    /// Its name in base units, as Prometheus wants it.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// One sentence for people.
    pub help: &'static str,
}

/// From what nobody notices to what a proxy gives up on.
const REQUEST_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// From a cached image to the usual limit of a build.
const BUILD_SECONDS: &[f64] =
    &[1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0];

macro_rules! metrics {
    ($($kind:ident $(($bounds:expr))? $name:literal [$($label:literal),*] $help:literal;)*) => {
        /// All of them.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $name,
            kind: Kind::$kind $(($bounds))?,
            labels: &[$($label),*],
            help: $help,
        }),*];
    };
}

metrics! {
    Gauge "hub_build_info" ["version"] "Always 1; the label tells the version.";
    Gauge "hub_ready" [] "Whether requests should be sent here: 1 or 0.";
    Counter "hub_http_requests_total" ["route", "method", "code"] "Requests answered, by route template.";
    Histogram(REQUEST_SECONDS) "hub_http_request_duration_seconds" ["route", "method"]
        "Time from the head of a request to the head of its answer.";
    Counter "hub_pushes_total" ["outcome"] "Pushes that were received: accepted, refused, or failed by a fault of the Hub.";
    Counter "hub_pulls_total" [] "Packages that clients were told where to get.";
    Counter "hub_auth_failures_total" ["reason"] "Credentials that fit nobody: password, token or secret.";
    Counter "hub_builds_total" ["outcome", "class"]
        "Builds that this process concluded; the class says whose fault a failure was.";
    Histogram(BUILD_SECONDS) "hub_build_duration_seconds" ["outcome"] "How long builds ran in this process.";
    Gauge "hub_build_queue_length" ["state"] "Builds that are pending or running, in all processes.";
    Gauge "hub_build_queue_oldest_seconds" [] "How long the oldest build that could run is waiting for a worker.";
    Gauge "hub_build_queue_paused" [] "Whether nothing is taken from the queue: 1 or 0.";
    Gauge "hub_engine_up" [] "Whether any worker's engine answers and takes builds: 1 or 0; absent when builds are off.";
    Gauge "hub_database_up" [] "Whether the database takes statements: 1 or 0.";
    Gauge "hub_database_connections" ["state"] "Connections of this process, idle or in use.";
    Gauge "hub_database_connections_max" [] "Connections that this process may have.";
    Gauge "hub_storage_up" [] "Whether the object store takes bytes: 1 or 0.";
    Gauge "hub_storage_bytes" ["kind"] "Bytes stored: packages, artifacts and images, the same bytes counted once.";
    Gauge "hub_storage_free_bytes" [] "Free space where the Hub writes: objects in a folder, or uploads on their way.";
    Counter "hub_gc_runs_total" ["outcome"] "Collections of bytes that nothing needs, of this process.";
    Counter "hub_gc_deleted_bytes_total" ["kind"] "Bytes that collections deleted.";
    Counter "hub_gc_deleted_objects_total" ["kind"] "Objects that collections deleted.";
    Gauge "hub_gc_last_success_timestamp_seconds" [] "When this process last finished a collection.";
    Gauge "hub_last_proven_backup_timestamp_seconds" []
        "When the newest backup was taken that was restored and found good; absent without one.";
    Gauge "process_start_time_seconds" [] "When the process started.";
    Total "process_cpu_seconds_total" [] "Processor time of the process.";
    Gauge "process_resident_memory_bytes" [] "Memory of the process.";
    Gauge "process_open_fds" [] "Open file descriptors.";
    Gauge "process_max_fds" [] "File descriptors that the process may have.";
}

/// The figure of this name.
pub fn find(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_rules_of_prometheus() {
        for metric in METRICS {
            let name = metric.name;
            assert!(name.starts_with("hub_") || name.starts_with("process_"), "{name}");
            assert_eq!(
                matches!(metric.kind, Kind::Counter | Kind::Total),
                name.ends_with("_total"),
                "{name}"
            );
            assert!(metric.help.ends_with('.'), "{name}");
            assert_eq!(METRICS.iter().filter(|other| other.name == name).count(), 1, "{name} twice");
            for personal in ["user", "login", "executor", "tag", "owner"] {
                assert!(!metric.labels.contains(&personal), "{name} tells of {personal}");
            }
        }
    }
}
