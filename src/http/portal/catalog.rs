//! `/`: which Executors are there? Recent, trending or by name, narrowed or searched, a page at a time; every view of it has its
//! own address.

use askama::Template;
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::HeaderMap,
    response::Response,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{
    error::PageError,
    help::{self, Commands},
    moment::Moment,
    visitor::{Frame, Needs, Visitor},
};
use crate::{
    app::App,
    domain::{Login, Visibility, page::PageSize, query},
    error::Error,
    http::refused,
    hub::listing::{Listing, Narrowed, Order, Shown},
};

/// Tags that a card shows; the others are on the Executor's page.
const TAGS: usize = 6;
/// Characters of a description on a card.
const DESCRIPTION: usize = 300;
/// Characters of a keyword on a card; longer ones are left out.
const KEYWORD: usize = 40;
/// Keywords that a card shows.
const KEYWORDS: usize = 8;
/// Platforms that are offered; others can be asked for by address.
const PLATFORMS: [&str; 4] = ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/riscv64"];
/// Characters of a text to search for.
const MOST: usize = 200;

/// What the address says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    sort: String,
    q: String,
    owner: String,
    keyword: String,
    visibility: String,
    platform: String,
    cursor: String,
}

impl Asked {
    fn order(&self) -> Order {
        match self.sort.as_str() {
            "trending" => Order::Trending,
            "name" => Order::Name,
            _ => Order::Recent,
        }
    }

    fn listing(&self) -> Result<Listing, Error> {
        let words = |text: &str| Some(text.trim().replace('\0', "")).filter(|text| !text.is_empty());
        let owner = words(&self.owner).map(|owner| owner.parse::<Login>()).transpose().map_err(|reason| {
            Error::invalid("owner", format!("This owner is no login: {reason}."), "Check the login.")
        })?;
        let text: String = self.q.replace('\0', "").chars().take(MOST).collect();
        Ok(Listing {
            order: self.order(),
            narrowed: Narrowed {
                owner,
                keyword: words(&self.keyword),
                visibility: match self.visibility.as_str() {
                    "public" => Some(Visibility::Public),
                    "private" => Some(Visibility::Private),
                    _ => None,
                },
                platform: words(&self.platform),
            },
            query: query::Query::read(&text),
        })
    }

    /// The address of a view that differs from this one; its first page.
    fn link(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut asked = Self { cursor: String::new(), ..self.clone() };
        change(&mut asked);
        let pairs = [
            ("sort", &asked.sort),
            ("q", &asked.q),
            ("owner", &asked.owner),
            ("keyword", &asked.keyword),
            ("visibility", &asked.visibility),
            ("platform", &asked.platform),
            ("cursor", &asked.cursor),
        ];
        let pairs: Vec<String> = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        if pairs.is_empty() { "/".to_owned() } else { format!("/?{}", pairs.join("&")) }
    }
}

/// A link of the page; where it is `current`, the page is what it leads to.
struct Choice {
    title: &'static str,
    path: String,
    current: bool,
}

/// Something that the list is narrowed to, and the way to the list that is not.
struct Filter {
    name: &'static str,
    value: String,
    without: String,
}

struct Card {
    path: String,
    owner: Option<String>,
    name: String,
    is_private: bool,
    description: String,
    keywords: Vec<(String, String)>,
    tags: Vec<String>,
    more_tags: usize,
    pushed: Moment,
    pulled: i32,
}

#[derive(Template)]
#[template(path = "catalog.html")]
struct CatalogPage {
    frame: Frame,
    asked: Asked,
    sorts: Vec<Choice>,
    platforms: [&'static str; 4],
    filters: Vec<Filter>,
    cards: Vec<Card>,
    older: Option<String>,
    is_first: bool,
    /// What to do about a Hub that holds nothing.
    commands: Option<Commands>,
}

pub(super) async fn show(
    State(app): State<App>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(refused::query)?;
    let listing = asked.listing()?;
    let cursor = Some(asked.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let found = app.hub().list(&visitor.caller, &listing, cursor, PageSize::nearest(None)).await?;
    let is_everything = asked.link(|asked| asked.sort.clear()) == "/" && asked.cursor.is_empty();
    let is_empty = found.items.is_empty() && is_everything;
    if is_empty && visitor.user().is_none() && app.auth().needs_setup().await? {
        return visitor.redirect("/setup");
    }
    let now = app.now();
    let page = CatalogPage {
        frame: visitor.frame(),
        sorts: sorts(&asked, &listing),
        platforms: PLATFORMS,
        filters: filters(&asked),
        cards: found.items.into_iter().map(|shown| card(shown, &asked, now)).collect(),
        older: found.next.map(|cursor| asked.link(|asked| asked.cursor = cursor)),
        is_first: asked.cursor.is_empty(),
        commands: is_empty.then(|| help::commands(&app, &visitor)),
        asked,
    };
    visitor.reading(Needs { script: true, ..Needs::default() }, &headers, &page)
}

/// A search has its own order: then there is nothing to choose.
fn sorts(asked: &Asked, listing: &Listing) -> Vec<Choice> {
    if listing.query.is_some() {
        return Vec::new();
    }
    [("Recent", "", Order::Recent), ("Trending", "trending", Order::Trending), ("Name", "name", Order::Name)]
        .into_iter()
        .map(|(title, word, order)| Choice {
            title,
            path: asked.link(|asked| word.clone_into(&mut asked.sort)),
            current: listing.order == order,
        })
        .collect()
}

fn filters(asked: &Asked) -> Vec<Filter> {
    let all = [
        ("Owner", &asked.owner, asked.link(|asked| asked.owner.clear())),
        ("Keyword", &asked.keyword, asked.link(|asked| asked.keyword.clear())),
        ("Visibility", &asked.visibility, asked.link(|asked| asked.visibility.clear())),
        ("Platform", &asked.platform, asked.link(|asked| asked.platform.clear())),
    ];
    all.into_iter()
        .filter(|(_, value, _)| !value.is_empty())
        .map(|(name, value, without)| Filter { name, value: value.clone(), without })
        .collect()
}

/// As much of a description as a card has room for: authors may write 64 KB, and the first page shows many.
fn cut(text: String) -> String {
    match text.char_indices().nth(DESCRIPTION) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn card(shown: Shown, asked: &Asked, now: chrono::DateTime<chrono::Utc>) -> Card {
    let listed = shown.executor;
    let owner = listed.owner.map(|owner| owner.login.to_string());
    let path = match (&owner, &listed.name) {
        (Some(owner), Some(name)) => format!("/executors/{owner}/{name}"),
        _ => format!("/executors/{}", listed.id),
    };
    let keyword = |word: String| {
        let path = asked.link(|asked| word.clone_into(&mut asked.keyword));
        (word, path)
    };
    Card {
        path,
        owner,
        name: listed.name.map_or_else(|| listed.id.to_string(), |name| name.to_string()),
        is_private: listed.visibility == Visibility::Private,
        description: cut(listed.description.unwrap_or_default()),
        keywords: (listed.keywords.into_iter())
            .filter(|word| word.chars().count() <= KEYWORD)
            .take(KEYWORDS)
            .map(keyword)
            .collect(),
        more_tags: listed.tags.len().saturating_sub(TAGS),
        tags: listed.tags.into_iter().take(TAGS).collect(),
        pushed: Moment::of(listed.last_pushed_at, now),
        pulled: shown.pulled,
    }
}
