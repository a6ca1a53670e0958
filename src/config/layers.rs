//! How do file, environment and flags lie over the defaults? Every key must be one that the defaults have.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Environment;

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

/// All layers in one table that has the shape of the defaults.
pub(super) fn merge(
    defaults: &str,
    file: Option<&Path>,
    environment: &Environment,
    set: &[String],
) -> Result<Table, ConfigError> {
    let mut table: Table = parse(defaults, "config/default.toml")?;
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        let origin = path.display().to_string();
        for (section, values) in parse(&text, &origin)? {
            let Value::Table(values) = values else {
                return Err(unknown(&origin, &section, &table));
            };
            for (key, value) in values {
                put(&mut table, &origin, &section, &key, |_| Ok(value))?;
            }
        }
    }
    for (name, text) in environment.starting_with("HUB_") {
        // HUB_CONFIG names the file; variables without a section are left to the clients' own commands.
        let Some((section, key)) = name["HUB_".len()..].split_once("__") else { continue };
        let (section, key) = (section.to_ascii_lowercase(), key.to_ascii_lowercase());
        if let Some(key) = key.strip_suffix("_file")
            && has(&table, &section, key)
        {
            let path = PathBuf::from(text);
            let content =
                std::fs::read_to_string(&path).map_err(|source| ConfigError::File { path, source })?;
            put(&mut table, name, &section, key, |like| from_text(content.trim_end(), like))?;
        } else {
            put(&mut table, name, &section, &key, |like| from_text(text, like))?;
        }
    }
    for flag in set {
        let origin = format!("--set {}", flag.split('=').next().unwrap_or_default());
        let parts = flag.split_once('=').and_then(|(key, text)| Some((key.split_once('.')?, text)));
        let Some(((section, key), text)) = parts else {
            return Err(ConfigError::Value { key: origin, why: "write it as section.key=value".into() });
        };
        put(&mut table, &origin, section, key, |like| from_text(text, like))?;
    }
    Ok(table)
}

/// The table as settings.
pub(super) fn read<T: serde::de::DeserializeOwned>(table: Table) -> Result<T, ConfigError> {
    table.try_into().map_err(|error: toml::de::Error| ConfigError::Value {
        key: "configuration".into(),
        why: error.to_string().trim().replace('\n', " "),
    })
}

fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| ConfigError::Value {
        key: origin.to_owned(),
        why: error.to_string().trim().replace('\n', " "),
    })
}

fn has(table: &Table, section: &str, key: &str) -> bool {
    table.get(section).and_then(Value::as_table).is_some_and(|section| section.contains_key(key))
}

fn put(
    table: &mut Table,
    origin: &str,
    section: &str,
    key: &str,
    value: impl FnOnce(&Value) -> Result<Value, String>,
) -> Result<(), ConfigError> {
    let full = format!("{section}.{key}");
    if !has(table, section, key) {
        return Err(unknown(origin, &full, table));
    }
    if let Some(slot) = table.get_mut(section).and_then(Value::as_table_mut).and_then(|s| s.get_mut(key)) {
        *slot = value(slot).map_err(|why| ConfigError::Value { key: format!("{origin} ({full})"), why })?;
    }
    Ok(())
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

fn unknown(origin: &str, key: &str, table: &Table) -> ConfigError {
    let keys = table.iter().flat_map(|(section, values)| {
        values.as_table().into_iter().flatten().map(move |(key, _)| format!("{section}.{key}"))
    });
    let nearest = keys.map(|known| (edit_distance(&known, key), known)).min();
    ConfigError::UnknownKey {
        origin: origin.to_owned(),
        key: key.to_owned(),
        suggestion: nearest.filter(|(distance, _)| *distance <= 6).map(|(_, known)| known),
    }
}

/// Levenshtein's distance, in a row of memory.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let best = (above + 1).min(left + 1).min(diagonal + usize::from(x != *y));
            diagonal = above;
            if let Some(slot) = row.get_mut(j) {
                *slot = left;
            }
            left = best;
        }
        if let Some(slot) = row.last_mut() {
            *slot = left;
        }
    }
    row.last().copied().unwrap_or(0)
}
