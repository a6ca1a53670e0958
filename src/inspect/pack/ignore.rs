//! Which files of a folder do the clients leave out? They read `.gitignore` with Python's `pathspec`, which is not quite
//! git: the last pattern that fits a path decides, even below a folder that is ignored by name and a slash.

/// What the clients ignore in a folder without a `.gitignore`: the usual products and tools of Python.
const PYTHON: &[&str] = &[
    "__pycache__/",
    "*.py[cod]",
    "*$py.class",
    ".Python",
    "build/",
    "develop-eggs/",
    "dist/",
    "eggs/",
    ".eggs",
    "sdist/",
    "var/",
    "wheels/",
    "share/python-wheels/",
    "*.egg-info",
    ".installed.cfg",
    "*.egg",
    "MANIFEST",
    "*.manifest",
    "*.spec",
    "pip-log.txt",
    "pip-delete-this-directory.txt",
    "htmlcov/",
    ".tox/",
    ".nox/",
    ".coverage",
    ".coverage.*",
    ".cache",
    "nosetests.xml",
    "coverage.xml",
    "*.cover",
    "*.py,cover",
    ".hypothesis/",
    ".pytest_cache/",
    "*.mo",
    "*.pot",
    "*.log",
    ".scrapy",
    "docs/_build/",
    ".pybuilder/",
    ".ipynb_checkpoints",
    "profile_default/",
    "ipython_config.py",
    "__pypackages__/",
    "celerybeat-schedule",
    "celerybeat.pid",
    "*.sage.py",
    ".env",
    ".venv",
    "env/",
    "venv/",
    "ENV/",
    "env.bak/",
    "venv.bak/",
    ".spyderproject",
    ".spyproject",
    ".ropeproject",
    "/site",
    ".mypy_cache/",
    ".dmypy.json",
    "dmypy.json",
    ".pyre/",
    ".pytype/",
    ".pytest_cache",
    "cython_debug/",
    ".git",
    ".vscode",
    ".idea",
    ".github",
];
/// What is never sent, whatever a `.gitignore` says.
const ALWAYS: &[&str] = &[".git", ".jina"];

/// The patterns of one folder.
#[derive(Debug)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    ignores: bool,
    steps: Vec<Step>,
    /// Whether only what lies beneath the matched folder is meant, not the folder's own name.
    beneath: bool,
}

/// What one part between slashes must be.
#[derive(Debug)]
enum Step {
    /// `**`: any number of folders, also none.
    Deep,
    Name(Vec<Token>),
}

#[derive(Debug)]
enum Token {
    Star,
    One,
    Literal(char),
    Class { ranges: Vec<(char, char)>, negated: bool },
}

impl Ignore {
    /// The patterns of a `.gitignore`, or the built-in ones where there is none.
    pub(super) fn new(gitignore: Option<&str>) -> Self {
        let own: Vec<&str> = match gitignore {
            Some(text) => text.lines().filter(|line| !line.starts_with('#')).collect(),
            None => PYTHON.to_vec(),
        };
        Self { rules: own.iter().chain(ALWAYS).filter_map(|line| Rule::read(line.trim())).collect() }
    }

    /// Whether a file, or a folder with all that is in it, is left out. `path` has `/` between its parts and none at
    /// its end, for folders too.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        self.rules.iter().rev().find(|rule| rule.fits(&parts)).is_some_and(|rule| rule.ignores)
    }
}

impl Rule {
    fn read(line: &str) -> Option<Self> {
        if line.is_empty() || line.starts_with('#') || line == "/" {
            return None;
        }
        let (ignores, pattern) = line.strip_prefix('!').map_or((true, line), |pattern| (false, pattern));
        let mut parts: Vec<&str> = pattern.split('/').collect();
        parts.dedup_by(|later, earlier| *later == "**" && *earlier == "**");
        // `**/` alone means all that is in some folder.
        if parts == ["**", ""] {
            return Some(Self {
                ignores,
                steps: vec![Step::Deep, Step::Name(vec![Token::Star])],
                beneath: true,
            });
        }
        if parts.first() == Some(&"") {
            parts.remove(0);
        } else if parts.len() == 1 || (parts.len() == 2 && parts.last() == Some(&"")) {
            parts.insert(0, "**");
        }
        let beneath = parts.len() > 1 && matches!(parts.last(), Some(&("" | "**"))) && parts != ["**", "**"];
        while beneath && matches!(parts.last(), Some(&("" | "**"))) {
            parts.pop();
        }
        let step = |part: &&str| if *part == "**" { Step::Deep } else { Step::Name(tokens(part)) };
        (!parts.is_empty()).then(|| Self { ignores, steps: parts.iter().map(step).collect(), beneath })
    }

    /// Follows every way of matching at once, so time grows only with the product of both lengths.
    fn fits(&self, path: &[&str]) -> bool {
        let mut reached = vec![0];
        for step in &self.steps {
            reached = match step {
                Step::Deep => reached.first().map_or_else(Vec::new, |first| (*first..=path.len()).collect()),
                Step::Name(name) => reached
                    .into_iter()
                    .filter(|at| path.get(*at).is_some_and(|part| is_named(name, part)))
                    .map(|at| at + 1)
                    .collect(),
            };
        }
        reached.iter().any(|at| !self.beneath || *at < path.len())
    }
}

fn is_named(name: &[Token], part: &str) -> bool {
    let characters: Vec<char> = part.chars().collect();
    let mut reached = vec![0];
    for token in name {
        reached = match token {
            Token::Star => {
                reached.first().map_or_else(Vec::new, |first| (*first..=characters.len()).collect())
            }
            one => reached
                .into_iter()
                .filter(|at| characters.get(*at).is_some_and(|c| one.takes(*c)))
                .map(|at| at + 1)
                .collect(),
        };
    }
    reached.contains(&characters.len())
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Star | Self::One => true,
            Self::Literal(wanted) => *wanted == c,
            Self::Class { ranges, negated } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *negated
            }
        }
    }
}

fn tokens(part: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = part;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        tokens.push(match c {
            '*' => Token::Star,
            '?' => Token::One,
            '\\' => {
                let escaped = rest.chars().next().unwrap_or('\\');
                rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                Token::Literal(escaped)
            }
            '[' => match class(rest) {
                Some((class, after)) => {
                    rest = after;
                    class
                }
                None => Token::Literal('['),
            },
            other => Token::Literal(other),
        });
    }
    tokens
}

/// Reads what follows a `[`; `None` if nothing closes it.
fn class(text: &str) -> Option<(Token, &str)> {
    let (negated, inside) = text.strip_prefix('!').map_or((false, text), |inside| (true, inside));
    // A `]` that comes first is a member, not the end.
    let first = inside.chars().next().map_or(0, char::len_utf8);
    let end = first + inside.get(first..)?.find(']')?;
    let members: Vec<char> = inside.get(..end)?.chars().collect();
    let mut ranges = Vec::new();
    let mut rest = members.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if let ['-', last, beyond @ ..] = after {
            ranges.push((*first, *last));
            rest = beyond;
        } else {
            ranges.push((*first, *first));
            rest = after;
        }
    }
    Some((Token::Class { ranges, negated }, inside.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::Ignore;

    /// Patterns and paths as `pathspec` 0.10 to 0.11 decides them.
    #[test]
    fn patterns_mean_what_they_mean_to_the_clients() {
        let cases: [(&str, &[&str], &[&str]); 16] = [
            ("*.log", &["a.log", "deep/er/b.log", "x.log/inside"], &["a.logs", "log"]),
            ("build/", &["build/x", "a/build/x/y"], &["build", "a/build", "rebuild/x"]),
            ("build/\n!build/keep", &["build/x"], &["build/keep"]),
            ("build\n!build/keep", &["build", "build/x"], &["build/keep"]),
            ("/top", &["top", "top/x"], &["a/top"]),
            ("a/b", &["a/b", "a/b/c"], &["x/a/b", "a/x/b"]),
            ("a/**/b", &["a/b", "a/x/b", "a/x/y/b/c"], &["a/xb", "b"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "b/a/x"]),
            ("**/a", &["a", "x/a", "x/y/a/z"], &["xa"]),
            ("**", &["a", "a/b"], &[]),
            ("**/", &["a/b", "a/b/c"], &["a"]),
            ("*", &["a", "a/b", ".hidden"], &[]),
            ("[!a-c]?\\*", &["dx*", "e/xy*"], &["ax*", "dxy"]),
            ("x[]y]\n[open\n[a", &["x]", "xy", "[open", "[a"], &["x", "open"]),
            ("# no\n  #neither\n\\#yes\n\n/\n", &["#yes"], &["# no", "#neither"]),
            ("!.git\n!.jina", &[".git", ".git/config", "a/.jina"], &[".gitignore", "git"]),
        ];
        for (patterns, out, kept) in cases {
            let ignore = Ignore::new(Some(patterns));
            for path in out {
                assert!(ignore.leaves_out(path), "{patterns:?} leaves out {path}");
            }
            for path in kept {
                assert!(!ignore.leaves_out(path), "{patterns:?} keeps {path}");
            }
        }
    }

    #[test]
    fn without_a_gitignore_the_products_of_python_stay_at_home() {
        let ignore = Ignore::new(None);
        for path in ["__pycache__/x.pyc", "a.pyo", ".venv", "deep/.git", ".jina", "site", "x.egg-info"] {
            assert!(ignore.leaves_out(path), "{path}");
        }
        for path in ["__pycache__", "executor.py", "a/site", ".gitignore", "README.md", "requirements.txt"] {
            assert!(!ignore.leaves_out(path), "{path}");
        }
    }
}
