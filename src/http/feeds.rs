//! `/feeds/…`: what was pushed lately, for feed readers (Atom, RFC 4287): of the whole Hub, or of one Executor. A reader that
//! sends a token sees what its person may see; all others see what is public.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use chrono::{DateTime, SecondsFormat, Utc};

use super::{
    caller,
    problem::Problem,
    pull, refused,
    routes::{Needs, Routes},
    tagged::tagged,
};
use crate::{
    app::App,
    auth::{Caller, Credentials, policy::Action},
    domain::page::PageSize,
    error::{Error, ErrorKind},
    hub::{
        listing::{Listing, Narrowed, Order, Shown},
        show::{CommitRow, Detail},
    },
};

/// Entries of a feed.
const ENTRIES: i64 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .get("/feeds/{file}", Needs::Listing, hub_or_bare)
        .get("/feeds/{owner}/{file}", Needs::Executor(Action::Read), owned)
        .refuse_other_methods(async || Problem::from(refused::other_method()))
}

#[derive(Template)]
#[template(path = "feed.xml")]
struct Feed {
    id: String,
    title: String,
    address: String,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    title: String,
    author: String,
    link: String,
    updated: String,
    summary: String,
    keywords: Vec<String>,
}

/// `/feeds/recent.atom`, or one Executor by its bare name or id.
async fn hub_or_bare(
    State(app): State<App>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = reader(&app, &headers).await?;
    let name = file.strip_suffix(".atom").ok_or_else(no_such_feed)?;
    if name == "recent" {
        recent(&app, &caller, &headers).await
    } else {
        one(&app, &caller, name, &headers).await
    }
}

/// One Executor by its owner's login and its name.
async fn owned(
    State(app): State<App>,
    Path((owner, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = reader(&app, &headers).await?;
    let name = file.strip_suffix(".atom").ok_or_else(no_such_feed)?;
    one(&app, &caller, &format!("{owner}/{name}"), &headers).await
}

/// A feed is public unless a token says otherwise; a browser's cookie does not, so that what it shows can be passed on.
async fn reader(app: &App, headers: &HeaderMap) -> Result<Caller, Error> {
    if headers.contains_key(header::AUTHORIZATION) {
        return app.auth().caller(&caller::credentials(headers)).await;
    }
    app.auth().caller(&Credentials::None).await
}

fn no_such_feed() -> Error {
    Error::new(
        ErrorKind::NotFound,
        "feed_not_found",
        "There is no such feed.",
        "Its address ends with '.atom'.",
    )
}

async fn recent(app: &App, caller: &Caller, headers: &HeaderMap) -> Result<Response, Problem> {
    let listing = Listing { order: Order::Recent, narrowed: Narrowed::default(), query: None };
    let page = app.hub().list(caller, &listing, None, PageSize::nearest(Some(ENTRIES))).await?;
    let url = &app.settings().server.external_url;
    let entries: Vec<Entry> = page.items.into_iter().map(|shown| pushed(url, shown)).collect();
    feed(
        headers,
        &Feed {
            id: format!("{url}/feeds/recent.atom"),
            title: "Recent Executors".into(),
            address: format!("{url}/feeds/recent.atom"),
            updated: newest(&entries),
            entries,
        },
    )
}

async fn one(app: &App, caller: &Caller, name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let (reference, _) = pull::reference(name, None)?;
    let detail = app.hub().show(caller, &reference, None).await?;
    let commits = app.hub().commits(caller, &reference, None, PageSize::nearest(Some(ENTRIES))).await?;
    let url = &app.settings().server.external_url;
    let entries: Vec<Entry> =
        commits.items.into_iter().map(|commit| commit_entry(url, &detail, commit)).collect();
    let title = detail.executor.title();
    feed(
        headers,
        &Feed {
            id: format!("urn:executor-hub:executor:{}", detail.executor.id),
            address: format!("{url}/feeds/{title}.atom"),
            title,
            updated: newest(&entries),
            entries,
        },
    )
}

fn pushed(url: &str, shown: Shown) -> Entry {
    let listed = shown.executor;
    let name = listed.name.map_or_else(|| listed.id.to_string(), |name| name.to_string());
    let owner = listed.owner.map(|owner| owner.login.to_string());
    Entry {
        id: format!("urn:executor-hub:executor:{}:{}", listed.id, listed.last_pushed_at.timestamp_micros()),
        title: owner.as_ref().map_or_else(|| name.clone(), |owner| format!("{owner}/{name}")),
        author: owner.unwrap_or_else(|| "anonymous".into()),
        link: format!("{url}/api/v1/executors/{}", listed.id),
        updated: time(listed.last_pushed_at),
        summary: printable(&listed.description.unwrap_or_default()),
        keywords: listed.keywords.iter().map(|word| printable(word)).collect(),
    }
}

fn commit_entry(url: &str, detail: &Detail, commit: CommitRow) -> Entry {
    let tags = if commit.tags.is_empty() { "untagged".to_owned() } else { commit.tags.join(", ") };
    Entry {
        id: format!("urn:uuid:{}", commit.id.0.hyphenated()),
        title: format!("{} ({tags})", detail.executor.title()),
        author: commit.pushed_by.unwrap_or_else(|| "anonymous".into()),
        link: format!("{url}/api/v1/executors/{}/commits/{}", detail.executor.id, commit.id),
        updated: time(commit.usable_at),
        summary: format!("{} bytes, SHA-256 {}", commit.package_size, commit.package_sha256),
        keywords: Vec::new(),
    }
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Atom wants a time even of a feed where nothing has happened.
fn newest(entries: &[Entry]) -> String {
    entries.iter().map(|entry| entry.updated.clone()).max().unwrap_or_else(|| time(DateTime::UNIX_EPOCH))
}

/// XML has no way to say most control characters.
fn printable(text: &str) -> String {
    let is_xml = |c: &char| !matches!(c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().filter(is_xml).collect()
}

fn feed(headers: &HeaderMap, feed: &Feed) -> Result<Response, Problem> {
    let xml = feed.render().map_err(Error::internal)?;
    Ok(tagged(headers, xml.into_bytes(), HeaderValue::from_static("application/atom+xml; charset=utf-8")))
}
