//! Lists and searches of Executors, in any order, a page at a time: each page is a walk along one index from where the last
//! one ended, never an OFFSET, never a count.
//!
//! The statements are put together here, because what a list is filtered by decides what they say. Each is planned with the
//! values that it is asked with: the planner's knowledge of how common a word is decides whether it walks the best
//! Executors until enough of them have it, or looks the word up.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder, postgres::PgRow, types::Json};

use super::{Connection, StoreError};
use crate::domain::{ExecutorId, Login, UserId, Visibility};

/// Who looks.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    /// Whose own Executors are there besides the public ones.
    pub person: Option<UserId>,
    /// Only these of them.
    pub only: Option<Vec<ExecutorId>>,
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Narrowed {
    /// Of this owner.
    pub owner: Option<Login>,
    /// With this keyword, whatever its case.
    pub keyword: Option<String>,
    /// Public or private ones only.
    pub visibility: Option<Visibility>,
    /// With an image for this platform, such as `linux/arm64`.
    pub platform: Option<String>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Pushed last first.
    Recent,
    /// Pulled most in these days first.
    Trending,
    /// By name.
    Name,
    /// What fits a search equally well: pulled much more first, then pushed last.
    Best,
}

/// What a text must fit. The kinds exclude each other, so that a search can take them one after the other.
#[derive(Debug, Clone)]
pub enum Fits {
    /// Everything does.
    Anything,
    /// The name is this one.
    Name(String),
    /// The name begins so.
    Prefix(String),
    /// Name and keywords hold these words; the name does not begin with the text.
    Head(Words, String),
    /// Whatever the package says of itself holds these words; name and keywords do not.
    Body(Words, String),
    /// Name and keywords hold these words, the last of them unfinished; nothing of it holds it as it is.
    HeadBegun(Words, String),
    /// Whatever the package says of itself holds these words, the last of them unfinished; name and keywords do not, and
    /// nothing of it holds it as it is.
    BodyBegun(Words, String),
    /// Anything of it holds these words or others like them.
    Alike(Vec<(String, Vec<String>)>),
}

/// Words of letters and digits only.
pub type Words = Vec<String>;

/// One Executor's place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub id: ExecutorId,
    /// Its name in lower case.
    pub name_key: String,
    /// When it was last pushed.
    pub pushed_at: DateTime<Utc>,
    /// Pulls of the last seven days.
    pub pulled: i32,
    /// The magnitude of that.
    pub popularity: i16,
}

/// A page to read.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Who looks.
    pub viewer: &'a Viewer,
    /// Among which.
    pub narrowed: &'a Narrowed,
    /// Which text they fit.
    pub fits: &'a Fits,
    /// In which order.
    pub order: Order,
    /// After this one.
    pub after: Option<&'a Entry>,
    /// How many at most.
    pub limit: i64,
}

/// The entries of a page, in order.
pub async fn page(connection: &mut Connection, wanted: &Wanted<'_>) -> Result<Vec<Entry>, StoreError> {
    let mut query = statement("", wanted);
    // Not kept as a prepared statement: the fifth use of one would forget how common the words are.
    let mut rows = query.build().persistent(false).try_map(entry).fetch_all(connection).await?;
    rows.truncate(usize::try_from(wanted.limit).unwrap_or_default());
    Ok(rows)
}

/// How Postgres would read that page, as `EXPLAIN` tells it.
pub async fn plan(connection: &mut Connection, wanted: &Wanted<'_>) -> Result<serde_json::Value, StoreError> {
    let mut query = statement("EXPLAIN (FORMAT JSON) ", wanted);
    let Json(plan) = query.build_query_scalar::<Json<_>>().persistent(false).fetch_one(connection).await?;
    Ok(plan)
}

#[expect(clippy::needless_pass_by_value, reason = "what sqlx gives to such a function")]
fn entry(row: PgRow) -> Result<Entry, sqlx::Error> {
    use sqlx::Row as _;
    Ok(Entry {
        id: row.try_get("executor_id")?,
        name_key: row.try_get("name_key")?,
        pushed_at: row.try_get("pushed_at")?,
        pulled: row.try_get("pulled")?,
        popularity: row.try_get("popularity")?,
    })
}

/// Rows that are asked for where a page holds fewer. The planner walks in order where it expects to find that many soon; it
/// believes that a word which it does not know is in a thousand rows, and for ten of those it would walk through all rows.
const WORTH_A_WALK: i64 = 200;

fn statement(prefix: &str, wanted: &Wanted<'_>) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(prefix);
    query.push("SELECT executor_id, name_key, pushed_at, pulled, popularity FROM search_entries WHERE ");
    if wanted.narrowed.visibility == Some(Visibility::Private) {
        push_private(&mut query, wanted.viewer);
    } else {
        push_viewer(&mut query, wanted.viewer);
    }
    push_narrowed(&mut query, wanted.narrowed);
    push_fits(&mut query, wanted.fits);
    if let Some(after) = wanted.after {
        push_after(&mut query, wanted.order, after);
    }
    query.push(match wanted.order {
        Order::Recent => " ORDER BY pushed_at DESC, executor_id DESC",
        Order::Trending => " ORDER BY pulled DESC, pushed_at DESC, executor_id DESC",
        Order::Name => " ORDER BY name_key, executor_id",
        Order::Best => " ORDER BY popularity DESC, pushed_at DESC, executor_id DESC",
    });
    let is_plain = matches!(wanted.fits, Fits::Anything)
        && wanted.narrowed.keyword.is_none()
        && wanted.narrowed.platform.is_none();
    let limit = if is_plain { wanted.limit } else { wanted.limit.max(WORTH_A_WALK) };
    query.push(" LIMIT ").push_bind(limit);
    query
}

/// Whoever looks sees what is public and what is theirs: the one place where lists and searches decide that. What
/// it pushes is a condition on rows of `search_entries`, where nothing is that was discarded or never pushed well.
pub(super) fn push_viewer(query: &mut QueryBuilder<Postgres>, viewer: &Viewer) {
    let Some(person) = viewer.person else {
        query.push("is_public");
        return;
    };
    query.push("(is_public OR (owner_id = ").push_bind(person);
    if let Some(only) = &viewer.only {
        let ids: Vec<String> = only.iter().map(ToString::to_string).collect();
        query.push(" AND executor_id = ANY(").push_bind(ids).push(")");
    }
    query
        .push(") OR executor_id IN (SELECT executor_id FROM executor_access WHERE user_id = ")
        .push_bind(person);
    if let Some(only) = &viewer.only {
        let ids: Vec<String> = only.iter().map(ToString::to_string).collect();
        query.push(" AND executor_id = ANY(").push_bind(ids).push(")");
    }
    query.push("))");
}

/// What is private and somebody's to see, in a form for which indexes serve: few have much of it.
fn push_private(query: &mut QueryBuilder<Postgres>, viewer: &Viewer) {
    let Some(person) = viewer.person else {
        query.push("false");
        return;
    };
    query
        .push("NOT is_public AND (owner_id = ")
        .push_bind(person)
        .push(" OR executor_id = ANY(ARRAY(SELECT executor_id FROM executor_access WHERE user_id = ")
        .push_bind(person)
        .push(")))");
    if let Some(only) = &viewer.only {
        let ids: Vec<String> = only.iter().map(ToString::to_string).collect();
        query.push(" AND executor_id = ANY(").push_bind(ids).push(")");
    }
}

fn push_narrowed(query: &mut QueryBuilder<Postgres>, narrowed: &Narrowed) {
    if let Some(owner) = &narrowed.owner {
        query
            .push(" AND owner_id = (SELECT id FROM users WHERE login_key = ")
            .push_bind(owner.key())
            .push(")");
    }
    if let Some(keyword) = &narrowed.keyword {
        query.push(" AND keyword_keys @> ARRAY[").push_bind(keyword.to_lowercase()).push("]");
    }
    match narrowed.visibility {
        // What is private was narrowed to before.
        None | Some(Visibility::Private) => {}
        Some(Visibility::Public) => drop(query.push(" AND is_public")),
    }
    if let Some(platform) = &narrowed.platform {
        query
            .push(" AND EXISTS (SELECT 1 FROM commits c JOIN images i ON i.commit_id = c.id WHERE c.executor_id = search_entries.executor_id AND c.usable_at IS NOT NULL AND c.deleted_at IS NULL AND i.platform = ")
            .push_bind(platform.clone())
            .push(")");
    }
}

fn push_fits(query: &mut QueryBuilder<Postgres>, fits: &Fits) {
    match fits {
        Fits::Anything => {}
        Fits::Name(name) => drop(query.push(" AND name_key = ").push_bind(name.clone())),
        Fits::Prefix(name) => {
            query.push(" AND name_key LIKE ").push_bind(prefix_pattern(name));
            query.push(" AND name_key <> ").push_bind(name.clone());
        }
        Fits::Head(words, name) => {
            push_words(query, " AND head", tsquery(words));
            query.push(" AND name_key NOT LIKE ").push_bind(prefix_pattern(name));
        }
        Fits::Body(words, name) => {
            push_words(query, " AND body", tsquery(words));
            push_words(query, " AND NOT head", tsquery(words));
            query.push(" AND name_key NOT LIKE ").push_bind(prefix_pattern(name));
        }
        Fits::HeadBegun(words, name) => {
            push_words(query, " AND head", format!("{}:*", tsquery(words)));
            push_words(query, " AND NOT body", tsquery(words));
            query.push(" AND name_key NOT LIKE ").push_bind(prefix_pattern(name));
        }
        Fits::BodyBegun(words, name) => {
            push_words(query, " AND body", format!("{}:*", tsquery(words)));
            push_words(query, " AND NOT head", format!("{}:*", tsquery(words)));
            push_words(query, " AND NOT body", tsquery(words));
            query.push(" AND name_key NOT LIKE ").push_bind(prefix_pattern(name));
        }
        Fits::Alike(words) => {
            query.push(" AND body @@ (");
            for (i, (word, alike)) in words.iter().enumerate() {
                query.push(if i == 0 { "(" } else { " && (" });
                query.push("to_tsquery('english', ").push_bind(quoted(word)).push(")");
                if !alike.is_empty() {
                    let alike: Vec<String> = alike.iter().map(|word| quoted(word)).collect();
                    query.push(" || to_tsquery('simple', ").push_bind(alike.join(" | ")).push(")");
                }
                query.push(")");
            }
            query.push(")");
        }
    }
}

fn push_after(query: &mut QueryBuilder<Postgres>, order: Order, after: &Entry) {
    let id = after.id.to_string();
    match order {
        Order::Recent => {
            query.push(" AND (pushed_at, executor_id) < (").push_bind(after.pushed_at);
        }
        Order::Trending => {
            query.push(" AND (pulled, pushed_at, executor_id) < (").push_bind(after.pulled);
            query.push(", ").push_bind(after.pushed_at);
        }
        Order::Name => {
            query.push(" AND (name_key, executor_id) > (").push_bind(after.name_key.clone());
        }
        Order::Best => {
            query.push(" AND (popularity, pushed_at, executor_id) < (").push_bind(after.popularity);
            query.push(", ").push_bind(after.pushed_at);
        }
    }
    query.push(", ").push_bind(id).push(")");
}

fn prefix_pattern(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len() + 1);
    for c in name.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Words hold letters and digits only; the quotes are for what Postgres may think of letters that we do not know.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace(['\'', '\\'], ""))
}

/// All of the words.
fn tsquery(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    words.join(" & ")
}

fn push_words(query: &mut QueryBuilder<Postgres>, column: &str, words: String) {
    query.push(column).push(" @@ to_tsquery('english', ").push_bind(words).push(")");
}
