//! What did the operator set? Flags over environment over file over `config/default.toml`; an unknown key is an error
//! that names it. The only reader of configuration files and of the environment.

mod environment;
mod keeping;
mod layers;
mod units;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use serde::Deserialize;

pub use environment::Environment;
pub use keeping::{Collection, Executors, Limits};
pub use layers::ConfigError;
pub use units::{Bytes, Network, Span};

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
    /// Image builds.
    pub builds: Builds,
    /// What is logged, and how.
    pub log: Log,
}

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// What links start with, without a slash at the end; empty means made from `listen`.
    pub external_url: String,
    /// Resolved to an absolute path when settings are loaded.
    pub data_dir: PathBuf,
    /// How long open requests may go on after the signal to stop.
    pub shutdown_grace: Span,
    /// How long each piece of a request may take.
    pub read_timeout: Span,
    /// How long nothing may move on a connection.
    pub idle_timeout: Span,
    /// How many connections there may be at once.
    pub max_connections: usize,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Hosts of image registries, for the clients' Docker credential helper; empty means that of `external_url`.
    pub image_registries: Vec<String>,
}

/// `[database]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Empty means a private Postgres.
    #[serde(deserialize_with = "secret_text")]
    pub url: Secret,
    /// Folder of `initdb` and `postgres`; empty means the usual places.
    pub postgres_bin: PathBuf,
    /// Connections of this process.
    pub max_connections: u32,
    /// How long a request waits for a connection.
    pub acquire_timeout: Span,
}

/// `[blobs]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blobs {
    /// Which kind of store.
    pub backend: BlobBackend,
    /// Resolved when settings are loaded.
    pub directory: PathBuf,
    /// Bucket name.
    pub s3_bucket: String,
    /// Empty means Amazon's own.
    pub s3_endpoint: String,
    /// Region name.
    pub s3_region: String,
    /// Key id; empty means that the environment of the machine provides one.
    pub s3_access_key_id: String,
    /// Key.
    #[serde(deserialize_with = "secret_text")]
    pub s3_secret_access_key: Secret,
    /// Whether plain HTTP is allowed to the endpoint.
    pub s3_allow_http: bool,
    /// How long requests are tried again.
    pub s3_patience: Span,
    /// Put before every key.
    pub prefix: String,
}

/// Kinds of object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlobBackend {
    /// Files below a folder.
    Directory,
    /// An S3-compatible bucket.
    S3,
    /// The memory of this process.
    Memory,
}

/// `[auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Whether people may push without signing in.
    pub anonymous_push: bool,
    /// Whether everything needs a signed-in person.
    pub sign_in_required: bool,
    /// Hexadecimal; empty means a key file in the data folder.
    #[serde(deserialize_with = "secret_text")]
    pub master_key: Secret,
    /// How long a download address works.
    pub download_address_life: Span,
    /// Who may make an account.
    pub registration: Registration,
    /// How long a sign-in lasts.
    pub session_life: Span,
    /// Sign-ins to one account that may fail before each further one has to wait.
    pub sign_in_attempts: u16,
    /// The same, of one address.
    pub sign_in_attempts_per_address: u16,
    /// The longest such wait.
    pub sign_in_longest_wait: Span,
    /// Tries with a secret at one Executor that may fail before each further one has to wait.
    pub secret_attempts: u16,
    /// The same, of one address.
    pub secret_attempts_per_address: u16,
    /// The longest such wait.
    pub secret_longest_wait: Span,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// An admin, for others.
    Closed,
    /// Everybody, for themselves.
    Open,
}

/// `[packages]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// Bytes of an uploaded zip.
    pub max_upload: Bytes,
    /// Bytes of all its files.
    pub max_unpacked: Bytes,
    /// How many files.
    pub max_files: usize,
    /// Unpacked bytes per packed byte.
    pub max_ratio: u64,
}

/// `[artifacts]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifacts {
    /// Bytes of one artifact.
    pub max_upload: Bytes,
    /// Bytes of all artifacts of one person.
    pub quota: Bytes,
    /// Artifacts of one person.
    pub max_count: u64,
}

/// `[builds]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Builds {
    /// Whether images are built.
    pub mode: BuildMode,
    /// Builds at once in this process.
    pub slots: u16,
    /// Address of the engine; resolved when settings are loaded.
    pub engine: String,
    /// With `{jina}`, `{python}` and `{docarray}`.
    pub base_image: String,
    /// For clients that do not say.
    pub default_jina: String,
    /// For clients that do not say.
    pub default_python: String,
    /// For clients that do not say.
    pub default_docarray: String,
    /// First part of image names.
    pub image_prefix: String,
    /// Patterns of images to start from.
    pub allowed_images: Vec<String>,
    /// Network of build steps.
    pub network: BuildNetwork,
    /// PEM file, or empty.
    pub ca_certificates: PathBuf,
    /// Lease of a worker.
    pub lease: Span,
    /// Tries after engine faults.
    pub max_attempts: u16,
    /// How long builds may go on after the signal to stop.
    pub drain: Span,
    /// Bound on one build.
    pub time_limit: Span,
    /// Bound on one build step.
    pub memory_limit: Bytes,
    /// Bound on the processes of one build step.
    pub process_limit: u32,
    /// Bound on what one build step writes to the engine's disk.
    pub disk_limit: Bytes,
    /// What a build leaves free on the engine's disk.
    pub disk_reserve: Bytes,
    /// Bound on kept console output.
    pub log_limit: Bytes,
    /// Bound on all console output.
    pub output_limit: Bytes,
    /// What to do where limits cannot be kept.
    pub unkept_limits: UnkeptLimits,
    /// Age at which unused build cache is removed; zero keeps it.
    pub cache_age: Span,
    /// Variables for every build step; no secrets.
    pub environment: BTreeMap<String, String>,
}

/// When images are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildMode {
    /// When an engine answers; packages are taken without one.
    Auto,
    /// Always; pushes wait for an engine.
    Required,
    /// Never.
    Off,
}

/// What becomes of a build whose memory, processes and disk cannot be bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnkeptLimits {
    /// It runs, and its log says so.
    Warn,
    /// It does not run, unless the classic builder can bound its memory.
    Refuse,
}

/// Network of build steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildNetwork {
    /// The engine's own.
    Default,
    /// None at all.
    None,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Level or filters.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
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
    /// Reads all layers and resolves what depends on the machine: data folder, database and engine addresses.
    pub fn load(environment: &Environment, overrides: &Overrides) -> Result<Self, ConfigError> {
        let file = overrides.file.clone().or_else(|| environment.get("HUB_CONFIG").map(PathBuf::from));
        let table = layers::merge(DEFAULT_TOML, file.as_deref(), environment, &overrides.set)?;
        let mut settings: Self = layers::read(table)?;
        settings.resolve(environment);
        settings.check()?;
        Ok(settings)
    }

    fn resolve(&mut self, environment: &Environment) {
        if self.server.data_dir.as_os_str().is_empty() {
            self.server.data_dir = environment.default_data_dir();
        }
        if let Ok(absolute) = std::path::absolute(&self.server.data_dir) {
            self.server.data_dir = absolute;
        }
        if self.blobs.directory.as_os_str().is_empty() {
            self.blobs.directory = self.server.data_dir.join("blobs");
        }
        if self.database.url.is_empty()
            && let Some(url) = environment.get("DATABASE_URL")
        {
            self.database.url = Secret::new(url);
        }
        if self.builds.engine.is_empty() {
            let usual = "unix:///var/run/docker.sock";
            self.builds.engine =
                environment.get("DOCKER_HOST").filter(|host| !host.is_empty()).unwrap_or(usual).into();
        }
        if self.server.external_url.is_empty() {
            self.server.external_url = format!("http://{}", self.server.listen);
        }
        self.server.external_url = self.server.external_url.trim_end_matches('/').to_owned();
    }

    fn check(&self) -> Result<(), ConfigError> {
        let bad = |key: &str, why: &str| Err(ConfigError::Value { key: key.to_owned(), why: why.to_owned() });
        let url = &self.server.external_url;
        if !(url.starts_with("http://") || url.starts_with("https://")) || url.contains(['?', '#', ' ']) {
            return bad("server.external_url", "it must be an address such as https://hub.example.com");
        }
        if self.server.idle_timeout.0 < std::time::Duration::from_secs(1) {
            return bad("server.idle_timeout", "it must be 1s or more");
        }
        if self.server.max_connections == 0 {
            return bad("server.max_connections", "at least 1 is needed");
        }
        if self.auth.session_life.0 < std::time::Duration::from_mins(1) {
            return bad("auth.session_life", "it must be 1m or more");
        }
        if self.auth.session_life.0 > std::time::Duration::from_hours(3650 * 24) {
            return bad("auth.session_life", "it must be 3650d or less");
        }
        if self.auth.sign_in_longest_wait.0 > std::time::Duration::from_hours(24) {
            return bad(
                "auth.sign_in_longest_wait",
                "it must be 1d or less: whoever guesses makes others wait too",
            );
        }
        if let Some((key, why)) = self.executors.wrong().or_else(|| self.collection.wrong()) {
            return bad(key, why);
        }
        if self.auth.secret_longest_wait.0 > std::time::Duration::from_hours(24) {
            return bad(
                "auth.secret_longest_wait",
                "it must be 1d or less: whoever guesses makes others wait too",
            );
        }
        if self.blobs.backend == BlobBackend::S3 && self.blobs.s3_bucket.is_empty() {
            return bad("blobs.s3_bucket", "the backend \"s3\" needs a bucket");
        }
        if self.database.max_connections < 2 {
            return bad("database.max_connections", "at least 2 are needed");
        }
        if self.builds.lease.0 < std::time::Duration::from_secs(3) {
            return bad("builds.lease", "it must be 3s or more, for a heartbeat every third of it");
        }
        if self.builds.max_attempts == 0 {
            return bad("builds.max_attempts", "at least 1 is needed");
        }
        if self.builds.memory_limit.0 < 16 << 20 {
            return bad("builds.memory_limit", "it must be 16MiB or more, or no step can begin");
        }
        if self.builds.process_limit < 16 {
            return bad("builds.process_limit", "it must be 16 or more, or no step can begin");
        }
        let prefix = &self.builds.image_prefix;
        let in_grammar =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '/' | ':');
        if prefix.is_empty() || !prefix.chars().all(in_grammar) {
            return bad("builds.image_prefix", "use lower-case letters, digits, '-', '.', '/' and ':'");
        }
        Ok(())
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
    fn variables_for_builds_come_as_json() {
        let variables = [("HUB_BUILDS__ENVIRONMENT", r#"{"PIP_CERT": "/etc/ca.pem"}"#)];
        let settings = load(&variables, &[]).expect("good settings");
        assert_eq!(settings.builds.environment["PIP_CERT"], "/etc/ca.pem");
    }
}
