//! What did the operator set? Flags over environment over file over `config/default.toml`; an unknown key is an error
//! that names it. The only reader of configuration files and of the environment.

mod auth;
mod blobs;
mod builds;
mod database;
mod effective;
mod environment;
mod keeping;
mod layers;
mod log;
mod machine;
mod manual;
mod nearest;
pub mod process;
mod registry;
mod schema;
mod server;
mod traces;
mod units;
mod uploads;

use std::path::PathBuf;

use serde::Deserialize;

use self::layers::Layers;
pub use self::{
    auth::{Auth, Registration},
    blobs::{BlobBackend, Blobs},
    builds::{BuildMode, BuildNetwork, Builds, UnkeptLimits},
    database::Database,
    effective::{Setting, Source},
    environment::Environment,
    keeping::{Collection, Executors, Images, Limits},
    layers::ConfigError,
    log::{Log, LogFormat},
    manual::starting_file,
    schema::schema,
    server::Server,
    traces::Traces,
    units::{Bytes, Network, Span},
    uploads::{Artifacts, Packages},
};

use crate::domain::{
    Secret,
    limits::{ArtifactLimits, BuildLimits, PackageLimits},
};

/// The commented defaults that are part of the program.
pub const DEFAULT_TOML: &str = include_str!("../../config/default.toml");

/// Everything an operator can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Listener and data folder.
    pub server: Server,
    /// Postgres.
    pub database: Database,
    /// Where bytes are kept.
    pub blobs: Blobs,
    /// Who may do what, keys.
    pub auth: Auth,
    /// Bounds on uploads.
    pub packages: Packages,
    /// Tags and deletion.
    pub executors: Executors,
    /// What one person may have and do.
    pub limits: Limits,
    /// Collection of bytes that nothing needs.
    pub collection: Collection,
    /// Bounds on artifacts.
    pub artifacts: Artifacts,
    /// The registry of images.
    pub images: Images,
    /// Image builds.
    pub builds: Builds,
    /// What is logged, and how.
    pub log: Log,
    /// Where traces go.
    pub traces: Traces,
    #[serde(skip)]
    effective: Vec<Setting>,
}

/// What the command line adds to file and environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// The operator's file.
    pub file: Option<PathBuf>,
    /// `section.key=value`, strongest last.
    pub set: Vec<String>,
}

impl Settings {
    /// Reads all layers and settles what depends on the machine: data folder, database and engine addresses.
    pub fn load(environment: &Environment, overrides: &Overrides) -> Result<Self, ConfigError> {
        let file = overrides.file.clone().or_else(|| environment.get("HUB_CONFIG").map(PathBuf::from));
        let mut layers = Layers::of_defaults()?;
        if let Some(path) = file {
            layers.add_file(&path)?;
        }
        layers.add_environment(environment)?;
        layers.add_flags(&overrides.set)?;
        machine::settle(&mut layers, environment);
        let mut settings: Self = layers.read()?;
        settings.effective = effective::of(&layers);
        match settings.wrong() {
            None => Ok(settings),
            Some((key, why)) => Err(layers.refuse(key, why)),
        }
    }

    /// Every setting as it counts when the process starts, with where its value is from, in the order of
    /// `config/default.toml`. Secrets, and passwords in addresses, are hidden: this may be shown to an admin.
    pub fn effective(&self) -> &[Setting] {
        &self.effective
    }

    /// A key whose value cannot be, and why not.
    fn wrong(&self) -> Option<(&'static str, &'static str)> {
        self.server
            .wrong()
            .or_else(|| self.database.wrong())
            .or_else(|| self.blobs.wrong())
            .or_else(|| self.auth.wrong())
            .or_else(|| self.executors.wrong())
            .or_else(|| self.collection.wrong())
            .or_else(|| self.images.wrong())
            .or_else(|| self.builds.wrong())
            .or_else(|| self.traces.wrong())
    }

    /// Bounds on an uploaded package.
    pub fn package_limits(&self) -> PackageLimits {
        PackageLimits {
            upload_bytes: self.packages.max_upload.0,
            unpacked_bytes: self.packages.max_unpacked.0,
            entries: self.packages.max_files,
            ratio: self.packages.max_ratio,
            ..PackageLimits::default()
        }
    }

    /// Bounds on artifacts.
    pub fn artifact_limits(&self) -> ArtifactLimits {
        ArtifactLimits {
            upload_bytes: self.artifacts.max_upload.0,
            person_bytes: self.artifacts.quota.0,
            person_artifacts: self.artifacts.max_count,
        }
    }

    /// Bounds on a build.
    pub fn build_limits(&self) -> BuildLimits {
        BuildLimits {
            time: self.builds.time_limit.0,
            memory_bytes: self.builds.memory_limit.0,
            processes: u64::from(self.builds.process_limit),
            disk_bytes: self.builds.disk_limit.0,
            disk_reserve_bytes: self.builds.disk_reserve.0,
            output_bytes: self.builds.output_limit.0,
            log_bytes: self.builds.log_limit.0,
            ..BuildLimits::default()
        }
    }
}

fn secret_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)], set: &[&str]) -> Result<Settings, ConfigError> {
        let environment = Environment::of(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        Settings::load(
            &environment,
            &Overrides { file: None, set: set.iter().map(|text| (*text).to_owned()).collect() },
        )
    }

    #[test]
    fn the_defaults_are_good_settings() {
        let settings = load(&[("HOME", "/home/alice")], &[]).expect("good defaults");
        assert!(settings.auth.anonymous_push);
        assert_eq!(settings.server.external_url, "http://127.0.0.1:8080");
        assert_eq!(settings.package_limits(), PackageLimits::default());
        assert_eq!(settings.build_limits(), BuildLimits::default());
        assert_eq!(settings.artifact_limits(), ArtifactLimits::default());
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_defaults() {
        let variables = [("HUB_BUILDS__SLOTS", "3"), ("HUB_AUTH__ANONYMOUS_PUSH", "false")];
        let settings = load(&variables, &["builds.slots=4"]).expect("good settings");
        assert_eq!((settings.builds.slots, settings.auth.anonymous_push), (4, false));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_suggests_the_right_one() {
        let error = load(&[("HUB_BUILDS__SLOT", "3")], &[]).expect_err("an unknown key").to_string();
        assert!(error.contains("HUB_BUILDS__SLOT") && error.contains("builds.slots"), "{error}");
        let error = load(&[], &["server.listen=x"]).expect_err("an unknown key").to_string();
        assert!(error.contains("server.listen"), "{error}");
    }

    #[test]
    fn a_secret_may_come_from_a_file_and_never_prints() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "postgres://hub:hunter2@db/hub\n").expect("written");
        let path = file.path().to_str().expect("a text path");
        let settings = load(&[("HUB_DATABASE__URL_FILE", path)], &[]).expect("good settings");
        assert_eq!(settings.database.url.expose(), "postgres://hub:hunter2@db/hub");
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn every_secret_is_hidden_where_settings_are_shown() {
        for entry in manual::entries() {
            let Ok(settings) = load(&[], &[&format!("{}=canary", entry.key)]) else { continue };
            let is_secret = !format!("{settings:?}").contains("canary");
            assert_eq!(effective::SECRETS.contains(&entry.key.as_str()), is_secret, "{}", entry.key);
        }
        let settings = load(&[("HUB_AUTH__MASTER_KEY", "canary")], &[]).expect("good settings");
        assert!(!format!("{:?}", settings.effective()).contains("canary"));
    }

    #[test]
    fn each_effective_value_tells_its_source() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "[packages]\nmax_files = 7\n[log]\nlevel = \"warn\"\n").expect("written");
        let variables =
            [("HUB_LOG__LEVEL", "debug"), ("DATABASE_URL", "postgres://db"), ("HOME", "/home/alice")];
        let environment = Environment::of(variables.map(|(k, v)| (k.to_owned(), v.to_owned())));
        let overrides = Overrides { file: Some(file.path().to_owned()), set: vec!["builds.slots=2".into()] };
        let settings = Settings::load(&environment, &overrides).expect("good settings");
        let of = |key: &str| {
            let setting = settings.effective().iter().find(|setting| setting.key == key).expect(key);
            (setting.value.to_string(), setting.source.to_string())
        };
        assert_eq!(of("packages.max_files"), ("7".into(), format!("file {}", file.path().display())));
        assert_eq!(of("log.level"), ("\"debug\"".into(), "environment HUB_LOG__LEVEL".into()));
        assert_eq!(of("builds.slots"), ("2".into(), "flag".into()));
        assert_eq!(of("database.url"), ("\"(hidden)\"".into(), "environment DATABASE_URL".into()));
        assert_eq!(
            of("server.external_url"),
            ("\"http://127.0.0.1:8080\"".into(), "from server.listen".into())
        );
        assert_eq!(of("auth.anonymous_push"), ("true".into(), "default".into()));
    }

    #[test]
    fn a_wrong_value_is_blamed_on_who_gave_it() {
        let error = load(&[("HUB_BUILDS__MODE", "never"), ("HUB_BUILDS__SLOTS", "2")], &[])
            .expect_err("no such mode");
        let text = error.to_string();
        assert!(
            text.contains("builds.mode") && text.contains("HUB_BUILDS__MODE") && text.contains("off"),
            "{text}"
        );
        let text = load(&[], &["builds.max_attempts=0"]).expect_err("none").to_string();
        assert!(text.contains("builds.max_attempts (flag)"), "{text}");
    }

    #[test]
    fn a_value_and_its_file_together_are_refused() {
        let variables = [("HUB_AUTH__MASTER_KEY", "a"), ("HUB_AUTH__MASTER_KEY_FILE", "/dev/null")];
        let text = load(&variables, &[]).expect_err("two values").to_string();
        assert!(text.contains("HUB_AUTH__MASTER_KEY_FILE") && text.contains("not both"), "{text}");
    }

    #[test]
    fn a_mistake_in_a_file_names_the_line_and_not_what_stands_there() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "[auth]\nmaster_key = canary\n").expect("written");
        let overrides = Overrides { file: Some(file.path().to_owned()), set: vec![] };
        let text = Settings::load(&Environment::of([]), &overrides).expect_err("no TOML").to_string();
        assert!(text.contains("line 2") && !text.contains("canary"), "{text}");
        std::fs::write(file.path(), "[bulids]\nslots = 1\n").expect("written");
        let text = Settings::load(&Environment::of([]), &overrides).expect_err("no section").to_string();
        assert!(text.contains("'bulids'") && text.contains("'builds'"), "{text}");
    }

    #[test]
    fn every_setting_is_documented_and_every_documented_one_is_read() {
        let entries = manual::entries();
        let documented: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let settings = load(&[], &[]).expect("good defaults");
        // Serde refuses keys that no field has and fields that have no key, so what loads is exactly what is read.
        let layers = Layers::of_defaults().expect("good defaults");
        let mut read = layers.keys();
        let mut sorted: Vec<String> = documented.iter().map(|key| (*key).to_owned()).collect();
        sorted.sort();
        read.sort();
        assert_eq!(sorted, read);
        assert_eq!(settings.effective().len(), read.len());
        for entry in &entries {
            assert!(entry.description.len() > 10 && entry.description.ends_with(['.', '}']), "{entry:?}");
        }
    }

    #[test]
    fn variables_for_builds_come_as_json() {
        let variables = [("HUB_BUILDS__ENVIRONMENT", r#"{"PIP_CERT": "/etc/ca.pem"}"#)];
        let settings = load(&variables, &[]).expect("good settings");
        assert_eq!(settings.builds.environment["PIP_CERT"], "/etc/ca.pem");
    }
}
