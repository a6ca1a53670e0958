//! Does the doctor find each fault that is planted, and nothing where there is none?

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::Value;
use sqlx::ConnectOptions as _;

use super::{
    proxy::{self, Habit},
    tls::Front,
};
use crate::support::hub::{TestHub, Wanted};

/// What the doctor says of one check.
#[derive(Debug, Clone)]
struct Found {
    outcome: String,
    text: String,
    fix: String,
}

struct Diagnosis {
    code: Option<i32>,
    findings: BTreeMap<String, Found>,
}

impl Diagnosis {
    fn outcome(&self, check: &str) -> &str {
        self.findings.get(check).map_or("not looked at", |found| found.outcome.as_str())
    }

    /// The check found something of this weight, with these words, and says a fix.
    fn has(&self, check: &str, outcome: &str, words: &str) {
        let found = self.findings.get(check).unwrap_or_else(|| panic!("no {check} in {:#?}", self.findings));
        assert_eq!(found.outcome, outcome, "{check}: {found:?}");
        assert!(found.text.contains(words), "{check}: {found:?}");
        assert!(found.fix.len() > 10, "{check} says no fix: {found:?}");
    }
}

/// Asks the doctor about a Hub that is reached by `url`, with these changes to its settings.
async fn diagnose(hub: &TestHub, url: &str, changes: &[(&str, &str)]) -> Diagnosis {
    let mut command = Command::new(env!("CARGO_BIN_EXE_executor-hub"));
    command
        .args(["doctor", "--json"])
        .env_clear()
        .env("HUB_DATABASE__URL", hub.database().options().to_url_lossy().to_string())
        .env("HUB_SERVER__DATA_DIR", hub.folder())
        .env("HUB_SERVER__LISTEN", hub.url.strip_prefix("http://").unwrap())
        .env("HUB_SERVER__EXTERNAL_URL", url)
        .env("HUB_BUILDS__MODE", "off")
        .envs(changes.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told: Value = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr)));
    let finding = |finding: &Value| {
        let word = |name: &str| finding[name].as_str().unwrap().to_owned();
        (word("check"), Found { outcome: word("outcome"), text: word("found"), fix: word("fix") })
    };
    let findings = told["findings"].as_array().unwrap().iter().map(finding).collect();
    Diagnosis { code: output.status.code(), findings }
}

async fn diagnose_behind(habit: Habit) -> Diagnosis {
    let hub = TestHub::start().await;
    let url = proxy::start(&hub.url, habit).await;
    diagnose(&hub, &url, &[]).await
}

async fn diagnose_with(changes: &[(&str, &str)]) -> Diagnosis {
    let hub = TestHub::start().await;
    let url = hub.url.clone();
    diagnose(&hub, &url, changes).await
}

#[tokio::test]
async fn a_sound_hub_behind_a_plain_proxy_has_no_faults() {
    let told = diagnose_behind(Habit::None).await;
    let sound = [
        "external_url",
        "encryption",
        "reachable",
        "streams",
        "ranges",
        "compression",
        "uploads",
        "trusted_proxies",
        "open_to_anybody",
        "data_folder",
        "storage",
        "disk_files",
        "database",
        "migrations",
        "database_connections",
        "clock",
        "same_key",
        "same_version",
        "running",
        "engine",
    ];
    for check in sound {
        assert_eq!(told.outcome(check), "good", "{check}: {:?}", told.findings.get(check));
    }
    let faults: Vec<_> =
        told.findings.iter().filter(|(_, found)| found.outcome == "error").map(|(check, _)| check).collect();
    // The tests' server does without the disk's promises, and that is found.
    assert!(faults.is_empty() || faults == ["database_durability"], "{faults:?}");
    assert_eq!(told.code, Some(i32::from(!faults.is_empty())));
    // Nothing proves backups here.
    told.has("backup", "warning", "no backup");
}

#[tokio::test]
async fn bad_habits_of_proxies_are_found() {
    let planted = [
        (Habit::HoldsAnswersBack, "streams", "holds answers back"),
        (Habit::TakesRangesAway, "ranges", "Range"),
        (Habit::Compresses, "compression", "gzip"),
        (Habit::RefusesLargeBodies, "uploads", "refuses uploads"),
        (Habit::SaysWhoAsks, "trusted_proxies", "not believed"),
        (Habit::SendsElsewhere, "reachable", "https://elsewhere.example/"),
        (Habit::ServesSomethingElse, "reachable", "not the Hub"),
    ];
    for (habit, check, words) in planted {
        let told = diagnose_behind(habit).await;
        told.has(check, "error", words);
        assert_eq!(told.code, Some(1));
        for (_, other, _) in planted.iter().filter(|(_, other, _)| *other != check) {
            assert_ne!(told.outcome(other), "error", "{habit:?} is taken for {other}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_trusted_and_says_nothing_is_found_and_so_is_trusting_everybody() {
    let set = vec!["server.trusted_proxies=127.0.0.0/8"];
    let hub = TestHub::start_with(Wanted { set, ..Wanted::default() }).await;
    let url = proxy::start(&hub.url, Habit::None).await;
    diagnose(&hub, &url, &[]).await.has("trusted_proxies", "warning", "does not say");
    let url = proxy::start(&hub.url, Habit::SaysWhoAsks).await;
    assert_eq!(diagnose(&hub, &url, &[]).await.outcome("trusted_proxies"), "good");
    let told = diagnose_with(&[("HUB_SERVER__TRUSTED_PROXIES", "0.0.0.0/0")]).await;
    told.has("trusted_proxies", "error", "everybody");
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_found() {
    let hub = TestHub::start().await;
    let told = diagnose(&hub, "http://127.0.0.1:1", &[]).await;
    told.has("reachable", "error", "cannot reach");
    let told = diagnose(&hub, &hub.url.replace("http://", "https://"), &[]).await;
    told.has("reachable", "error", "does not speak TLS");
    assert!(told.findings["reachable"].fix.contains("http://"), "{:?}", told.findings["reachable"]);
    let told = diagnose_with(&[("HUB_SERVER__LISTEN", "127.0.0.1:1")]).await;
    told.has("running", "warning", "no Hub answers");
}

#[tokio::test]
async fn links_that_start_with_loopback_are_found_where_others_may_connect() {
    let hub = TestHub::start().await;
    let port = hub.url.rsplit(':').next().unwrap();
    let listen = format!("0.0.0.0:{port}");
    let told = diagnose(&hub, &hub.url, &[("HUB_SERVER__LISTEN", &listen)]).await;
    told.has("external_url", "error", "127.0.0.1");
    told.has("encryption", "warning", "readable");
    told.has("open_to_anybody", "warning", "may push");
    let unset = [("HUB_SERVER__LISTEN", listen.as_str())];
    diagnose(&hub, "", &unset).await.has("external_url", "error", "nowhere");
    let closed = [("HUB_SERVER__LISTEN", listen.as_str()), ("HUB_AUTH__ANONYMOUS_PUSH", "false")];
    assert_eq!(diagnose(&hub, &hub.url, &closed).await.outcome("open_to_anybody"), "good");
}

#[tokio::test]
async fn certificates_that_clients_refuse_are_found() {
    let hub = TestHub::start().await;
    for (front, outcome, words) in [
        (Front::Expired, "error", "expired"),
        (Front::ForAnotherName, "error", "another name"),
        (Front::OfAnUnknownIssuer, "warning", "does not know"),
    ] {
        let (url, roots) = front.start(&hub).await;
        let roots = roots.path().join("roots.pem").display().to_string();
        diagnose(&hub, &url, &[("SSL_CERT_FILE", &roots)]).await.has("certificate", outcome, words);
    }
    let (url, roots) = Front::Good.start(&hub).await;
    let roots = roots.path().join("roots.pem").display().to_string();
    let told = diagnose(&hub, &url, &[("SSL_CERT_FILE", &roots)]).await;
    assert_eq!(told.outcome("certificate"), "good", "{:?}", told.findings.get("certificate"));
}

#[tokio::test]
async fn files_of_the_certificate_that_cannot_be_used_are_found() {
    let changes = [("HUB_SERVER__TLS_CERTIFICATE", "/dev/null"), ("HUB_SERVER__TLS_KEY", "/dev/null")];
    diagnose_with(&changes).await.has("tls_files", "error", "no certificate");
}

#[tokio::test]
async fn rights_on_the_data_folder_and_its_key_are_looked_at() {
    let hub = TestHub::start().await;
    let rights = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    rights(&hub.folder().join("master.key"), 0o644);
    rights(hub.folder(), 0o777);
    let told = diagnose(&hub, &hub.url, &[]).await;
    told.has("data_folder", "error", "others may write");
    told.has("master_key", "error", "others may read");
    rights(hub.folder(), 0o700);
    let missing = diagnose(&hub, &hub.url, &[("HUB_SERVER__DATA_DIR", "/no/such/folder")]).await;
    missing.has("data_folder", "error", "/no/such/folder");
    let short = diagnose(&hub, &hub.url, &[("HUB_AUTH__MASTER_KEY", "abc")]).await;
    short.has("master_key", "error", "64 hexadecimal digits");
}

#[tokio::test]
async fn data_in_memory_is_found() {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let told = diagnose_with(&[("HUB_SERVER__DATA_DIR", folder.path().to_str().unwrap())]).await;
    told.has("durability", "warning", "tmpfs");
    let told = diagnose_with(&[("HUB_BLOBS__BACKEND", "memory")]).await;
    told.has("storage", "error", "in memory");
}

#[tokio::test]
async fn storage_that_takes_nothing_and_space_that_runs_out_are_found() {
    let told = diagnose_with(&[("HUB_BLOBS__MIN_FREE_SPACE", "1000000TiB")]).await;
    told.has("disk_space", "error", "bytes are free");
    let told = diagnose_with(&[("HUB_PACKAGES__MAX_UPLOAD", "1000TiB")]).await;
    told.has("disk_space", "warning", "largest uploads");
    let told = diagnose_with(&[("HUB_BLOBS__DIRECTORY", "/dev/null")]).await;
    told.has("storage", "error", "no folder");
}

#[tokio::test]
async fn faults_of_the_database_are_found() {
    let hub = TestHub::start().await;
    let wrong = [
        ("HUB_DATABASE__URL", "postgres://nobody@127.0.0.1:1/nothing"),
        ("HUB_DATABASE__ACQUIRE_TIMEOUT", "1s"),
    ];
    diagnose(&hub, &hub.url, &wrong).await.has("database", "error", "");
    let many = [("HUB_DATABASE__MAX_CONNECTIONS", "100000")];
    diagnose(&hub, &hub.url, &many).await.has("database_connections", "error", "100000");
    let last = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::query(last).execute(&hub.pool).await.unwrap();
    diagnose(&hub, &hub.url, &[]).await.has("migrations", "error", "1 are not applied");
    let (durable,): (bool,) =
        sqlx::query_as("SELECT current_setting('fsync')::bool").fetch_one(&hub.pool).await.unwrap();
    let told = diagnose(&hub, &hub.url, &[]).await;
    assert_eq!(told.outcome("database_durability"), if durable { "good" } else { "error" });
    let (is_superuser,): (bool,) =
        sqlx::query_as("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
            .fetch_one(&hub.pool)
            .await
            .unwrap();
    assert_eq!(told.outcome("database_role"), if is_superuser { "warning" } else { "good" });
}

#[tokio::test]
async fn processes_that_do_not_fit_together_are_found() {
    let hub = TestHub::start().await;
    let other = "INSERT INTO processes (place, role, version, key_fingerprint, seen_at)
                 VALUES ('other:/data', 'worker', '0.0.1', '\\x0102030405060708', now()),
                        ('third:/data', 'server', '0.0.2', '\\x0102030405060708', now())";
    sqlx::query(other).execute(&hub.pool).await.unwrap();
    let told = diagnose(&hub, &hub.url, &[]).await;
    told.has("same_key", "error", "other:/data");
    told.has("same_version", "warning", "0.0.2");
}

#[tokio::test]
async fn what_keeps_builds_from_going_well_is_found() {
    let engine = ("HUB_BUILDS__ENGINE", "unix:///no/such.sock");
    let told = diagnose_with(&[("HUB_BUILDS__MODE", "required"), engine]).await;
    told.has("engine", "error", "/no/such.sock");
    let certificates = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(certificates.path(), "nothing of the kind").unwrap();
    let told = diagnose_with(&[
        ("HUB_BUILDS__MODE", "auto"),
        engine,
        ("HUB_BUILDS__CA_CERTIFICATES", certificates.path().to_str().unwrap()),
        ("HUB_BUILDS__ENVIRONMENT", r#"{"PIP_INDEX_URL": "http://me:hunter2@127.0.0.1:1/simple"}"#),
    ])
    .await;
    told.has("engine", "warning", "not built");
    told.has("build_certificates", "error", "no certificates");
    told.has("package_index", "warning", "127.0.0.1:1");
    assert!(!told.findings["package_index"].text.contains("hunter2"));
}
