//! `/executors/{owner}/{name}` and `/executors/{id}`: what is this Executor, and how is it used? One page with a tab for each
//! question; each tab has its own address, and so has each tag.

mod arguments;
pub(super) mod files;
pub(super) mod people;
pub(super) mod settings;
mod tabs;

use askama::Template;
use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::HeaderMap,
    response::Response,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use self::{
    files::{Body, View},
    tabs::Content,
};
use super::{
    error::PageError,
    moment::Moment,
    usage::{self, Snippet},
    visitor::{Frame, Needs, Visitor},
};
use crate::{
    app::App,
    domain::{CommitId, ExecutorRef, Visibility, package::Package},
    error::{Error, ErrorKind},
    http::refused,
    hub::show::{CommitRow, Detail},
};

/// What the address says besides which Executor.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    tab: String,
    tag: String,
    /// A commit to look at instead of a tag's.
    commit: String,
    /// A file or folder of the package.
    path: String,
    /// A tag whose files those of this one are compared with.
    from: String,
    cursor: String,
}

impl Asked {
    /// The tab of this word, or the first.
    fn tab(&self) -> Tab {
        Tab::ALL.iter().find(|(_, word, _)| *word == self.tab).map_or(Tab::Readme, |(tab, _, _)| *tab)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Readme,
    Arguments,
    Tags,
    Dependencies,
    Files,
    Builds,
    Settings,
}

impl Tab {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Readme, "readme", "Readme"),
        (Self::Arguments, "arguments", "Arguments"),
        (Self::Tags, "tags", "Tags"),
        (Self::Dependencies, "dependencies", "Dependencies"),
        (Self::Files, "files", "Files"),
        (Self::Builds, "builds", "Builds"),
        (Self::Settings, "settings", "Settings"),
    ];
}

struct TabLink {
    title: &'static str,
    path: String,
    current: bool,
}

struct TagChoice {
    name: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "executor.html")]
struct ExecutorPage {
    frame: Frame,
    path: String,
    title: String,
    owner: Option<String>,
    name: String,
    id: String,
    is_private: bool,
    description: String,
    url: Option<String>,
    keywords: Vec<(String, String)>,
    pushed: Option<Moment>,
    pulled: i32,
    tab: &'static str,
    tabs: Vec<TabLink>,
    tags: Vec<TagChoice>,
    snippets: Vec<Snippet>,
    registry: String,
    content: Content,
}

pub(super) async fn by_name(
    State(app): State<App>,
    visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let Path((owner, name)) = path.map_err(refused::path)?;
    let Query(asked) = asked.map_err(refused::query)?;
    show(&app, &visitor, &format!("{owner}/{name}"), &asked, &headers).await
}

pub(super) async fn by_id(
    State(app): State<App>,
    visitor: Visitor,
    id: Result<Path<String>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let Path(id) = id.map_err(refused::path)?;
    let Query(asked) = asked.map_err(refused::query)?;
    show(&app, &visitor, &id, &asked, &headers).await
}

/// What never was is told in the same words as what is hidden.
fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "executor_not_found", "No such executor.", "Check the address.")
}

async fn show(
    app: &App,
    visitor: &Visitor,
    reference: &str,
    asked: &Asked,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let reference: ExecutorRef = reference.parse().map_err(|_| missing())?;
    let detail = app.hub().show(&visitor.caller, &reference, None).await?;
    let chosen = chosen(app, visitor, &reference, &detail, asked).await?;
    let path = path(&detail);
    let content = tabs::content(app, visitor, &reference, &detail, chosen.as_ref(), asked, &path).await?;
    let current = asked.tab();
    let offers = app.hub().offers(&visitor.caller, &detail.executor).await?;
    let tabs = Tab::ALL
        .into_iter()
        .filter(|(tab, _, _)| match tab {
            Tab::Builds => offers.builds,
            Tab::Settings => offers.settings,
            _ => true,
        })
        .map(|(tab, word, title)| TabLink {
            title,
            path: link(&path, if tab == Tab::Readme { "" } else { word }, &asked.tag),
            current: tab == current,
        })
        .collect();
    let tag = Some(asked.tag.as_str()).filter(|tag| !tag.is_empty());
    let package = chosen.as_ref().map(|(_, package)| package);
    let executor = &detail.executor;
    let page = ExecutorPage {
        frame: visitor.frame(),
        title: executor.title(),
        owner: executor.owner.as_ref().map(|owner| owner.login.to_string()),
        name: executor.name.as_ref().map_or_else(|| executor.id.to_string(), ToString::to_string),
        id: executor.id.to_string(),
        is_private: executor.visibility == Visibility::Private,
        description: package.and_then(|package| package.description.clone()).unwrap_or_default(),
        url: package.and_then(|package| home(package.url.as_deref())),
        keywords: package.map(keywords).unwrap_or_default(),
        pushed: executor.last_pushed_at.map(|at| Moment::of(at, app.now())),
        pulled: detail.pulled,
        tab: Tab::ALL.iter().find(|(tab, _, _)| *tab == current).map_or("readme", |(_, word, _)| *word),
        tabs,
        tags: detail
            .tags
            .iter()
            .map(|row| TagChoice { name: row.name.clone(), current: row.name == asked.tag })
            .collect(),
        snippets: usage::snippets(executor, tag),
        registry: app.settings().server.external_url.clone(),
        content,
        path,
    };
    let needs = Needs { script: true, images: current == Tab::Readme, ..Needs::default() };
    visitor.reading(needs, headers, &page)
}

/// The commit that was asked for, or that of the tag, or the newest.
async fn chosen(
    app: &App,
    visitor: &Visitor,
    reference: &ExecutorRef,
    detail: &Detail,
    asked: &Asked,
) -> Result<Option<(CommitRow, Package)>, Error> {
    let commit = if !asked.commit.is_empty() {
        asked.commit.parse().map_err(|_| missing())?
    } else if !asked.tag.is_empty() {
        commit_of(app, visitor, reference, detail, &asked.tag).await?
    } else {
        return Ok(detail.newest.clone());
    };
    match &detail.newest {
        Some((newest, package)) if newest.id == commit => Ok(Some((newest.clone(), package.clone()))),
        _ => app.hub().commit(&visitor.caller, reference, commit).await.map(Some),
    }
}

/// An Executor comes with its first tags only; the others are looked up.
async fn commit_of(
    app: &App,
    visitor: &Visitor,
    reference: &ExecutorRef,
    detail: &Detail,
    tag: &str,
) -> Result<CommitId, Error> {
    if let Some(row) = detail.tags.iter().find(|row| row.name == tag) {
        return Ok(row.commit);
    }
    let tag = tag.parse().map_err(|_| missing())?;
    let found = app.hub().tag_state(&visitor.caller, &reference.clone().into(), &tag).await?;
    found.map(|state| state.commit).ok_or_else(missing)
}

/// The one address of an Executor among those that lead to it.
fn path(detail: &Detail) -> String {
    match (&detail.executor.owner, &detail.executor.name) {
        (Some(owner), Some(name)) => format!("/executors/{}/{name}", owner.login),
        _ => format!("/executors/{}", detail.executor.id),
    }
}

fn link(path: &str, tab: &str, tag: &str) -> String {
    address(path, &[("tab", tab), ("tag", tag)])
}

/// A path with those of the parameters that say something.
fn address(path: &str, pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

fn keywords(package: &Package) -> Vec<(String, String)> {
    let path = |word: &String| format!("/?keyword={}", utf8_percent_encode(word, NON_ALPHANUMERIC));
    package.keywords.iter().take(20).map(|word| (word.clone(), path(word))).collect()
}

/// A home page that may be a link.
fn home(url: Option<&str>) -> Option<String> {
    let url = url?;
    let lower = url.to_ascii_lowercase();
    let is_web = lower.starts_with("https://") || lower.starts_with("http://");
    (is_web && !url.chars().any(|c| c.is_control() || c.is_whitespace())).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::home;

    #[test]
    fn only_pages_of_the_web_are_linked() {
        assert_eq!(home(Some("https://example.com/a?b")).as_deref(), Some("https://example.com/a?b"));
        for bad in
            ["javascript:alert(1)", "data:text/html,x", "https://a b", "//evil.example", "java\nscript:x", ""]
        {
            assert_eq!(home(Some(bad)), None, "{bad}");
        }
    }
}
