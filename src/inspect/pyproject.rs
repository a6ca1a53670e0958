//! Which dependencies does `pyproject.toml` add? PEP 621's list, else Poetry's table put into pip's words.

use toml::{Table, Value};

use super::refusal::{Refusal, quoted};

/// The file's name.
pub(super) const PYPROJECT: &str = "pyproject.toml";
/// Bytes of it that are read: its parser needs many times as many.
pub(super) const BYTES: u64 = 128 << 10;

/// Lines for `requirements.txt`, with sentences about what could not be put into one.
pub(super) fn dependencies(bytes: &[u8]) -> Result<(Vec<String>, Vec<String>), Refusal> {
    let syntax = |line: usize, why: &str| {
        Refusal::other(
            "pyproject_syntax",
            format!("{PYPROJECT}, line {line}: {why}."),
            "Correct the TOML there.",
        )
    };
    let line_of = |at: usize| bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let text = std::str::from_utf8(bytes)
        .map_err(|error| syntax(line_of(error.valid_up_to()), "this is not UTF-8"))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let table: Table = toml::from_str(text).map_err(|error| {
        let why: String =
            error.message().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
        syntax(error.span().map_or(1, |span| line_of(span.start)), &why)
    })?;
    let mut notices = Vec::new();
    let standard = table.get("project").and_then(|project| project.get("dependencies"));
    let mut lines = Vec::new();
    if let Some(dependencies) = standard.and_then(Value::as_array) {
        for dependency in dependencies {
            match dependency.as_str() {
                Some(line) => lines.push(line.trim().to_owned()),
                None => return Err(unusable("project.dependencies")),
            }
        }
    } else if let Some(poetry) = poetry_table(&table) {
        for (name, wanted) in poetry.iter().filter(|(name, _)| *name != "python") {
            match poetry_line(name, wanted) {
                Wanted::Line(line) => lines.push(line),
                Wanted::Optional => {}
                Wanted::Unclear => notices.push(format!(
                    "{PYPROJECT}: the dependency {} cannot be put into {}; write it there.",
                    quoted(name),
                    super::requirements::REQUIREMENTS
                )),
            }
        }
    }
    match lines.iter().find(|line| !is_one_requirement(line)) {
        Some(bad) => Err(unusable(bad)),
        None => Ok((lines, notices)),
    }
}

fn poetry_table(table: &Table) -> Option<&Table> {
    table.get("tool")?.get("poetry")?.get("dependencies")?.as_table()
}

fn unusable(what: &str) -> Refusal {
    Refusal::other(
        "pyproject_dependency",
        format!("{PYPROJECT}: {} is no dependency that pip understands.", quoted(what)),
        "Write it as pip does, for example `numpy>=1.20`.",
    )
}

/// A line that could carry another line, or an option, into the requirements is none.
fn is_one_requirement(line: &str) -> bool {
    line.starts_with(|c: char| c.is_ascii_alphanumeric())
        && line.len() <= 1000
        && !line.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        && !line.ends_with('\\')
}

enum Wanted {
    Line(String),
    Optional,
    Unclear,
}

fn poetry_line(name: &str, wanted: &Value) -> Wanted {
    let from_version = |version: &str, extras: &str, marker: &str| match specifier(version) {
        Some(specifier) => Wanted::Line(format!("{name}{extras}{specifier}{marker}")),
        None => Wanted::Unclear,
    };
    let Some(table) = wanted.as_table() else {
        return wanted.as_str().map_or(Wanted::Unclear, |version| from_version(version, "", ""));
    };
    if table.get("optional").and_then(Value::as_bool) == Some(true) {
        return Wanted::Optional;
    }
    let text = |key: &str| table.get(key).and_then(Value::as_str);
    let extras: Vec<&str> = table
        .get("extras")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let extras = if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
    let marker = text("markers").map_or_else(String::new, |marker| format!(" ; {marker}"));
    if let Some(version) = text("version") {
        return from_version(version, &extras, &marker);
    }
    if let Some(address) = text("git") {
        let at = text("rev").or_else(|| text("tag")).or_else(|| text("branch"));
        let at = at.map_or_else(String::new, |at| format!("@{at}"));
        return Wanted::Line(format!("{name}{extras} @ git+{address}{at}{marker}"));
    }
    text("url").map_or(Wanted::Unclear, |address| Wanted::Line(format!("{name}{extras} @ {address}{marker}")))
}

/// Poetry's version in pip's words; `None` for what pip cannot say, such as `||`.
fn specifier(version: &str) -> Option<String> {
    if version.trim() == "*" {
        return Some(String::new());
    }
    let parts: Option<Vec<String>> = version.split(',').map(|part| one_specifier(part.trim())).collect();
    parts.map(|parts| parts.join(","))
}

fn one_specifier(part: &str) -> Option<String> {
    let is_version = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".*+!-_".contains(&b))
    };
    if let Some(base) = part.strip_prefix('^') {
        let base = base.trim();
        return is_version(base).then(|| format!(">={base},<{}", above_caret(base)));
    }
    if let Some(base) = part.strip_prefix('~').filter(|rest| !rest.starts_with('=')) {
        let base = base.trim();
        return is_version(base).then(|| format!(">={base},<{}", above_tilde(base)));
    }
    for operator in ["===", "==", "~=", "!=", ">=", "<=", ">", "<"] {
        if let Some(base) = part.strip_prefix(operator) {
            let base = base.trim();
            return is_version(base).then(|| format!("{operator}{base}"));
        }
    }
    is_version(part).then(|| format!("=={part}"))
}

/// The leading numbers of a version, at most three.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split('.')
        .take(3)
        .map_while(|step| {
            let end = step.find(|c: char| !c.is_ascii_digit()).unwrap_or(step.len());
            step.get(..end)?.parse().ok()
        })
        .collect()
}

/// The first version that `^` excludes: the leftmost number that is not zero goes up.
fn above_caret(version: &str) -> String {
    let numbers = numbers(version);
    let at = numbers.iter().position(|number| *number != 0).unwrap_or(numbers.len().saturating_sub(1));
    raised(&numbers, at)
}

/// The first version that `~` excludes: the second number goes up, or the first where there is no second.
fn above_tilde(version: &str) -> String {
    let numbers = numbers(version);
    raised(&numbers, usize::from(numbers.len() > 1))
}

fn raised(numbers: &[u64], at: usize) -> String {
    let kept = numbers.iter().take(at).map(u64::to_string);
    let raised = numbers.get(at).map_or(1, |number| number.saturating_add(1)).to_string();
    let mut steps: Vec<String> = kept.chain([raised]).collect();
    steps.resize(steps.len().max(3), "0".to_owned());
    steps.join(".")
}

#[cfg(test)]
mod tests {
    use super::specifier;

    #[test]
    fn poetry_ranges_become_pips() {
        let cases = [
            ("*", ""),
            ("^1.2.3", ">=1.2.3,<2.0.0"),
            ("^0.2", ">=0.2,<0.3.0"),
            ("^0.0.3", ">=0.0.3,<0.0.4"),
            ("^0", ">=0,<1.0.0"),
            ("~1.2.3", ">=1.2.3,<1.3.0"),
            ("~1", ">=1,<2.0.0"),
            ("~=1.4", "~=1.4"),
            ("1.2.*", "==1.2.*"),
            (">=1, <2", ">=1,<2"),
            ("1.0", "==1.0"),
        ];
        for (poetry, pip) in cases {
            assert_eq!(specifier(poetry).as_deref(), Some(pip), "{poetry}");
        }
        assert_eq!(specifier("^1 || ^2"), None);
        assert_eq!(specifier("1\n--index-url x"), None);
    }
}
