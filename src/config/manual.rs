//! What does the documentation say of each setting? `config/default.toml` is its only source: its comments are the
//! descriptions of the schema and of a new configuration file.

use super::DEFAULT_TOML;

/// A documented setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// `section.key`.
    pub(super) key: String,
    /// The comment above it, in one line. A setting right below another shares that one's.
    pub(super) description: String,
}

/// Every setting, in the order of the file.
pub(super) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    let (mut section, mut comment, mut is_open) = (String::new(), String::new(), false);
    for line in DEFAULT_TOML.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix('#') {
            if !is_open {
                comment.clear();
            }
            if !comment.is_empty() {
                comment.push(' ');
            }
            comment.push_str(text.trim());
            is_open = true;
        } else if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            // `[builds.environment]` is a setting that holds a table.
            if name.contains('.') {
                entries.push(Entry { key: name.to_owned(), description: std::mem::take(&mut comment) });
            }
            name.clone_into(&mut section);
            comment.clear();
            is_open = false;
        } else if let Some((key, _)) = line.split_once('=') {
            entries.push(Entry { key: format!("{section}.{}", key.trim()), description: comment.clone() });
            is_open = false;
        } else {
            comment.clear();
            is_open = false;
        }
    }
    entries
}

/// A file to start from: every setting with its comment and its default, all of them commented out, so that only what
/// the operator chose stays when defaults get better.
pub fn starting_file() -> String {
    let mut file = String::new();
    for line in DEFAULT_TOML.lines() {
        let is_setting = !line.starts_with(['#', '[']) && line.contains('=');
        if is_setting {
            file.push('#');
        }
        file.push_str(line);
        file.push('\n');
    }
    file
}
