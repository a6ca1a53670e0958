//! How do file, environment and flags lie over the defaults? Every key must be one that the defaults have, and every value
//! remembers where it is from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{DEFAULT_TOML, Environment, Source, nearest::nearest};

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key that no setting has.
    #[error("{origin}: there is no setting '{key}'{}", .suggestion.as_ref().map(|s| format!("; did you mean '{s}'?")).unwrap_or_default())]
    UnknownKey {
        /// File, variable or flag.
        origin: String,
        /// The key as given.
        key: String,
        /// The nearest key that exists.
        suggestion: Option<String>,
    },
    /// A value of the wrong shape.
    #[error("{key}: {why}")]
    Value {
        /// Which setting, or where it came from.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// All layers so far in one table that has the shape of the defaults.
#[derive(Debug)]
pub(super) struct Layers {
    table: Table,
    /// By `section.key`; what is missing is a default.
    sources: BTreeMap<String, Source>,
}

impl Layers {
    /// The lowest layer.
    pub(super) fn of_defaults() -> Result<Self, ConfigError> {
        Ok(Self { table: parse(DEFAULT_TOML, "config/default.toml")?, sources: BTreeMap::new() })
    }

    /// The operator's file.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let origin = path.display().to_string();
        for (section, values) in parse(&read(path)?, &origin)? {
            let (Value::Table(values), true) = (values, self.table.contains_key(&section)) else {
                return Err(self.unknown(&origin, &section));
            };
            for (key, value) in values {
                let source = Source::File(path.to_owned());
                self.put(&origin, &format!("{section}.{key}"), Given::Value(value), source)?;
            }
        }
        Ok(())
    }

    /// `HUB_SECTION__KEY`. `HUB_CONFIG` names the file; variables without a section are left to the clients' own commands
    /// and to Kubernetes, which makes such ones of a service called `hub`.
    pub(super) fn add_environment(&mut self, environment: &Environment) -> Result<(), ConfigError> {
        for (name, text) in environment.starting_with("HUB_") {
            let Some((section, key)) = name["HUB_".len()..].split_once("__") else { continue };
            let key = format!("{section}.{key}").to_ascii_lowercase();
            self.put(name, &key, Given::Text(text), Source::Environment(name.to_owned()))?;
        }
        Ok(())
    }

    /// `--set section.key=value`.
    pub(super) fn add_flags(&mut self, flags: &[String]) -> Result<(), ConfigError> {
        for flag in flags {
            let origin = format!("--set {}", flag.split('=').next().unwrap_or_default());
            match flag.split_once('=') {
                Some((key, text)) if key.contains('.') => {
                    self.put(&origin, key, Given::Text(text), Source::Flag)?;
                }
                _ => {
                    let why = "write it as section.key=value".into();
                    return Err(ConfigError::Value { key: origin, why });
                }
            }
        }
        Ok(())
    }

    /// The value that counts so far.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        let (section, key) = key.split_once('.')?;
        self.table.get(section)?.as_table()?.get(key)
    }

    /// Where it is from.
    pub(super) fn source(&self, key: &str) -> Source {
        self.sources.get(key).cloned().unwrap_or(Source::Default)
    }

    /// Gives an existing setting another value.
    pub(super) fn set(&mut self, key: &str, value: Value, source: Source) {
        let slot = key.split_once('.').and_then(|(section, key)| {
            self.table.get_mut(section).and_then(Value::as_table_mut)?.get_mut(key)
        });
        if let Some(slot) = slot {
            *slot = value;
            self.sources.insert(key.to_owned(), source);
        }
    }

    /// The table as settings.
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, ConfigError> {
        self.table.clone().try_into().map_err(|error| self.blame::<T>(&error))
    }

    /// A setting whose value cannot be: the error says who gave it.
    pub(super) fn refuse(&self, key: &str, why: &str) -> ConfigError {
        ConfigError::Value { key: format!("{key} ({})", self.source(key)), why: why.to_owned() }
    }

    /// The error of reading the table does not say whose value it is about, so each one is tried alone over the defaults.
    fn blame<T: serde::de::DeserializeOwned>(&self, error: &toml::de::Error) -> ConfigError {
        let alone = |key: &String| {
            let mut layers = Self::of_defaults().ok()?;
            layers.set(key, self.get(key)?.clone(), Source::Default);
            let error = layers.table.try_into::<T>().err()?;
            Some(self.refuse(key, &one_line(error.message())))
        };
        let whole = || ConfigError::Value { key: "configuration".into(), why: one_line(error.message()) };
        self.sources.keys().find_map(alone).unwrap_or_else(whole)
    }

    fn put(&mut self, origin: &str, key: &str, given: Given<'_>, source: Source) -> Result<(), ConfigError> {
        let twin =
            key.strip_suffix("_file").filter(|base| self.get(key).is_none() && self.get(base).is_some());
        let name = twin.unwrap_or(key);
        let Some(like) = self.get(name) else { return Err(self.unknown(origin, key)) };
        let refuse = |why| ConfigError::Value { key: format!("{origin} ({name})"), why };
        let value = match (given, twin) {
            (Given::Value(Value::String(path)), Some(_)) => from_file(Path::new(&path), like),
            (Given::Text(path), Some(_)) => from_file(Path::new(path), like),
            (Given::Value(_), Some(_)) => return Err(refuse("it must be the path of a file".to_owned())),
            (Given::Value(value), None) => Ok(Ok(value)),
            (Given::Text(text), None) => Ok(from_text(text, like)),
        }?
        .map_err(refuse)?;
        // Within one layer a value and a file would depend on the order of their names.
        if self.sources.get(name).is_some_and(|earlier| is_twin(earlier, &source)) {
            return Err(refuse("give either the value or the file that holds it, not both".to_owned()));
        }
        let name = name.to_owned();
        self.set(&name, value, source);
        Ok(())
    }

    /// Every setting that there is.
    pub(super) fn keys(&self) -> Vec<String> {
        let of_section = |(section, values): (&String, &Value)| {
            let keys = values.as_table().into_iter().flatten();
            keys.map(|(key, _)| format!("{section}.{key}")).collect::<Vec<_>>()
        };
        self.table.iter().flat_map(of_section).collect()
    }

    fn unknown(&self, origin: &str, key: &str) -> ConfigError {
        let known = if key.contains('.') { self.keys() } else { self.table.keys().cloned().collect() };
        let suggestion = nearest(key, known.into_iter());
        ConfigError::UnknownKey { origin: origin.to_owned(), key: key.to_owned(), suggestion }
    }
}

/// A value as a layer has it.
enum Given<'a> {
    Value(Value),
    Text(&'a str),
}

/// Whether two sources are `HUB_X` and `HUB_X_FILE`, or twice the same file.
fn is_twin(earlier: &Source, later: &Source) -> bool {
    match (earlier, later) {
        (Source::Environment(_), Source::Environment(_)) => true,
        (Source::File(earlier), Source::File(later)) => earlier == later,
        _ => false,
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })
}

/// The content of a file, without the end of its last line, as a value.
fn from_file(path: &Path, like: &Value) -> Result<Result<Value, String>, ConfigError> {
    Ok(from_text(read(path)?.trim_end(), like))
}

/// The line is told by its number only: it may hold a secret.
fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ConfigError::Value { key: format!("{origin}, line {line}"), why: one_line(error.message()) }
    })
}

fn one_line(text: &str) -> String {
    text.trim().replace('\n', " ")
}

/// A text from the environment or a flag, as a value of the same type as the default.
fn from_text(text: &str, like: &Value) -> Result<Value, String> {
    match like {
        Value::Boolean(_) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::Boolean(true)),
            "false" | "0" | "no" | "off" => Ok(Value::Boolean(false)),
            _ => Err(format!("{text:?} is neither true nor false")),
        },
        Value::Integer(_) => {
            text.trim().parse().map(Value::Integer).map_err(|_| format!("{text:?} is no whole number"))
        }
        Value::Array(_) if text.trim_start().starts_with('[') => {
            serde_json::from_str(text).map_err(|error| format!("no JSON list of texts: {error}"))
        }
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        Value::Table(_) => {
            serde_json::from_str(text).map_err(|error| format!("no JSON object of texts: {error}"))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}
