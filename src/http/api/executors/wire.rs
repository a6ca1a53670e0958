//! What do Executors and what belongs to them look like in the API?

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    domain::{
        Visibility,
        package::{self, ParameterKind},
    },
    hub::{
        listing::Shown,
        show::{CommitRow, Detail, ImageRow, TagRow},
    },
};

/// Who may see an Executor without being let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Visibility)]
pub(in crate::http::api) enum VisibilityWord {
    /// Everybody may.
    Public,
    /// Its owner, those let in, and holders of its secret.
    Private,
}

impl From<Visibility> for VisibilityWord {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Self::Public,
            Visibility::Private => Self::Private,
        }
    }
}

impl From<VisibilityWord> for Visibility {
    fn from(word: VisibilityWord) -> Self {
        match word {
            VisibilityWord::Public => Self::Public,
            VisibilityWord::Private => Self::Private,
        }
    }
}

/// An Executor as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct ExecutorSummary {
    /// Its 8-character handle, never reused.
    id: String,
    name: Option<String>,
    /// Login of its owner; nobody when it was pushed anonymously.
    owner: Option<String>,
    visibility: VisibilityWord,
    description: Option<String>,
    keywords: Vec<String>,
    /// Its tags, the one moved last first; at most 20.
    tags: Vec<String>,
    /// Pulls of the last seven days.
    pulls_last_7_days: i32,
    created_at: DateTime<Utc>,
    last_pushed_at: DateTime<Utc>,
}

impl From<Shown> for ExecutorSummary {
    fn from(shown: Shown) -> Self {
        let listed = shown.executor;
        Self {
            id: listed.id.to_string(),
            name: listed.name.map(|name| name.to_string()),
            owner: listed.owner.map(|owner| owner.login.to_string()),
            visibility: listed.visibility.into(),
            description: listed.description,
            keywords: listed.keywords,
            tags: listed.tags,
            pulls_last_7_days: shown.pulled,
            created_at: listed.created_at,
            last_pushed_at: listed.last_pushed_at,
        }
    }
}

/// One Executor.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Executor {
    /// Its 8-character handle, never reused.
    id: String,
    name: Option<String>,
    /// Login of its owner; nobody when it was pushed anonymously.
    owner: Option<String>,
    visibility: VisibilityWord,
    /// Pulls of the last seven days.
    pulls_last_7_days: i32,
    created_at: DateTime<Utc>,
    /// When a commit last became usable; absent while none is.
    last_pushed_at: Option<DateTime<Utc>>,
    /// Its tags by name; at most 100.
    tags: Vec<Tag>,
    /// Its newest commit that may be pulled.
    newest_commit: Option<Commit>,
    /// What is in that commit's package.
    package: Option<Package>,
}

impl From<Detail> for Executor {
    fn from(detail: Detail) -> Self {
        let executor = detail.executor;
        let (newest_commit, package) =
            detail.newest.map(|(commit, package)| (commit.into(), package.into())).unzip();
        Self {
            id: executor.id.to_string(),
            name: executor.name.map(|name| name.to_string()),
            owner: executor.owner.map(|owner| owner.login.to_string()),
            visibility: executor.visibility.into(),
            pulls_last_7_days: detail.pulled,
            created_at: executor.created_at,
            last_pushed_at: executor.last_pushed_at,
            tags: detail.tags.into_iter().map(Tag::from).collect(),
            newest_commit,
            package,
        }
    }
}

/// A name inside one Executor that points at one commit.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Tag {
    pub(super) name: String,
    /// Id of the commit.
    pub(super) commit: String,
    /// Whether it never moves again.
    pub(super) protected: bool,
    pub(super) moved_at: DateTime<Utc>,
    /// Login of who moved it.
    pub(super) moved_by: Option<String>,
}

impl From<TagRow> for Tag {
    fn from(row: TagRow) -> Self {
        Self {
            name: row.name,
            commit: row.commit.to_string(),
            protected: row.is_protected,
            moved_at: row.moved_at,
            moved_by: row.moved_by,
        }
    }
}

/// One accepted upload that may be pulled; it never changes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Commit {
    id: String,
    /// Tags that point at it; at most 100.
    tags: Vec<String>,
    package_sha256: String,
    package_md5: String,
    /// Bytes of the package.
    package_size: u64,
    images: Vec<Image>,
    /// Names of its build variables; their values are told nobody.
    build_env_names: Vec<String>,
    /// Login of who pushed it.
    pushed_by: Option<String>,
    created_at: DateTime<Utc>,
    /// When it could be pulled first.
    usable_at: DateTime<Utc>,
}

impl From<CommitRow> for Commit {
    fn from(row: CommitRow) -> Self {
        Self {
            id: row.id.to_string(),
            tags: row.tags,
            package_sha256: row.package_sha256.to_string(),
            package_md5: row.package_md5.to_string(),
            package_size: row.package_size,
            images: row.images.into_iter().map(Image::from).collect(),
            build_env_names: row.build_env_names,
            pushed_by: row.pushed_by,
            created_at: row.created_at,
            usable_at: row.usable_at,
        }
    }
}

/// An image that was built of a commit.
#[derive(Debug, Serialize, ToSchema)]
struct Image {
    /// Such as `linux/amd64`.
    platform: String,
    name: String,
    /// Bytes of its layers, unpacked.
    size: u64,
}

impl From<ImageRow> for Image {
    fn from(row: ImageRow) -> Self {
        Self { platform: row.platform, name: row.name, size: row.size }
    }
}

/// What inspection found in a package.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http::api) struct Package {
    description: Option<String>,
    /// The project's home page, as its author wrote it.
    url: Option<String>,
    keywords: Vec<String>,
    /// Markdown.
    readme: Option<String>,
    arguments: Arguments,
    /// Requirements in their order.
    dependencies: Vec<Dependency>,
    /// Variables that a build needs.
    required_variables: Vec<String>,
    files: Vec<File>,
    /// What its author should know, one sentence each.
    notices: Vec<String>,
}

impl From<package::Package> for Package {
    fn from(package: package::Package) -> Self {
        Self {
            description: package.description,
            url: package.url,
            keywords: package.keywords,
            readme: package.readme,
            arguments: package.executor.into(),
            dependencies: package
                .requirements
                .into_iter()
                .map(|requirement| Dependency { name: requirement.name, line: requirement.line })
                .collect(),
            required_variables: package.required_variables,
            files: package.files.into_iter().map(|file| File { path: file.path, size: file.size }).collect(),
            notices: package.notices,
        }
    }
}

/// How an Executor is used: its class, what it is made with, and what it answers.
#[derive(Debug, Serialize, ToSchema)]
struct Arguments {
    class: String,
    docstring: Option<String>,
    /// Whether the source was read; when not, the rest says nothing.
    parsed: bool,
    init: Option<Function>,
    endpoints: Vec<Endpoint>,
}

impl From<package::ExecutorClass> for Arguments {
    fn from(class: package::ExecutorClass) -> Self {
        Self {
            class: class.name,
            docstring: class.docstring,
            parsed: class.parsed,
            init: class.init.map(Function::from),
            endpoints: class
                .endpoints
                .into_iter()
                .map(|endpoint| Endpoint { on: endpoint.on, function: endpoint.function.into() })
                .collect(),
        }
    }
}

/// A method that is bound to request paths.
#[derive(Debug, Serialize, ToSchema)]
struct Endpoint {
    /// Its paths; nothing means every path that no other method serves.
    on: Option<Vec<String>>,
    function: Function,
}

/// A function as its source says.
#[derive(Debug, Serialize, ToSchema)]
struct Function {
    name: String,
    docstring: Option<String>,
    is_async: bool,
    parameters: Vec<Parameter>,
}

impl From<package::Function> for Function {
    fn from(function: package::Function) -> Self {
        Self {
            name: function.name,
            docstring: function.docstring,
            is_async: function.is_async,
            parameters: function.parameters.into_iter().map(Parameter::from).collect(),
        }
    }
}

/// A parameter; annotation and default are source text.
#[derive(Debug, Serialize, ToSchema)]
struct Parameter {
    name: String,
    /// `positional_only`, `positional`, `var_positional`, `keyword_only` or `var_keyword`.
    kind: &'static str,
    annotation: Option<String>,
    default: Option<String>,
}

impl From<package::Parameter> for Parameter {
    fn from(parameter: package::Parameter) -> Self {
        let kind = match parameter.kind {
            ParameterKind::PositionalOnly => "positional_only",
            ParameterKind::Positional => "positional",
            ParameterKind::VarPositional => "var_positional",
            ParameterKind::KeywordOnly => "keyword_only",
            ParameterKind::VarKeyword => "var_keyword",
        };
        Self { name: parameter.name, kind, annotation: parameter.annotation, default: parameter.default }
    }
}

/// A line of the requirements.
#[derive(Debug, Serialize, ToSchema)]
struct Dependency {
    /// The distribution, where one can be told.
    name: Option<String>,
    line: String,
}

/// A file of the package.
#[derive(Debug, Serialize, ToSchema)]
struct File {
    path: String,
    /// Bytes.
    size: u64,
}
