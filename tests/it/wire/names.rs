//! Which values stand for the names in braces? Some are known before (`{hub}`, tokens, zips), the others are learnt from
//! the first answer that has them, and must stay what they were from then on.

use std::{collections::BTreeMap, fs, path::Path};

use chrono::{DateTime, NaiveDateTime};

use crate::support::package::{Package, md5};

const PACKAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire/packages");

/// The names of one flow and their values.
#[derive(Debug, Default)]
pub struct Names {
    values: BTreeMap<String, Vec<u8>>,
}

/// A part of a text with names in braces.
enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Splits at names: braces around small letters, digits and dashes, which JSON never has.
fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut from) = (template, 0);
    while let Some(open) = rest[from..].find('{').map(|at| at + from) {
        let length = rest[open + 1..]
            .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
            .filter(|length| *length > 0 && rest[open + 1 + length..].starts_with('}'));
        let Some(length) = length else {
            from = open + 1;
            continue;
        };
        if open > 0 {
            found.push(Piece::Text(&rest[..open]));
        }
        found.push(Piece::Name(&rest[open + 1..open + 1 + length]));
        (rest, from) = (&rest[open + length + 2..], 0);
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest));
    }
    found
}

impl Names {
    /// Says what a name stands for.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Makes the zips of all packages known, and their MD5s.
    pub fn know_packages(&mut self) {
        for folder in fs::read_dir(PACKAGES).unwrap().flatten() {
            let name = format!("zip-{}", folder.file_name().to_str().unwrap());
            let zip = zipped(&folder.path());
            self.set(&format!("{name}-md5"), md5(&zip));
            self.set(&name, zip);
        }
    }

    /// What is known under a name.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.values.get(name).map(Vec::as_slice)
    }

    /// The text with values in place of names; a name that nothing has taught yet is an error.
    pub fn fill(&self, template: &str) -> Result<Vec<u8>, String> {
        let mut filled = Vec::new();
        for piece in pieces(template) {
            match piece {
                Piece::Text(text) => filled.extend_from_slice(text.as_bytes()),
                Piece::Name(name) => {
                    let value = self.get(name).ok_or_else(|| format!("nothing has taught {{{name}}} yet"))?;
                    filled.extend_from_slice(value);
                }
            }
        }
        Ok(filled)
    }

    /// Whether the text fits; learns what the names stand for that were unknown.
    pub fn fits(&mut self, template: &str, actual: &str) -> bool {
        let mut learnt = Vec::new();
        let mut rest = actual;
        let mut pieces = pieces(template).into_iter().peekable();
        while let Some(piece) = pieces.next() {
            let (name, known) = match piece {
                Piece::Text(text) => (None, Some(text)),
                Piece::Name(name) => {
                    (Some(name), self.get(name).and_then(|value| str::from_utf8(value).ok()))
                }
            };
            let after = if let Some(known) = known {
                rest.strip_prefix(known)
            } else {
                let end = match pieces.peek() {
                    None => Some(rest.len()),
                    Some(Piece::Text(next)) => rest.find(next),
                    Some(Piece::Name(_)) => panic!("two names side by side in {template}"),
                };
                end.zip(name).filter(|(end, name)| has_the_form(name, &rest[..*end])).map(|(end, name)| {
                    learnt.push((name, &rest[..end]));
                    &rest[end..]
                })
            };
            let Some(after) = after else { return false };
            rest = after;
        }
        if !rest.is_empty() {
            return false;
        }
        // Only names with a number stand for one value.
        for (name, value) in learnt {
            if name.ends_with(|c: char| c.is_ascii_digit()) {
                self.set(name, value);
            }
        }
        true
    }
}

/// Whether a value can be what the name says.
fn has_the_form(name: &str, value: &str) -> bool {
    match name {
        "date" => DateTime::parse_from_rfc3339(value).is_ok(),
        "minute" => NaiveDateTime::parse_from_str(&format!("{value}:00"), "%Y-%m-%d %H:%M:%S").is_ok(),
        "uuid" => uuid::Uuid::parse_str(value).is_ok(),
        "number" | "length" => value.parse::<u64>().is_ok(),
        _ => !value.is_empty() && !value.contains([' ', '"', '\n']),
    }
}

fn zipped(folder: &Path) -> Vec<u8> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut package = Package::default();
    for file in files {
        package = package.with_bytes(file.file_name().unwrap().to_str().unwrap(), fs::read(&file).unwrap());
    }
    package.zip()
}
