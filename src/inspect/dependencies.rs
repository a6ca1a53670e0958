//! What must pip install? `requirements.txt`, the files that it includes, and what only `pyproject.toml` asks for.

use std::collections::{BTreeSet, VecDeque};

use super::{
    InspectError,
    folder::Folder,
    pyproject,
    refusal::quoted,
    requirements::{self, REQUIREMENTS, Requirements},
};
use crate::domain::limits::PackageLimits;

/// Files that are read for one package.
const MAX_FILES: usize = 32;

/// Reads `requirements.txt` after appending to it what only `pyproject.toml` asks for. `None` if neither asks.
pub(super) fn complete(
    folder: &mut Folder<'_>,
    limits: &PackageLimits,
    notices: &mut Vec<String>,
) -> Result<Option<Requirements>, InspectError> {
    let bytes = folder.read(REQUIREMENTS, limits.source_bytes)?;
    let mut known = Requirements::parse(REQUIREMENTS, bytes.as_deref().unwrap_or_default())?;
    follow(folder, limits, &mut known, notices)?;
    let project = folder.read(pyproject::PYPROJECT, limits.source_bytes.min(pyproject::BYTES))?;
    let (lines, unclear) = project.as_deref().map(pyproject::dependencies).transpose()?.unwrap_or_default();
    notices.extend(unclear);
    let missing: Vec<&String> = lines.iter().filter(|line| !known.has_line(line)).collect();
    if missing.is_empty() {
        return Ok(bytes.is_some().then_some(known));
    }
    let mut text = requirements::decode(bytes.as_deref().unwrap_or_default());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for line in missing {
        text.push_str(line);
        text.push('\n');
    }
    let mut complete = Requirements::parse(REQUIREMENTS, text.as_bytes())?;
    // What is included was followed above; its notices are known.
    follow(folder, limits, &mut complete, &mut Vec::new())?;
    folder.write(REQUIREMENTS, text.into_bytes())?;
    Ok(Some(complete))
}

/// Reads the files that lines include, and those that these include, each once.
fn follow(
    folder: &mut Folder<'_>,
    limits: &PackageLimits,
    known: &mut Requirements,
    notices: &mut Vec<String>,
) -> Result<(), InspectError> {
    let mut seen = BTreeSet::from([REQUIREMENTS.to_owned()]);
    let mut open = included_by(REQUIREMENTS, known, notices);
    while let Some(Included { path, place, is_constraint }) = open.pop_front() {
        if seen.len() >= MAX_FILES || !seen.insert(path.clone()) {
            continue;
        }
        let Some(bytes) = folder.read(&path, limits.source_bytes)? else {
            notices.push(format!("{place}: the package does not hold {}.", quoted(&path)));
            continue;
        };
        let file = Requirements::parse(&path, &bytes)?;
        let file = if is_constraint { file.into_constraints() } else { file };
        open.append(&mut included_by(&path, &file, notices));
        known.include(file)?;
    }
    Ok(())
}

/// A file of the package that is to be read.
struct Included {
    path: String,
    place: String,
    is_constraint: bool,
}

fn included_by(includer: &str, file: &Requirements, notices: &mut Vec<String>) -> VecDeque<Included> {
    let mut found = VecDeque::new();
    for include in file.includes().take(MAX_FILES) {
        let Some(path) = beside(includer, include.path) else {
            notices.push(format!("{}: {} lies outside the package.", include.place, quoted(include.path)));
            continue;
        };
        found.push_back(Included { path, place: include.place, is_constraint: include.is_constraint });
    }
    found
}

/// Where a path leads that is written in a file of the package; `None` if out of it.
fn beside(includer: &str, written: &str) -> Option<String> {
    if written.starts_with('/') {
        return None;
    }
    let mut steps: Vec<&str> = includer.split('/').collect();
    steps.pop();
    for step in written.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                steps.pop()?;
            }
            step => steps.push(step),
        }
    }
    Some(steps.join("/"))
}
