//! What does a requirements file ask for? Read as pip reads it: continuation lines, comments, `${NAME}` variables.
//!
//! What is shown of a line never holds user information or a query of an address: people keep tokens there.

use std::rc::Rc;

use super::{
    refusal::{Refusal, quoted},
    requirement,
};
use crate::domain::package::Requirement;

/// Where pip is told to look.
pub(super) const REQUIREMENTS: &str = "requirements.txt";

/// Lines of all files together; each costs memory wherever the package is shown.
const MAX_LINES: usize = 10_000;

/// A parsed file, with those that it includes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq)]
struct Line {
    file: Rc<str>,
    /// Where it starts, counted from 1.
    number: usize,
    /// Joined over continuations, without comments or outer blanks; never empty.
    text: String,
    /// Whether it only says which version may be installed, not that anything is.
    is_constraint: bool,
}

/// A file that a line includes by `-r` or `-c`.
pub(super) struct Include<'a> {
    /// As written.
    pub(super) path: &'a str,
    /// File and number of the line.
    pub(super) place: String,
    /// Whether all lines of the file are constraints.
    pub(super) is_constraint: bool,
}

impl Requirements {
    /// Reads bytes as pip would: UTF-16 if a mark says so, which is what `>` in `PowerShell` writes, else UTF-8.
    pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Self, Refusal> {
        let text = decode(bytes);
        let file: Rc<str> = file.into();
        let mut lines = Vec::new();
        let mut open: Option<Line> = None;
        for (at, raw) in text.lines().enumerate() {
            let comment = raw.trim_start().starts_with('#');
            let continues = !comment && raw.ends_with('\\');
            let part = if continues { raw.trim_end_matches('\\') } else { without_comment(raw) };
            let line = open.get_or_insert_with(|| Line {
                file: Rc::clone(&file),
                number: at + 1,
                text: String::new(),
                is_constraint: false,
            });
            line.text.push_str(part);
            if !continues && let Some(line) = open.take() {
                push(&mut lines, line)?;
            }
        }
        if let Some(line) = open {
            push(&mut lines, line)?;
        }
        Ok(Self { lines })
    }

    /// Takes in the lines of a file that one of these includes.
    pub(super) fn include(&mut self, other: Self) -> Result<(), Refusal> {
        other.lines.into_iter().try_for_each(|line| push(&mut self.lines, line))
    }

    /// Makes constraints of all lines.
    pub(super) fn into_constraints(mut self) -> Self {
        for line in &mut self.lines {
            line.is_constraint = true;
        }
        self
    }

    /// Files that the lines include.
    pub(super) fn includes(&self) -> impl Iterator<Item = Include<'_>> {
        const OPTIONS: [(&str, bool); 4] =
            [("--requirement", false), ("--constraint", true), ("-r", false), ("-c", true)];
        self.lines.iter().filter_map(|line| {
            let (rest, is_constraint) = OPTIONS
                .iter()
                .find_map(|(option, constrains)| Some((line.text.strip_prefix(option)?, *constrains)))?;
            let path = rest.trim_start_matches(['=', ' ', '\t']).trim_end();
            let is_file = !path.is_empty() && !path.contains("://") && !path.contains("${");
            let place = || format!("{}, line {}", line.file, line.number);
            is_file.then(|| Include {
                path,
                place: place(),
                is_constraint: is_constraint || line.is_constraint,
            })
        })
    }

    /// Requirements for show; options such as `-r` or `--index-url` are none.
    pub(super) fn shown(&self) -> Vec<Requirement> {
        let wanted = self.lines.iter().filter(|line| !line.is_constraint).filter_map(|line| {
            let editable = line.text.strip_prefix("-e ").or_else(|| line.text.strip_prefix("--editable "));
            (editable.is_some() || !line.text.starts_with('-'))
                .then(|| (editable.unwrap_or(&line.text).trim(), editable.is_some()))
        });
        wanted.map(|(text, editable)| requirement::parsed(without_secrets(text), editable)).collect()
    }

    /// Names of `${NAME}` in the order of their first use.
    pub(super) fn variables(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in self.lines.iter().flat_map(|line| variables(&line.text)) {
            if !found.iter().any(|earlier| earlier == name) {
                found.push(name.to_owned());
            }
        }
        found
    }

    /// Refuses the package if a variable is not among the names given with the push.
    pub(super) fn check_variables(&self, given: &[String]) -> Result<(), Refusal> {
        for line in &self.lines {
            if let Some(name) = variables(&line.text).find(|name| !given.iter().any(|known| known == name)) {
                return Err(Refusal::other(
                    "build_env_missing",
                    format!("{}, line {}: the variable '{name}' was not given.", line.file, line.number),
                    format!("Push again with `--build-env {name}=…`."),
                ));
            }
        }
        Ok(())
    }

    /// Whether the very same requirement is there, blanks aside.
    pub(super) fn has_line(&self, text: &str) -> bool {
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        self.lines.iter().any(|line| squeezed(&line.text) == squeezed(text))
    }

    /// Whether pip will call git.
    pub(super) fn needs_git(&self) -> bool {
        self.lines.iter().any(|line| line.text.contains("git+"))
    }

    /// Whether a line may refer to files of the package, so that they must be there before pip runs.
    pub(super) fn needs_package_files(&self) -> bool {
        self.lines.iter().any(|line| !is_remote(&line.text))
    }
}

fn push(lines: &mut Vec<Line>, mut line: Line) -> Result<(), Refusal> {
    let text = without_comment(&line.text).trim().to_owned();
    line.text = text;
    if line.text.is_empty() {
        return Ok(());
    }
    if lines.len() >= MAX_LINES {
        return Err(Refusal::too_large(
            "requirements_too_many",
            format!("{} asks for more than {MAX_LINES} things.", quoted(&line.file)),
        ));
    }
    lines.push(line);
    Ok(())
}

/// Reads bytes as text, by their mark.
pub(super) fn decode(bytes: &[u8]) -> String {
    let utf16 = |pairs: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = pairs.as_chunks::<2>().0.iter().copied().map(unit).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A comment starts at a `#` that opens the line or follows a blank.
fn without_comment(line: &str) -> &str {
    let mut blank = true;
    for (at, c) in line.char_indices() {
        if c == '#' && blank {
            return line.get(..at).unwrap_or_default();
        }
        blank = c.is_whitespace();
    }
    line
}

/// Names between `${` and `}` that pip would replace.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        (!name.is_empty() && name.bytes().all(fits)).then_some(name)
    })
}

/// Cuts user information and queries out of every address.
pub(super) fn without_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let address = after.split(char::is_whitespace).next().unwrap_or_default();
        rest = after.get(address.len()..).unwrap_or_default();
        let (address, fragment) = address.split_once('#').map_or((address, None), |(a, f)| (a, Some(f)));
        let address = address.split_once('?').map_or(address, |(address, _)| address);
        let host_end = address.find('/').unwrap_or(address.len());
        let (host, path) = address.split_at_checked(host_end).unwrap_or((address, ""));
        shown.push_str(host.rsplit_once('@').map_or(host, |(_, host)| host));
        shown.push_str(path);
        if let Some(fragment) = fragment {
            shown.push('#');
            shown.push_str(fragment);
        }
    }
    shown.push_str(rest);
    shown
}

/// Whether a line surely needs nothing from the package: a named release, an address, or an option about indexes.
fn is_remote(text: &str) -> bool {
    const INDEX_OPTIONS: [&str; 10] = [
        "--index-url",
        "-i ",
        "--extra-index-url",
        "--trusted-host",
        "--pre",
        "--prefer-binary",
        "--only-binary",
        "--no-binary",
        "--no-index",
        "--require-hashes",
    ];
    if text.starts_with('-') {
        return INDEX_OPTIONS.iter().any(|option| text.starts_with(option)) && !text.contains("file:");
    }
    let (has_address, is_file) = (text.contains("://"), text.contains("file:"));
    !is_file
        && (has_address
            || (requirement::name(text).is_some() && !text.contains(['/', '\\']) && !is_archive(text)))
}

/// A bare `thing.whl` or `thing.zip` is a file beside the requirements.
fn is_archive(text: &str) -> bool {
    let first = text.split([' ', ';', '[']).next().unwrap_or_default().to_ascii_lowercase();
    [".whl", ".zip", ".gz", ".bz2", ".xz", ".tar", ".tgz"].iter().any(|end| first.ends_with(end))
}
