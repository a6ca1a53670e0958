//! Which files of a package does `.dockerignore` keep away from the build? The last line that matches decides, and a
//! folder's verdict holds for what is in it. The engine leaves this to its clients, so it is done here.

use super::glob::Glob;

/// The lines of a `.dockerignore`.
#[derive(Debug, Default)]
pub struct Ignore {
    lines: Vec<(Verdict, Glob)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Exclude,
    Include,
}

/// A `.dockerignore` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIgnore {
    /// A bracket or a backslash is left open.
    #[error("line {0} of .dockerignore is no pattern: a bracket or a backslash is left open")]
    Pattern(usize),
    /// More than 16 KiB of patterns.
    #[error("the patterns of .dockerignore are longer than {} bytes in all", Ignore::MAX_BYTES)]
    TooLong,
}

impl Ignore {
    /// Every file is held against every pattern, so their length is bounded.
    const MAX_BYTES: usize = 16 << 10;

    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self, InvalidIgnore> {
        let mut lines = Vec::new();
        let mut bytes = 0;
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (verdict, pattern) = match line.strip_prefix('!') {
                Some(pattern) => (Verdict::Include, pattern.trim()),
                None => (Verdict::Exclude, line),
            };
            let pattern = clean(pattern);
            if pattern.is_empty() {
                continue;
            }
            bytes += pattern.len();
            if bytes > Self::MAX_BYTES {
                return Err(InvalidIgnore::TooLong);
            }
            let glob = Glob::new(&pattern).ok_or(InvalidIgnore::Pattern(number + 1))?;
            lines.push((verdict, glob));
        }
        Ok(Self { lines })
    }

    /// Whether the file or folder at `path` (relative, without a slash at its ends) is kept away.
    pub fn excludes(&self, path: &str) -> bool {
        let with_parents: Vec<&str> =
            path.match_indices('/').filter_map(|(at, _)| path.get(..at)).chain([path]).collect();
        self.lines
            .iter()
            .rev()
            .find(|(_, glob)| with_parents.iter().any(|part| glob.matches(part)))
            .is_some_and(|(verdict, _)| *verdict == Verdict::Exclude)
    }
}

/// Without `.`, empty parts and `..` (which cannot leave the package): the form that paths in packages have.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_matching_line_decides() {
        let ignore = Ignore::parse("# notes\n*.md\n!README.md\n/secret/\nbuild/**\n").expect("good patterns");
        assert!(ignore.excludes("NOTES.md"));
        assert!(!ignore.excludes("README.md"));
        assert!(ignore.excludes("secret/key"));
        assert!(ignore.excludes("build/a/b"));
        assert!(!ignore.excludes("docs/NOTES.md"));
        assert!(!ignore.excludes("executor.py"));
    }

    #[test]
    fn what_is_in_a_folder_follows_the_folder() {
        let ignore = Ignore::parse("*\n!src\nsrc/*.log").expect("good patterns");
        assert!(ignore.excludes("a/b"));
        assert!(!ignore.excludes("src/a.py"));
        assert!(ignore.excludes("src/a.log"));
    }

    #[test]
    fn broken_patterns_name_their_line() {
        assert_eq!(Ignore::parse("a\n[b").unwrap_err(), InvalidIgnore::Pattern(2));
        assert_eq!(Ignore::parse(&"ab\n".repeat(10_000)).unwrap_err(), InvalidIgnore::TooLong);
    }
}
