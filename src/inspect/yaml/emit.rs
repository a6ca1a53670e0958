//! How is a node written so that `PyYAML` reads back the same? In block style; whatever could be misread is quoted.

use std::fmt::Write;

use super::{Node, Value, resolve::Kind};

/// Longer keys need the `? ` form: `PyYAML` looks for their colon only so far.
const SIMPLE_KEY_BYTES: usize = 100;

/// A whole file, with a line end.
pub(super) fn document(node: &Node) -> String {
    let mut out = String::new();
    if let Some(text) = inline(node) {
        out.push_str(&text);
        out.push('\n');
        return out;
    }
    if let Some(tag) = &node.tag {
        out.push_str(&tag_text(tag));
        out.push('\n');
    }
    block(node, 0, &mut out);
    out
}

/// The node on one line, where it is a scalar or empty.
fn inline(node: &Node) -> Option<String> {
    let text = match &node.value {
        Value::Scalar { text, plain } => scalar(text, *plain && node.tag.is_none()),
        Value::Sequence(items) if items.is_empty() => "[]".to_owned(),
        Value::Mapping(pairs) if pairs.is_empty() => "{}".to_owned(),
        _ => return None,
    };
    Some(match &node.tag {
        Some(tag) => format!("{} {text}", tag_text(tag)),
        None => text,
    })
}

/// The lines of a list or mapping that is not empty.
fn block(node: &Node, indent: usize, out: &mut String) {
    let margin = " ".repeat(indent);
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => {
            for item in items {
                out.push_str(&margin);
                out.push('-');
                after_mark(item, indent, out);
            }
        }
        Value::Mapping(pairs) => {
            for (key, value) in pairs {
                let key = inline(key).unwrap_or_default();
                out.push_str(&margin);
                if key.len() > SIMPLE_KEY_BYTES {
                    out.push_str("? ");
                    out.push_str(&key);
                    out.push('\n');
                    out.push_str(&margin);
                } else {
                    out.push_str(&key);
                }
                out.push(':');
                after_mark(value, indent, out);
            }
        }
    }
}

fn after_mark(node: &Node, indent: usize, out: &mut String) {
    if let Some(text) = inline(node) {
        out.push(' ');
        out.push_str(&text);
        out.push('\n');
        return;
    }
    if let Some(tag) = &node.tag {
        out.push(' ');
        out.push_str(&tag_text(tag));
    }
    out.push('\n');
    block(node, indent + 2, out);
}

fn scalar(text: &str, plain: bool) -> String {
    let kind = Kind::of(text);
    // Scalars of a type other than text are made of harmless characters, and quoting would change the type.
    let keep = match kind {
        Kind::Null if plain => return "null".to_owned(),
        Kind::Default => false,
        Kind::Text => is_harmless(text),
        _ => plain,
    };
    if keep { text.to_owned() } else { quote(text) }
}

fn is_harmless(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with([' ', ':'])
        && text.len() <= SIMPLE_KEY_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./+-@ ".contains(&b))
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            ' '..='~' => quoted.push(c),
            _ if c.is_alphanumeric() => quoted.push(c),
            _ => {
                // Writing to a String cannot fail.
                let _infallible = match u32::from(c) {
                    code @ 0..=0xff => write!(quoted, "\\x{code:02X}"),
                    code @ 0x100..=0xffff => write!(quoted, "\\u{code:04X}"),
                    code => write!(quoted, "\\U{code:08X}"),
                };
            }
        }
    }
    quoted.push('"');
    quoted
}

fn tag_text(tag: &str) -> String {
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./".contains(&b))
    };
    if let Some(core) = tag.strip_prefix("tag:yaml.org,2002:").filter(|word| is_word(word)) {
        return format!("!!{core}");
    }
    if let Some(local) = tag.strip_prefix('!').filter(|word| is_word(word)) {
        return format!("!{local}");
    }
    let mut escaped = String::new();
    for byte in tag.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()/:,;?@&=+$".contains(&byte) {
            escaped.push(byte.into());
        } else {
            let _infallible = write!(escaped, "%{byte:02X}");
        }
    }
    format!("!<{escaped}>")
}
