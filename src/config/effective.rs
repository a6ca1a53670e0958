//! Which value counts, and who said so? Every setting with its source, safe to show: secrets are hidden here, once.

use std::{fmt, path::PathBuf};

use serde::{Serialize, Serializer};
use toml::Value;

use super::{layers::Layers, manual};

/// The settings that hold secrets. A test finds those that are missing here.
pub(super) const SECRETS: [&str; 4] =
    ["server.metrics_token", "database.url", "blobs.s3_secret_access_key", "auth.master_key"];

/// What stands for a secret that is set.
const HIDDEN: &str = "(hidden)";

/// A setting as it counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// `section.key`.
    pub key: String,
    /// Its value as TOML, which is also how it prints; `"(hidden)"` stands for a secret, `""` for one that is not set.
    pub value: Value,
    /// Where the value is from.
    pub source: Source,
}

/// Where a value is from, weakest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `config/default.toml`.
    Default,
    /// It was left empty and follows from this.
    Derived(&'static str),
    /// The operator's file.
    File(PathBuf),
    /// A variable with this name.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Derived(from) => write!(f, "from {from}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// All settings in the order in which they are documented.
pub(super) fn of(layers: &Layers) -> Vec<Setting> {
    let entries = manual::entries();
    let setting = |entry: &manual::Entry| {
        let value = layers.get(&entry.key)?;
        Some(Setting {
            value: showable(&entry.key, value),
            source: layers.source(&entry.key),
            key: entry.key.clone(),
        })
    };
    entries.iter().filter_map(setting).collect()
}

fn showable(key: &str, value: &Value) -> Value {
    if SECRETS.contains(&key) {
        let is_set = value.as_str().is_none_or(|text| !text.is_empty());
        return Value::String(if is_set { HIDDEN } else { "" }.to_owned());
    }
    without_passwords(value)
}

/// Addresses may carry a name and a password: `https://name:password@host`.
fn without_passwords(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_password(text)),
        Value::Array(items) => Value::Array(items.iter().map(without_passwords).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.clone(), without_passwords(value))).collect())
        }
        other => other.clone(),
    }
}

fn without_password(text: &str) -> String {
    let hidden = || {
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (_, host) = authority.rsplit_once('@')?;
        Some(format!("{scheme}://{HIDDEN}@{host}{}", rest.get(authority.len()..)?))
    };
    hidden().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_hidden() {
        assert_eq!(without_password("https://me:pw@index.example/x@y"), "https://(hidden)@index.example/x@y");
        assert_eq!(without_password("https://me:p@w@index.example"), "https://(hidden)@index.example");
        assert_eq!(without_password("https://index.example/a@b"), "https://index.example/a@b");
        assert_eq!(without_password("plain@text"), "plain@text");
    }
}
