//! What does `${NAME}` in a `FROM` stand for? The forms that Dockerfiles know, and `None` for everything else, so that
//! an image name is either understood or refused.

use std::collections::BTreeMap;

/// Replaces `$NAME`, `${NAME}`, `${NAME:-word}`, `${NAME-word}`, `${NAME:+word}` and `${NAME+word}`; an unknown name
/// is empty, as for the engine. `None` when the text holds another form, an escape or a quote.
pub fn expand(text: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        if let Some(braced) = after.strip_prefix('{') {
            let (inner, tail) = braced.split_once('}')?;
            expanded.push_str(&braced_value(inner, variables)?);
            rest = tail;
        } else {
            let end = after.find(|character: char| !is_name(character)).unwrap_or(after.len());
            let (name, tail) = after.split_at_checked(end)?;
            if name.is_empty() {
                return None;
            }
            expanded.push_str(variables.get(name).map_or("", String::as_str));
            rest = tail;
        }
    }
    expanded.push_str(rest);
    (!expanded.contains(['\\', '"', '\''])).then_some(expanded)
}

fn braced_value(inner: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    let end = inner.find(|character: char| !is_name(character)).unwrap_or(inner.len());
    let (name, operation) = inner.split_at_checked(end)?;
    // A word with a variable of its own would need a real parser.
    if name.is_empty() || operation.contains('$') {
        return None;
    }
    let set = variables.get(name).map(String::as_str);
    let filled = set.filter(|value| !value.is_empty());
    let value = match operation.split_at_checked(1) {
        None => set.unwrap_or_default(),
        Some(("-", word)) => set.unwrap_or(word),
        Some(("+", word)) => set.map_or("", |_| word),
        Some((":", operation)) => match operation.split_at_checked(1)? {
            ("-", word) => filled.unwrap_or(word),
            ("+", word) => filled.map_or("", |_| word),
            _ => return None,
        },
        Some(_) => return None,
    };
    Some(value.to_owned())
}

fn is_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The `NAME=value` and `NAME` parts of an `ARG`, one pair of quotes around a value taken off.
pub fn assignments(rest: &str) -> Vec<(String, Option<String>)> {
    rest.split_whitespace()
        .map(|word| match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(unquoted(value).to_owned())),
            None => (word.to_owned(), None),
        })
        .collect()
}

fn unquoted(value: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_dockerfiles_are_expanded() {
        let variables =
            BTreeMap::from([("A".to_owned(), "3.11".to_owned()), ("E".to_owned(), String::new())]);
        for (text, expected) in [
            ("python:$A-slim", "python:3.11-slim"),
            ("python:${A}", "python:3.11"),
            ("${E:-x}${E-y}${B-z}", "xz"),
            ("a${A:+-b}${E:+-c}${E+-d}", "a-b-d"),
            ("p$B", "p"),
        ] {
            assert_eq!(expand(text, &variables).as_deref(), Some(expected), "{text}");
        }
        for text in ["${A", "${A:?x}", "$", "${A#3}", "\"a\"", "${B:-$A}", "a\\b", "$$"] {
            assert_eq!(expand(text, &variables), None, "{text}");
        }
    }

    #[test]
    fn assignments_of_an_arg_are_read() {
        let read = assignments("A=\"x\" B C='y'");
        assert_eq!(
            read,
            [("A".into(), Some("x".into())), ("B".into(), None), ("C".into(), Some("y".into()))]
        );
    }
}
