//! Is this a path that means the same file on every machine? What could mean another one, or none, is refused.

use unicode_normalization::UnicodeNormalization;

use crate::{
    domain::limits::PackageLimits,
    inspect::refusal::{Refusal, misleads, quoted},
};

/// Bytes that common file systems allow between two slashes.
const COMPONENT_BYTES: usize = 255;

/// A path inside the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name did not end in `/`.
    File,
    /// It did.
    Folder,
}

/// Checks the name of an entry and gives its path without a closing slash.
///
/// A name without the UTF-8 flag must be ASCII: readers disagree about the code page of all others.
pub(super) fn check(raw: &[u8], utf8_flag: bool, limits: &PackageLimits) -> Result<(String, Kind), Refusal> {
    let Some(name) = std::str::from_utf8(raw).ok().filter(|name| utf8_flag || name.is_ascii()) else {
        return Err(Refusal::archive(
            "archive_name_encoding",
            format!("The name {} is not marked as UTF-8.", quoted(&String::from_utf8_lossy(raw))),
        ));
    };
    let refuse = |code, why: &str| Err(Refusal::archive(code, format!("The name {} {why}.", quoted(name))));
    if name.is_empty() {
        return refuse("archive_name_empty", "is empty");
    }
    let too_long =
        |code, why: &str| Err(Refusal::too_large(code, format!("The name {} {why}.", quoted(name))));
    if name.len() > limits.path_bytes {
        return too_long("archive_name_too_long", &format!("has more than {} bytes", limits.path_bytes));
    }
    if name.chars().any(misleads) {
        return refuse("archive_control_character", "holds a control or invisible character");
    }
    if name.contains('\\') {
        return refuse("archive_backslash", "holds a backslash");
    }
    if name.starts_with('/') {
        return refuse("archive_absolute_path", "is an absolute path");
    }
    if let [letter, b':', ..] = raw
        && letter.is_ascii_alphabetic()
    {
        return refuse("archive_drive_letter", "starts with a drive letter");
    }
    let (path, kind) = name.strip_suffix('/').map_or((name, Kind::File), |path| (path, Kind::Folder));
    for component in path.split('/') {
        match component {
            ".." => return refuse("archive_traversal", "leads out of the package"),
            "" | "." => return refuse("archive_name_dot", "holds an empty step or '.'"),
            long if long.len() > COMPONENT_BYTES => {
                return too_long("archive_name_too_long", "has a step of more than 255 bytes");
            }
            _ => {}
        }
    }
    if path.split('/').count() > limits.depth + 1 {
        return too_long("archive_too_deep", &format!("lies under more than {} folders", limits.depth));
    }
    Ok((path.to_owned(), kind))
}

/// The same text for paths that some file system takes for one: case and Unicode composition are folded away.
pub(in crate::inspect) fn folded(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    // Upper case first: it joins letters, such as ß and ss, that lower case leaves apart.
    path.nfd().collect::<String>().to_uppercase().to_lowercase().nfc().collect()
}

/// Refuses paths of which one is another's folder, and paths that are the same on some file system.
pub(super) fn check_clashes<'a>(paths: impl Iterator<Item = (&'a str, Kind)>) -> Result<(), Refusal> {
    // With '/' replaced by the lowest character, a path sorts right before everything beneath it.
    let mut keys: Vec<(String, &str, Kind)> =
        paths.map(|(path, kind)| (folded(path).replace('/', "\0"), path, kind)).collect();
    keys.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    for pair in keys.windows(2) {
        let [(first_key, first, first_kind), (second_key, second, second_kind)] = pair else { continue };
        if first_key == second_key {
            let both = format!("{} and {}", quoted(first), quoted(second));
            return Err(if first == second && first_kind == second_kind {
                Refusal::archive(
                    "archive_duplicate_name",
                    format!("The name {} occurs twice.", quoted(first)),
                )
            } else if first == second {
                Refusal::archive(
                    "archive_file_and_folder",
                    format!("{} is a file and a folder.", quoted(first)),
                )
            } else if first.nfc().eq(second.nfc()) {
                Refusal::archive(
                    "archive_normalisation_clash",
                    format!("{both} differ only in how Unicode spells them."),
                )
            } else {
                Refusal::archive(
                    "archive_case_clash",
                    format!("{both} are one file on systems without case."),
                )
            });
        }
        let beneath = second_key.strip_prefix(first_key.as_str()).is_some_and(|rest| rest.starts_with('\0'));
        if beneath && *first_kind == Kind::File {
            return Err(Refusal::archive(
                "archive_file_and_folder",
                format!("{} is a file, yet {} lies in it.", quoted(first), quoted(second)),
            ));
        }
    }
    Ok(())
}
