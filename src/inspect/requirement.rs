//! What does one requirement ask for? Name, extras, versions, address and marker, as PEP 508 and pip write them.

use crate::domain::package::Requirement;

/// Reads a line that is no option, without its comment and secrets. What makes no sense is still shown, as its text.
pub(super) fn parsed(line: String, editable: bool) -> Requirement {
    // Options of one requirement, such as its hashes, say nothing about what is asked for.
    let asked = line.split(" --").next().unwrap_or_default().trim();
    let name = name(asked);
    let mut requirement = Requirement { name, editable, ..Requirement::default() };
    let (rest, marker) = split_marker(asked);
    requirement.marker = Some(marker.trim().to_owned()).filter(|marker| !marker.is_empty());
    let named = requirement.name.as_deref().and_then(|name| rest.strip_prefix(name));
    match named.map(str::trim_start) {
        Some(rest) => {
            let (extras, rest) = split_extras(rest);
            requirement.extras = extras;
            match rest.trim().strip_prefix('@') {
                Some(address) => requirement.url = Some(address.trim().to_owned()),
                None => requirement.specifier = specifier(rest),
            }
        }
        None if is_address(rest) => requirement.url = Some(rest.trim().to_owned()),
        None => {}
    }
    Requirement { line, ..requirement }
}

/// The distribution's name: before a specifier, or behind `#egg=`.
pub(super) fn name(line: &str) -> Option<String> {
    let part = |text: &str| {
        let end =
            text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end)?;
        let edges = |c: char| c.is_ascii_alphanumeric();
        (name.starts_with(edges) && name.ends_with(edges))
            .then(|| (name.to_owned(), rest.trim_start().to_owned()))
    };
    if let Some((_, egg)) = line.split_once("#egg=") {
        return part(egg).map(|(name, _)| name);
    }
    let (name, rest) = part(line)?;
    (rest.is_empty() || rest.starts_with(['<', '>', '=', '!', '~', ';', '@', '[', '('])).then_some(name)
}

/// What stands before the marker, and the marker. In an address a `;` is part of it unless a blank stands before.
fn split_marker(asked: &str) -> (&str, &str) {
    let mark = if is_address(asked) { " ;" } else { ";" };
    asked.split_once(mark).unwrap_or((asked, ""))
}

fn is_address(text: &str) -> bool {
    text.contains("://")
}

fn split_extras(rest: &str) -> (Vec<String>, &str) {
    let Some((extras, after)) = rest.strip_prefix('[').and_then(|inside| inside.split_once(']')) else {
        return (Vec::new(), rest);
    };
    let extras = extras.split(',').map(str::trim).filter(|extra| !extra.is_empty());
    (extras.map(str::to_owned).collect(), after)
}

/// Versions without blanks and the brackets that old packages put around them.
fn specifier(rest: &str) -> Option<String> {
    let bare = rest.trim().trim_start_matches('(').trim_end_matches(')');
    let squeezed: String = bare.split_whitespace().collect();
    squeezed.starts_with(['<', '>', '=', '!', '~']).then_some(squeezed)
}

#[cfg(test)]
mod tests {
    use super::parsed;

    /// Name, extras, versions, address, marker.
    type Parts<'a> = (Option<&'a str>, &'a [&'a str], Option<&'a str>, Option<&'a str>, Option<&'a str>);

    #[test]
    fn parts_of_a_requirement_are_told_apart() {
        let cases: &[(&str, Parts<'_>)] = &[
            ("numpy", (Some("numpy"), &[], None, None, None)),
            ("numpy >= 1.0, < 2", (Some("numpy"), &[], Some(">=1.0,<2"), None, None)),
            ("numpy (>=1)", (Some("numpy"), &[], Some(">=1"), None, None)),
            ("a.b-c_d===1!2.0+cpu", (Some("a.b-c_d"), &[], Some("===1!2.0+cpu"), None, None)),
            ("torch[gpu, x]~=2.1", (Some("torch"), &["gpu", "x"], Some("~=2.1"), None, None)),
            ("torch[]==2", (Some("torch"), &[], Some("==2"), None, None)),
            ("x; python_version < '3'", (Some("x"), &[], None, None, Some("python_version < '3'"))),
            ("x>1;sys_platform=='a;b'", (Some("x"), &[], Some(">1"), None, Some("sys_platform=='a;b'"))),
            (
                "x[y] @ https://h/x.whl ; m > '1'",
                (Some("x"), &["y"], None, Some("https://h/x.whl"), Some("m > '1'")),
            ),
            ("x@https://h/x;y.whl", (Some("x"), &[], None, Some("https://h/x;y.whl"), None)),
            (
                "git+https://h/r.git@v1#egg=r",
                (Some("r"), &[], None, Some("git+https://h/r.git@v1#egg=r"), None),
            ),
            ("https://h/x.whl", (None, &[], None, Some("https://h/x.whl"), None)),
            ("x==1 --hash=sha256:ab --hash=sha256:cd", (Some("x"), &[], Some("==1"), None, None)),
            ("./local", (None, &[], None, None, None)),
            ("two words", (None, &[], None, None, None)),
            ("x[open", (Some("x"), &[], None, None, None)),
            (";", (None, &[], None, None, None)),
        ];
        for (line, expected) in cases {
            let found = parsed((*line).to_owned(), false);
            let extras: Vec<&str> = found.extras.iter().map(String::as_str).collect();
            let parts: Parts<'_> = (
                found.name.as_deref(),
                &extras,
                found.specifier.as_deref(),
                found.url.as_deref(),
                found.marker.as_deref(),
            );
            assert_eq!(parts, *expected, "{line}");
            assert_eq!(found.line, *line);
        }
    }
}
