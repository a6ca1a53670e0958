//! What may a configuration file contain, in the words of JSON Schema? For editors and for checks of files that are made by
//! programs; names, defaults and descriptions are those of `config/default.toml`.

use serde_json::{Map, Value as Json, json};
use toml::Value;

use super::{Bytes, ConfigError, Span, effective::SECRETS, layers::Layers, manual};

/// Settings that take one of a few words. A test finds those that are missing here.
const CHOICES: [(&str, &[&str]); 6] = [
    ("blobs.backend", &["directory", "s3", "memory"]),
    ("auth.registration", &["closed", "open"]),
    ("builds.mode", &["auto", "required", "off"]),
    ("builds.network", &["default", "none"]),
    ("builds.unkept_limits", &["warn", "refuse"]),
    ("log.format", &["auto", "json", "text"]),
];

/// The schema of a configuration file, JSON Schema 2020-12.
pub fn schema() -> Result<Json, ConfigError> {
    let layers = Layers::of_defaults()?;
    let mut sections: Map<String, Json> = Map::new();
    for entry in manual::entries() {
        let (Some(default), Some((section, name))) = (layers.get(&entry.key), entry.key.split_once('.'))
        else {
            continue;
        };
        let mut property = shape(&entry.key, default);
        property.insert("default".into(), json!(default));
        property.insert("description".into(), json!(entry.description));
        let section = sections
            .entry(section)
            .or_insert_with(|| json!({ "type": "object", "additionalProperties": false, "properties": {} }));
        let Some(properties) = section.get_mut("properties").and_then(Json::as_object_mut) else { continue };
        properties.insert(name.to_owned(), Json::Object(property));
        if SECRETS.contains(&entry.key.as_str()) {
            let description = format!("The path of a file that holds `{}`.", entry.key);
            properties
                .insert(format!("{name}_file"), json!({ "type": "string", "description": description }));
        }
    }
    Ok(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of Executor Hub",
        "type": "object",
        "additionalProperties": false,
        "properties": sections,
    }))
}

/// What values a setting takes, told by its default.
fn shape(key: &str, default: &Value) -> Map<String, Json> {
    let shape = match default {
        Value::Boolean(_) => json!({ "type": "boolean" }),
        Value::Integer(_) => json!({ "type": "integer", "minimum": 0 }),
        Value::Array(_) => json!({ "type": "array", "items": { "type": "string" } }),
        Value::Table(_) => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        other => text(key, other.as_str().unwrap_or_default()),
    };
    shape.as_object().cloned().unwrap_or_default()
}

fn text(key: &str, default: &str) -> Json {
    if let Some((_, words)) = CHOICES.iter().find(|(choice, _)| *choice == key) {
        return json!({ "type": "string", "enum": words });
    }
    if default.parse::<Span>().is_ok() {
        return json!({ "type": "string", "pattern": r"^[0-9]+ *(ms|s|m|h|d)$" });
    }
    // A number alone is a size too, but a default that is one means something else, such as a version.
    let has_unit = default.ends_with(|c: char| c.is_ascii_alphabetic());
    if has_unit && default.parse::<Bytes>().is_ok() {
        return json!({ "type": "string", "pattern": r"^[0-9]+ *([KMGT]iB|B)?$" });
    }
    json!({ "type": "string" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn accepts(key: &str, text: &str) -> bool {
        let mut layers = Layers::of_defaults().unwrap();
        layers.add_flags(&[format!("{key}={text}")]).unwrap();
        layers.read::<Settings>().is_ok()
    }

    #[test]
    fn each_setting_has_type_default_and_description() {
        let schema = schema().unwrap();
        for entry in manual::entries() {
            let (section, name) = entry.key.split_once('.').unwrap();
            let property = &schema["properties"][section]["properties"][name];
            assert!(
                property["type"].is_string() && !property["default"].is_null(),
                "{}: {property}",
                entry.key
            );
            assert!(!property["description"].as_str().unwrap().is_empty(), "{}", entry.key);
        }
        assert_eq!(schema["properties"]["database"]["properties"]["url_file"]["type"], "string");
    }

    #[test]
    fn the_words_of_the_schema_are_those_that_are_taken() {
        for (key, words) in CHOICES {
            for word in words {
                assert!(accepts(key, word), "{key}={word}");
            }
        }
        let schema = schema().unwrap();
        // The listener's address is the one text that is neither free nor a word, a time or a size.
        for entry in manual::entries().iter().filter(|entry| entry.key != "server.listen") {
            let (section, name) = entry.key.split_once('.').unwrap();
            let property = &schema["properties"][section]["properties"][name];
            if property["type"] == "string" {
                let is_free = property["enum"].is_null() && property["pattern"].is_null();
                assert_eq!(accepts(&entry.key, "no such word"), is_free, "{}", entry.key);
            }
        }
    }
}
