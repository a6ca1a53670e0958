//! Why is a package not taken? Each reason has a stable code, a cause, and a remedy.

/// A package that the Hub does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} {remedy}")]
pub struct Refusal {
    /// A stable word, such as `archive_traversal` or `executor_not_found`.
    pub code: &'static str,
    /// Class of the refusal, which decides the numbers that old clients see.
    pub class: RefusalClass,
    /// One sentence of cause; names file and line where there is one.
    pub message: String,
    /// One sentence that says what to do.
    pub remedy: String,
}

/// Classes of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    /// The bytes are no zip that the Hub takes.
    Archive,
    /// A limit on size or number was passed.
    TooLarge,
    /// No Executor was found (old number 4000).
    ExecutorNotFound,
    /// More than one Executor was found (4001).
    SeveralExecutors,
    /// The class cannot be used as an Executor (4002).
    IllegalExecutor,
    /// Imports between the package's files are cyclic or broken (4003).
    BrokenDependency,
    /// Anything else in the package (5000).
    Other,
}

impl RefusalClass {
    /// The number that clients since jina 3.3 look for (PROTOCOL.md L).
    pub fn number(self) -> u16 {
        match self {
            Self::ExecutorNotFound => 4000,
            Self::SeveralExecutors => 4001,
            Self::IllegalExecutor => 4002,
            Self::BrokenDependency => 4003,
            Self::Archive | Self::TooLarge | Self::Other => 5000,
        }
    }
}

impl Refusal {
    /// A refusal of any class.
    pub(super) fn new(
        class: RefusalClass,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { code, class, message: message.into(), remedy: remedy.into() }
    }

    /// The zip itself is at fault; packing it again is nearly always the cure.
    pub(super) fn archive(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(
            RefusalClass::Archive,
            code,
            message,
            "Pack the folder again, with `jina hub push` or any current zip program.",
        )
    }

    /// A limit was passed.
    pub(super) fn too_large(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(
            RefusalClass::TooLarge,
            code,
            message,
            "Leave out what the Executor does not need, for example through `.gitignore`.",
        )
    }

    /// Something in the package that has no class of its own.
    pub(super) fn other(code: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(RefusalClass::Other, code, message, remedy)
    }
}

/// Text of an author, made fit for one sentence: control and invisible characters become `?`, and a long one is cut.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 120;
    let mut shown: String = text.chars().take(SHOWN).map(|c| if misleads(c) { '?' } else { c }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("'{shown}'")
}

/// Control characters, and those that change how the text around them looks.
pub(super) fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}
