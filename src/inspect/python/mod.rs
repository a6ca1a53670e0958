//! What does a Python source hold, as far as the Hub cares? Sources in, outlines out; no code of authors is ever run.
//!
//! A hostile source can overflow the parser's stack, which aborts a process. So real uploads are read in a child
//! process with limits of its own, and a source that kills it is only scanned for the line that opens the class.

pub mod child;
mod docstring;
mod endpoints;
mod expression;
mod outline;
mod scan;

use std::{collections::BTreeMap, path::PathBuf};

pub(super) use scan::scan;
use serde::{Deserialize, Serialize};

use crate::domain::package::{ExecutorClass, Function};

/// Texts of sources by their paths in the package.
pub(super) type Sources = BTreeMap<String, String>;
/// Outlines by the same paths.
pub(super) type Outlines = BTreeMap<String, Outline>;

/// Where Python sources are parsed.
#[derive(Debug, Clone)]
pub enum PythonParser {
    /// In a child process, `<program> inspect-python`, that calls [`child::main`]: safe for any source.
    Child {
        /// An executable of the Hub.
        program: PathBuf,
    },
    /// In this process, on a thread with a large stack. A hostile source may still abort the process: for tests and
    /// for people who inspect a folder of their own.
    InProcess,
}

/// What one source declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outline {
    /// Classes at the top, or under `if`, `try` and `with`, in order.
    pub(super) classes: Vec<Class>,
    /// Imports that run when the module is loaded, in order.
    pub(super) imports: Vec<Import>,
    /// Why Python would not load it.
    pub(super) syntax_error: Option<SyntaxError>,
    /// Whether the source was really parsed.
    pub(super) parsed: bool,
}

/// One class of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Class {
    /// Everything that is shown about it; its endpoints are those that its own body declares.
    pub(super) executor: ExecutorClass,
    /// Its other methods, which a subclass or `config.yml` may bind to endpoints.
    pub(super) methods: Vec<Function>,
    /// Names of its bases, imported ones as they are called where they come from. Nearest first.
    pub(super) bases: Vec<String>,
    /// Whether it derives from an `Executor`, directly or through classes of the same source.
    pub(super) is_executor: bool,
    /// Whether it stands at the top of the module.
    pub(super) top_level: bool,
    /// Where it starts, counted from 1.
    pub(super) line: usize,
}

/// One module that an import names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Import {
    /// Leading dots.
    pub(super) level: u32,
    /// Dotted name after them; may be empty.
    pub(super) module: String,
    /// Names that `from … import` takes out of it.
    pub(super) names: Vec<String>,
    /// Whether it stands in a `try`, so that it may fail.
    pub(super) optional: bool,
    /// Where it stands, counted from 1.
    pub(super) line: usize,
}

/// Where and why a source is no Python.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) why: String,
}

impl PythonParser {
    /// Outlines every source. Never fails: what cannot be parsed in time is scanned, and says so in `parsed`.
    pub(super) fn outlines(&self, sources: Sources) -> Outlines {
        let parsed = match self {
            Self::Child { program } => child::run(program, &sources),
            Self::InProcess => child::outline_all(&sources).ok(),
        };
        let mut parsed = parsed.unwrap_or_default();
        sources
            .into_iter()
            .map(|(path, text)| {
                let outline = parsed.remove(&path).unwrap_or_else(|| scan(&text));
                (path, outline)
            })
            .collect()
    }
}
