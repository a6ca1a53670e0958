//! Which build variables came with a push? Names may be told, values only reach the build.

use std::{collections::BTreeMap, fmt};

use super::Secret;

/// The `--build-env` variables of one push, by name.
#[derive(Clone, Default)]
pub struct BuildEnv(BTreeMap<String, Secret>);

/// Why build variables were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBuildEnv {
    /// Not a JSON object of texts.
    #[error("build variables must be a JSON object of names and texts")]
    Shape,
    /// Not `[A-Z0-9][A-Z0-9_]*`, or longer than 128 characters.
    #[error("'{0}' is no name of a build variable: use A–Z, 0–9 and '_', and do not start with '_'")]
    Name(String),
    /// More than 64 variables, or more than 32 KiB in all.
    #[error("there are too many build variables, or they are too long: at most 64, and 32 KiB in all")]
    TooMuch,
    /// A NUL character cannot be part of an environment.
    #[error("the value of '{0}' holds a NUL character")]
    Value(String),
}

impl BuildEnv {
    const MAX_VARIABLES: usize = 64;
    const MAX_BYTES: usize = 32 * 1024;

    /// Reads the `buildEnv` field of a push form: `{"NAME": "value"}`. An empty text means none. Numbers and
    /// booleans are taken as their text, since some programs do not quote them.
    pub fn parse(json: &str) -> Result<Self, InvalidBuildEnv> {
        if json.trim().is_empty() {
            return Ok(Self::default());
        }
        let parsed: serde_json::Value = serde_json::from_str(json).map_err(|_| InvalidBuildEnv::Shape)?;
        let object = match parsed {
            serde_json::Value::Null => return Ok(Self::default()),
            serde_json::Value::Object(object) => object,
            _ => return Err(InvalidBuildEnv::Shape),
        };
        let mut variables = BTreeMap::new();
        for (name, value) in object {
            let value = match value {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Bool(flag) => flag.to_string(),
                _ => return Err(InvalidBuildEnv::Shape),
            };
            variables.insert(name, Secret::new(value));
        }
        Self::new(variables)
    }

    /// Checks names and sizes.
    pub fn new(variables: BTreeMap<String, Secret>) -> Result<Self, InvalidBuildEnv> {
        let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.expose().len()).sum();
        if variables.len() > Self::MAX_VARIABLES || bytes > Self::MAX_BYTES {
            return Err(InvalidBuildEnv::TooMuch);
        }
        for (name, value) in &variables {
            if !is_variable_name(name) {
                return Err(InvalidBuildEnv::Name(name.chars().take(128).collect()));
            }
            if value.expose().contains('\0') {
                return Err(InvalidBuildEnv::Value(name.clone()));
            }
        }
        Ok(Self(variables))
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Names and values, sorted by name.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As JSON, for encryption before it is stored.
    pub fn to_plaintext(&self) -> zeroize::Zeroizing<String> {
        let map: BTreeMap<&str, &str> = self.0.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
        zeroize::Zeroizing::new(serde_json::to_string(&map).unwrap_or_default())
    }
}

/// Whether `name` matches `[A-Z0-9][A-Z0-9_]*` and has at most 128 characters.
pub fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 128
        && bytes.next().is_some_and(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && bytes.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

impl fmt::Debug for BuildEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_print() {
        let env = BuildEnv::parse(r#"{"TOKEN": "hunter2", "N": 3}"#).expect("good variables");
        assert_eq!(format!("{env:?}"), r#"{"N", "TOKEN"}"#);
        assert_eq!(env.names().collect::<Vec<_>>(), ["N", "TOKEN"]);
    }

    #[test]
    fn bad_variables_are_refused() {
        assert_eq!(BuildEnv::parse(r#"["A"]"#).unwrap_err(), InvalidBuildEnv::Shape);
        assert_eq!(BuildEnv::parse(r#"{"_A": ""}"#).unwrap_err(), InvalidBuildEnv::Name("_A".into()));
        assert_eq!(BuildEnv::parse(r#"{"a": ""}"#).unwrap_err(), InvalidBuildEnv::Name("a".into()));
        assert_eq!(BuildEnv::parse("{\"A\": \"x\\u0000\"}").unwrap_err(), InvalidBuildEnv::Value("A".into()));
        assert!(BuildEnv::parse("").is_ok_and(|env| env.is_empty()));
    }
}
