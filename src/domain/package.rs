//! What did inspection find in a package? Stored with its commit and shown as Arguments, Readme and Dependencies:
//! metadata shown is metadata parsed from the stored bytes, nothing else.

use serde::{Deserialize, Serialize};

use super::digest::{Md5, Sha256};

/// The description of one package. It is stored as JSON, so fields are only ever added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Package {
    /// `metas.name` after `manifest.yml` was merged over `config.yml`; not yet checked against the name grammar.
    pub name: Option<String>,
    /// A sentence for lists.
    pub description: Option<String>,
    /// The project's home page. It is the author's text: render it as a link only after checking its scheme.
    pub url: Option<String>,
    /// Words to find it by, without repeats, in the author's order.
    pub keywords: Vec<String>,
    /// The Executor class. Its arguments and endpoints are empty when the source could not be parsed in time.
    pub executor: ExecutorClass,
    /// Which file holds the class, relative to the package.
    pub filepath: Option<String>,
    /// Requirements in the order of the file, `pyproject.toml`'s after them.
    pub requirements: Vec<Requirement>,
    /// `${NAME}` variables that requirements refer to.
    pub required_variables: Vec<String>,
    /// The Dockerfile to build with.
    pub dockerfile: Dockerfile,
    /// The readme as Markdown text, cut to the limit.
    pub readme: Option<String>,
    /// Every file of the canonical package, sorted by path.
    pub files: Vec<PackageFile>,
    /// What the author should know though the package is good, one sentence each.
    pub notices: Vec<String>,
}

/// A class that derives from `jina.Executor`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutorClass {
    /// The class name.
    pub name: String,
    /// Its docstring, cleaned of indentation.
    pub docstring: Option<String>,
    /// Its own `__init__`, if it has one.
    pub init: Option<Function>,
    /// Methods bound to endpoints by `@requests` or by `requests:` in `config.yml`, then those of base classes in the package.
    pub endpoints: Vec<Endpoint>,
    /// Whether the source was really read; when not, `init` and `endpoints` say nothing.
    pub parsed: bool,
}

/// A function signature as written in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Parameters in order, `self` included.
    pub parameters: Vec<Parameter>,
    /// Its docstring.
    pub docstring: Option<String>,
    /// Whether it is an `async def`.
    pub is_async: bool,
}

/// One parameter; annotation and default are source text, never evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name, without stars.
    pub name: String,
    /// How it may be given.
    pub kind: ParameterKind,
    /// The annotation's source text.
    #[serde(default)]
    pub annotation: Option<String>,
    /// The default's source text.
    #[serde(default)]
    pub default: Option<String>,
}

/// How Python lets a caller give a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterKind {
    /// Before a `/`.
    PositionalOnly,
    /// By position or by name.
    Positional,
    /// `*args`.
    VarPositional,
    /// After a `*`.
    KeywordOnly,
    /// `**kwargs`.
    VarKeyword,
}

/// A method bound to request paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The method.
    pub function: Function,
    /// The paths of `on=`; `None` for a bare `@requests`, which serves every path that no other method serves. A path that is
    /// no literal in the source is its source text in braces.
    pub on: Option<Vec<String>>,
}

/// One line of `requirements.txt` or one dependency of `pyproject.toml`, with any secrets of its address cut out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// The distribution's name, where one can be told.
    pub name: Option<String>,
    /// The whole line as written, less comments and user information of addresses.
    pub line: String,
    /// Which versions will do, without blanks: `>=1,<2`.
    pub specifier: Option<String>,
    /// Optional parts that are asked for: `gpu` in `torch[gpu]`.
    pub extras: Vec<String>,
    /// Where to get it, when that is not the index.
    pub url: Option<String>,
    /// The condition behind the `;`.
    pub marker: Option<String>,
    /// Whether pip installs it in place (`-e`).
    pub editable: bool,
}

/// Which Dockerfile the package is built with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "source")]
pub enum Dockerfile {
    /// The author's own, at this path in the package.
    Author {
        /// Relative to the package.
        path: String,
    },
    /// Written by the Hub into the canonical package as `Dockerfile`.
    #[default]
    Generated,
}

impl Dockerfile {
    /// Where it lies in the canonical package.
    pub fn path(&self) -> &str {
        match self {
            Self::Author { path } => path,
            Self::Generated => "Dockerfile",
        }
    }
}

/// One file of the canonical package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFile {
    /// Relative to the package, with `/` between folders.
    pub path: String,
    /// Unpacked bytes.
    pub size: u64,
}

/// The zip that the Hub wrote, stores and serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanonicalZip {
    /// Bytes of the zip.
    pub size: u64,
    /// What identifies it.
    pub sha256: Sha256,
    /// What clients check after a pull.
    pub md5: Md5,
    /// SHA-256 over paths, modes and contents: the same for the same files whatever tool packed them.
    pub content: Sha256,
}
