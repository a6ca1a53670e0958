//! Is an answer what it was when the real client took it? Status, the headers that clients rely on, and every key, type and
//! value of its JSON, line by line; only what a name in braces stands for may be another.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{exchange::Message, names::Names, socket::Answer};
use crate::support::package::md5;

/// Headers that some client reads, or that change how it reads the body. `transfer-encoding` is one because a download
/// must have a length.
const RELIED_ON: [&str; 9] = [
    "content-type",
    "content-length",
    "content-range",
    "content-encoding",
    "transfer-encoding",
    "accept-ranges",
    "location",
    "retry-after",
    "www-authenticate",
];

/// What is different, in words; learns from what fits.
pub fn differences(recorded: &Message, answer: &Answer, names: &mut Names) -> Vec<String> {
    let mut found = Vec::new();
    if recorded.start != answer.start {
        found.push(format!("status: recorded {}, now {}", recorded.start, answer.start));
    }
    for name in RELIED_ON {
        match (recorded.header(name), answer.header(name)) {
            (None, None) => {}
            (Some(was), Some(is)) if names.fits(was, is) => {}
            (was, is) => found.push(format!(
                "header {name}: recorded {}, now {}",
                was.unwrap_or("none"),
                is.unwrap_or("none")
            )),
        }
    }
    if let Some(part) = recorded.body.strip_prefix("{bytes-of-") {
        bytes(part, answer, names, &mut found);
    } else {
        text(&recorded.body, &String::from_utf8_lossy(&answer.body), names, &mut found);
    }
    found
}

/// A package or a part of it: `NAME-from-START}`, where NAME stands for the MD5 of the whole.
fn bytes(part: &str, answer: &Answer, names: &mut Names, found: &mut Vec<String>) {
    let (name, start) = part.trim_end_matches('}').rsplit_once("-from-").unwrap();
    let start: usize = start.parse().unwrap();
    let whole = format!("{name}-bytes");
    if start == 0 {
        names.set(&whole, answer.body.clone());
        let expected = names.get(name).map(String::from_utf8_lossy);
        if expected.as_deref() != Some(md5(&answer.body).as_str()) {
            found.push(format!("body: its MD5 is not {{{name}}}"));
        }
    } else if names.get(&whole).and_then(|whole| whole.get(start..)) != Some(&answer.body) {
        found.push(format!("body: not what {{{name}}} has from {start} on"));
    }
}

fn text(recorded: &str, actual: &str, names: &mut Names, found: &mut Vec<String>) {
    let (was, is): (Vec<&str>, Vec<&str>) = (recorded.split('\n').collect(), actual.split('\n').collect());
    for (number, was) in was.iter().enumerate() {
        let path = format!("line {}", number + 1);
        let Some(is) = is.get(number) else {
            found.push(format!("{path}: recorded {was}, now nothing"));
            continue;
        };
        match (serde_json::from_str(was), serde_json::from_str(is)) {
            (Ok(was), Ok(is)) => json(&path, &was, &is, names, found),
            _ if names.fits(was, is) => {}
            _ => found.push(format!("{path}: recorded {was}, now {is}")),
        }
    }
    for is in is.iter().skip(was.len()) {
        found.push(format!("one line more: {is}"));
    }
}

fn json(path: &str, was: &Value, is: &Value, names: &mut Names, found: &mut Vec<String>) {
    match (was, is) {
        (Value::Object(was), Value::Object(is)) => {
            let keys: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
            for key in keys {
                let path = format!("{path}.{key}");
                match (was.get(key), is.get(key)) {
                    (Some(was), Some(is)) => json(&path, was, is, names, found),
                    (Some(was), None) => found.push(format!("{path}: recorded {was}, now missing")),
                    (None, is) => {
                        found.push(format!("{path}: not recorded, now {}", is.unwrap_or(&Value::Null)));
                    }
                }
            }
        }
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
            for (number, (was, is)) in was.iter().zip(is).enumerate() {
                json(&format!("{path}[{number}]"), was, is, names, found);
            }
        }
        (Value::String(was), Value::String(is)) if names.fits(was, is) => {}
        (Value::String(was), Value::Number(_)) if was == "{number}" => {}
        _ if was == is => {}
        _ => found.push(format!("{path}: recorded {was}, now {is}")),
    }
}
