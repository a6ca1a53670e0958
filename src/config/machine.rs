//! What do settings that were left empty mean on this machine? Settled before anything reads them, so that what is shown
//! as effective is what counts.

use toml::Value;

use super::{Environment, Source, layers::Layers};

/// Fills in the settings whose default depends on the machine, on its environment or on other settings.
pub(super) fn settle(layers: &mut Layers, environment: &Environment) {
    if layers.text("server.data_dir").is_empty() {
        let folder = environment.default_data_dir().display().to_string();
        layers.settle("server.data_dir", folder, Source::Derived("this machine"));
    }
    if let Ok(absolute) = std::path::absolute(layers.text("server.data_dir")) {
        layers.replace("server.data_dir", absolute.display().to_string());
    }
    if layers.text("blobs.directory").is_empty() {
        let folder = std::path::Path::new(layers.text("server.data_dir")).join("blobs");
        layers.settle("blobs.directory", folder.display().to_string(), Source::Derived("server.data_dir"));
    }
    if layers.text("database.url").is_empty()
        && let Some(url) = environment.get("DATABASE_URL")
    {
        layers.settle("database.url", url, Source::Environment("DATABASE_URL".into()));
    }
    if layers.text("builds.engine").is_empty() {
        match environment.get("DOCKER_HOST").filter(|host| !host.is_empty()) {
            Some(host) => layers.settle("builds.engine", host, Source::Environment("DOCKER_HOST".into())),
            None => {
                layers.settle(
                    "builds.engine",
                    "unix:///var/run/docker.sock",
                    Source::Derived("this machine"),
                );
            }
        }
    }
    if layers.text("server.external_url").is_empty() {
        let scheme = if layers.text("server.tls_certificate").is_empty() { "http" } else { "https" };
        let url = format!("{scheme}://{}", layers.text("server.listen"));
        layers.settle("server.external_url", url, Source::Derived("server.listen"));
    }
    let tidy = layers.text("server.external_url").trim_end_matches('/').to_owned();
    layers.replace("server.external_url", tidy);
}

impl Layers {
    /// The text of a setting; empty when it is none.
    fn text(&self, key: &str) -> &str {
        self.get(key).and_then(Value::as_str).unwrap_or_default()
    }

    fn settle(&mut self, key: &str, value: impl Into<String>, source: Source) {
        self.set(key, Value::String(value.into()), source);
    }

    /// Another spelling of the same value: it is from where it was from. Left alone when it is no text, which reading it
    /// will refuse.
    fn replace(&mut self, key: &str, value: String) {
        if self.get(key).is_some_and(Value::is_str) {
            let source = self.source(key);
            self.settle(key, value, source);
        }
    }
}
