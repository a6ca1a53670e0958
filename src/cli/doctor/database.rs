//! Does the database answer, soon enough, and is it set up so that nothing it promised is lost?

use std::time::Instant;

use chrono::TimeDelta;

use super::{LIMIT, report::Report};
use crate::{
    app::presence::SILENCE,
    auth::Keys,
    cli::database::Database,
    config::Settings,
    domain::{Clock as _, SystemClock},
    store::{self, Connection, Store, StoreError, diagnosis, processes},
};

/// The oldest major version whose statements the Hub uses.
const OLDEST: i32 = 14;
/// A request makes several round trips.
const SLOW: std::time::Duration = std::time::Duration::from_millis(20);

pub(super) async fn check(settings: &Settings, report: &mut Report) {
    let fix = "Check `database.url`: host, port, name, password, and that PostgreSQL lets this machine in.";
    let store = match Database::of_running(settings).await {
        Ok(Some(store)) => store,
        Ok(None) => {
            return report.warn(
                "database",
                "the private Postgres does not run",
                "It runs while the Hub does; start the Hub and ask again.",
            );
        }
        Err(error) => return report.fault("database", error.to_string(), fix),
    };
    match tokio::time::timeout(LIMIT, look(settings, &store, report)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => report.fault("database", error.to_string(), fix),
        Err(_) => report.fault("database", "it does not answer", fix),
    }
    store.close().await;
}

async fn look(settings: &Settings, store: &Store, report: &mut Report) -> Result<(), StoreError> {
    let mut connection = store.read().await?;
    let asked = (Instant::now(), SystemClock.now());
    let facts = diagnosis::facts(&mut connection).await?;
    let took = asked.0.elapsed();
    if facts.version / 10_000 < OLDEST {
        report.fault(
            "database",
            format!("PostgreSQL {} is too old", facts.version / 10_000),
            format!("Upgrade it to {OLDEST} or later."),
        );
    } else if facts.is_read_only {
        report.fault(
            "database",
            "it takes no changes",
            "Let `database.url` name the primary, not a standby.",
        );
    } else {
        report.good("database", format!("PostgreSQL {} answers", facts.version / 10_000));
    }
    let milliseconds = took.as_millis();
    if took > SLOW {
        report.warn(
            "database_latency",
            format!("one answer took {milliseconds} ms"),
            "Put Hub and database into the same network, and look at the load of both.",
        );
    } else {
        report.good("database_latency", format!("one answer took {milliseconds} ms"));
    }
    if facts.unsafe_settings.is_empty() {
        report.good("database_durability", "what was committed survives a crash");
    } else {
        report.fault(
            "database_durability",
            format!("{} is off: a crash loses what was promised", facts.unsafe_settings.join(", ")),
            "Turn it on in postgresql.conf.",
        );
    }
    check_role(settings, &facts, report);
    let skew = facts.now - (asked.1 + TimeDelta::from_std(took / 2).unwrap_or_default());
    check_clock(skew, report);
    let missing = store::missing_migrations(&mut connection).await;
    match missing {
        Ok(missing) if missing.is_empty() => report.good("migrations", "all are applied"),
        Ok(missing) => report.fault(
            "migrations",
            format!("{} are not applied, from {:?} on", missing.len(), missing.first()),
            "Start the Hub of this version: it applies them.",
        ),
        Err(_) => {
            report.fault("migrations", "none are applied", "Start the Hub: it applies them.");
            return Ok(());
        }
    }
    check_processes(settings, &mut connection, report).await?;
    check_backup(&mut connection, report).await
}

fn check_role(settings: &Settings, facts: &diagnosis::DatabaseFacts, report: &mut Report) {
    if facts.is_superuser && !settings.database.url.is_empty() {
        report.warn(
            "database_role",
            "the Hub's role may do everything in the whole database server",
            "Give it a role of its own that owns its database and nothing else.",
        );
    } else {
        report.good("database_role", "the Hub's role is its own");
    }
    let wanted = i64::from(settings.database.max_connections);
    if wanted > facts.connections {
        report.fault(
            "database_connections",
            format!("{wanted} connections are configured, PostgreSQL allows {}", facts.connections),
            "Lower `database.max_connections` (of all processes together) or raise max_connections in postgresql.conf.",
        );
    } else {
        report.good("database_connections", format!("{wanted} of {} connections", facts.connections));
    }
}

fn check_clock(skew: TimeDelta, report: &mut Report) {
    let seconds = skew.num_seconds().abs();
    let found = format!("this machine and the database are {seconds} s apart");
    let fix = "Let both machines follow the same time servers (chrony, systemd-timesyncd).";
    match seconds {
        0..=1 => report.good("clock", found),
        2..=14 => report.warn("clock", found, fix),
        _ => report.fault("clock", format!("{found}: leases and download addresses run out too early"), fix),
    }
}

async fn check_processes(
    settings: &Settings,
    connection: &mut Connection,
    report: &mut Report,
) -> Result<(), StoreError> {
    let others = processes::list(connection, SystemClock.now() - SILENCE).await?;
    let has_own_key =
        !settings.auth.master_key.is_empty() || settings.server.data_dir.join("master.key").is_file();
    let own = has_own_key
        .then(|| Keys::load(&settings.auth.master_key, &settings.server.data_dir).ok())
        .flatten()
        .map(|keys| keys.fingerprint().to_vec());
    let mut keys: Vec<_> = others.iter().map(|process| process.key_fingerprint.clone()).chain(own).collect();
    keys.sort();
    keys.dedup();
    if keys.len() > 1 {
        let places: Vec<_> = others.iter().map(|process| process.place.as_str()).collect();
        report.fault(
            "same_key",
            format!("servers and workers have different master keys: {}", places.join(", ")),
            "Give all of them the same `auth.master_key`; until then downloads and builds with variables fail.",
        );
    } else {
        report.good("same_key", format!("{} processes run, with one key", others.len()));
    }
    let mut versions: Vec<_> = others.iter().map(|process| process.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    if versions.len() > 1 {
        report.warn(
            "same_version",
            format!("different versions run: {}", versions.join(", ")),
            "Fine during an upgrade; end it soon.",
        );
    } else {
        report.good("same_version", "one version runs");
    }
    Ok(())
}

async fn check_backup(connection: &mut Connection, report: &mut Report) -> Result<(), StoreError> {
    let fix = "Let a timer run `executor-hub backup`.";
    match diagnosis::last_proven_backup(connection).await? {
        None => report.warn("backup", "no backup is known to work", fix),
        Some(at) => {
            let days = (SystemClock.now() - at).num_days();
            let found = format!("the last proven backup is {days} days old");
            if days > 3 { report.warn("backup", found, fix) } else { report.good("backup", found) }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_differ_are_told() {
        let outcome = |seconds| {
            let mut report = Report::default();
            check_clock(TimeDelta::seconds(seconds), &mut report);
            (report.is_bad(false), report.is_bad(true))
        };
        assert_eq!(outcome(0), (false, false));
        assert_eq!(outcome(-5), (false, true), "a warning");
        assert_eq!(outcome(-60), (true, true), "a fault");
    }
}
