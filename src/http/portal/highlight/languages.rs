//! What does each language look like to a reader? The languages that Executors are written in, as data.

/// A language, as far as colours need it.
#[expect(clippy::struct_excessive_bools, reason = "a table of what languages have and have not")]
pub(super) struct Grammar {
    pub(super) line_comments: &'static [&'static str],
    /// Whether a comment counts only after a blank: `a#b` is a word.
    pub(super) comment_is_apart: bool,
    pub(super) block_comment: Option<(&'static str, &'static str)>,
    /// The longest first.
    pub(super) strings: &'static [Quote],
    /// Whether a quote inside of a word is none: `don't`.
    pub(super) quotes_are_apart: bool,
    /// Whether `f"…"` and the like are strings.
    pub(super) string_prefixes: bool,
    pub(super) keywords: &'static [&'static str],
    /// Whether keywords are words at the beginning of a line only.
    pub(super) first_words: bool,
    pub(super) constants: &'static [&'static str],
    /// What follows a key at the beginning of a line.
    pub(super) keys: Option<char>,
    /// Whether a string before a colon is a key.
    pub(super) quoted_keys: bool,
    /// Whether a line may begin with a `[section]`.
    pub(super) sections: bool,
    pub(super) decorators: bool,
    /// Whether `$NAME` is one.
    pub(super) variables: bool,
}

/// What a string begins and ends with.
pub(super) struct Quote {
    pub(super) mark: &'static str,
    pub(super) many_lines: bool,
}

const DOUBLE: Quote = Quote { mark: "\"", many_lines: false };
const SINGLE: Quote = Quote { mark: "'", many_lines: false };

const PLAIN: Grammar = Grammar {
    line_comments: &["#"],
    comment_is_apart: true,
    block_comment: None,
    strings: &[DOUBLE, SINGLE],
    quotes_are_apart: true,
    string_prefixes: false,
    keywords: &[],
    first_words: false,
    constants: &["true", "false", "null"],
    keys: None,
    quoted_keys: false,
    sections: false,
    decorators: false,
    variables: false,
};

static PYTHON: Grammar = Grammar {
    comment_is_apart: false,
    strings: &[
        Quote { mark: "\"\"\"", many_lines: true },
        Quote { mark: "'''", many_lines: true },
        DOUBLE,
        SINGLE,
    ],
    quotes_are_apart: false,
    string_prefixes: true,
    keywords: &[
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else",
        "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
        "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
    ],
    constants: &["None", "True", "False"],
    decorators: true,
    ..PLAIN
};

static YAML: Grammar = Grammar { keys: Some(':'), variables: true, ..PLAIN };

static TOML: Grammar = Grammar {
    strings: &[Quote { mark: "\"\"\"", many_lines: true }, DOUBLE, SINGLE],
    keys: Some('='),
    sections: true,
    ..PLAIN
};

static JSON: Grammar = Grammar { line_comments: &[], strings: &[DOUBLE], quoted_keys: true, ..PLAIN };

static REQUIREMENTS: Grammar = Grammar { variables: true, ..PLAIN };

static SHELL: Grammar = Grammar {
    keywords: &[
        "case", "do", "done", "elif", "else", "esac", "export", "fi", "for", "function", "if", "in", "local",
        "return", "set", "then", "until", "while",
    ],
    constants: &[],
    variables: true,
    ..PLAIN
};

static DOCKERFILE: Grammar = Grammar {
    keywords: &[
        "ADD",
        "ARG",
        "CMD",
        "COPY",
        "ENTRYPOINT",
        "ENV",
        "EXPOSE",
        "FROM",
        "HEALTHCHECK",
        "LABEL",
        "MAINTAINER",
        "ONBUILD",
        "RUN",
        "SHELL",
        "STOPSIGNAL",
        "USER",
        "VOLUME",
        "WORKDIR",
    ],
    first_words: true,
    variables: true,
    ..PLAIN
};

static BRACES: Grammar = Grammar {
    line_comments: &["//"],
    comment_is_apart: false,
    block_comment: Some(("/*", "*/")),
    strings: &[DOUBLE, SINGLE, Quote { mark: "`", many_lines: true }],
    keywords: &[
        "async", "await", "break", "case", "catch", "class", "const", "continue", "default", "else", "enum",
        "export", "extends", "fn", "for", "from", "function", "if", "impl", "import", "in", "let", "match",
        "mod", "new", "pub", "return", "static", "struct", "switch", "throw", "try", "typeof", "use", "var",
        "void", "while",
    ],
    constants: &["true", "false", "null", "undefined", "this", "self"],
    ..PLAIN
};

/// The language of a file by its name; `None` where there is nothing to colour.
pub(super) fn grammar(path: &str) -> Option<&'static Grammar> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    match (stem, ending) {
        ("dockerfile", _) => Some(&DOCKERFILE),
        ("", "gitignore" | "dockerignore" | "jinaignore") => Some(&REQUIREMENTS),
        ("", "env") => Some(&SHELL),
        (stem, "txt") if stem.starts_with("requirements") => Some(&REQUIREMENTS),
        (_, ending) => named(ending),
    }
}

/// The language of this name or of files with this ending.
pub(super) fn named(language: &str) -> Option<&'static Grammar> {
    match language.trim().to_ascii_lowercase().as_str() {
        "py" | "pyi" | "pyx" | "python" | "python3" => Some(&PYTHON),
        "yml" | "yaml" => Some(&YAML),
        "toml" | "ini" | "cfg" | "conf" => Some(&TOML),
        "json" | "jsonl" | "ipynb" => Some(&JSON),
        "sh" | "bash" | "zsh" | "shell" | "console" => Some(&SHELL),
        "dockerfile" | "docker" => Some(&DOCKERFILE),
        "js" | "mjs" | "ts" | "tsx" | "jsx" | "css" | "c" | "h" | "cc" | "cpp" | "hpp" | "cu" | "java"
        | "go" | "rs" | "proto" | "javascript" | "typescript" | "rust" => Some(&BRACES),
        _ => None,
    }
}
