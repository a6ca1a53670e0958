//! Searches of clients that count pages, and what lists show of the Executors that were found.

use chrono::{DateTime, Utc};
use sqlx::{QueryBuilder, types::Json};

use super::{
    Connection, StoreError, executors,
    search_entries::{self, Viewer},
};
use crate::domain::{ExecutorId, ExecutorName, UserId, Visibility, executor::Owner};

/// An Executor as lists show it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its handle.
    pub id: ExecutorId,
    /// Its owner.
    pub owner: Option<Owner>,
    /// Its name.
    pub name: Option<ExecutorName>,
    /// Who may see it.
    pub visibility: Visibility,
    /// A sentence, from the newest usable commit.
    pub description: Option<String>,
    /// From the newest usable commit.
    pub keywords: Vec<String>,
    /// Its tags, the one moved last first; at most 20.
    pub tags: Vec<String>,
    /// When it was first pushed.
    pub created_at: DateTime<Utc>,
    /// When a commit of it last became usable.
    pub last_pushed_at: DateTime<Utc>,
}

struct Row {
    id: ExecutorId,
    owner_id: Option<UserId>,
    owner_login: Option<String>,
    name: Option<String>,
    visibility: Visibility,
    description: Option<String>,
    keywords: Option<Json<Vec<String>>>,
    tags: Option<Vec<String>>,
    created_at: DateTime<Utc>,
    last_pushed_at: DateTime<Utc>,
}

/// What a search asks for; what is `None` or empty does not count.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In the name, the owner's login or the description, whatever its case.
    pub text: Option<String>,
    /// The owner's login.
    pub author: Option<String>,
    /// Any of these.
    pub keywords: Vec<String>,
    /// Whether those without an owner count.
    pub with_ownerless: bool,
}

/// How many Executors a search looks at, the last pushed first: what it costs does not grow with the Hub.
const LOOKED_AT: i64 = 10_000;

/// The handles of Executors that fit and that `viewer` may see, the last pushed first, at most `limit` of them, among the
/// newest ten thousand.
pub async fn matching(
    connection: &mut Connection,
    viewer: &Viewer,
    wanted: &Wanted,
    limit: i64,
) -> Result<Vec<ExecutorId>, StoreError> {
    let mut query =
        QueryBuilder::new("WITH newest AS (SELECT executor_id, pushed_at FROM search_entries WHERE ");
    search_entries::push_viewer(&mut query, viewer);
    query.push(" ORDER BY pushed_at DESC, executor_id DESC LIMIT ").push_bind(LOOKED_AT);
    query.push(
        ") SELECT e.id FROM newest n JOIN executors e ON e.id = n.executor_id
         LEFT JOIN users u ON u.id = e.owner_id
         LEFT JOIN LATERAL (SELECT package FROM commits
                            WHERE executor_id = e.id AND usable_at IS NOT NULL AND deleted_at IS NULL
                            ORDER BY created_at DESC, id DESC LIMIT 1) c ON true
         WHERE true",
    );
    if let Some(text) = &wanted.text {
        query
            .push(" AND position(lower(")
            .push_bind(text)
            .push(") IN concat_ws(' ', e.name_key, u.login_key, lower(c.package ->> 'description'))) > 0");
    }
    if let Some(author) = &wanted.author {
        query.push(" AND u.login_key = lower(").push_bind(author).push(")");
    }
    if !wanted.keywords.is_empty() {
        query.push(" AND c.package -> 'keywords' ?| ").push_bind(&wanted.keywords);
    }
    if !wanted.with_ownerless {
        query.push(" AND e.owner_id IS NOT NULL");
    }
    query.push(" ORDER BY n.pushed_at DESC, n.executor_id DESC LIMIT ").push_bind(limit);
    Ok(query.build_query_scalar().persistent(false).fetch_all(connection).await?)
}

/// These Executors, in the order of their last push. Whether the caller may see them was decided when they were found.
pub async fn listed(connection: &mut Connection, ids: &[ExecutorId]) -> Result<Vec<Listed>, StoreError> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT e.id AS "id!: ExecutorId", e.owner_id AS "owner_id: UserId", u.login AS "owner_login?", e.name,
                  e.visibility AS "visibility!: Visibility", c.package ->> 'description' AS description,
                  c.package -> 'keywords' AS "keywords: Json<Vec<String>>",
                  ARRAY(SELECT t.name FROM tags t WHERE t.executor_id = e.id
                        ORDER BY t.moved_at DESC, t.name LIMIT 20) AS tags,
                  e.created_at AS "created_at!", e.last_pushed_at AS "last_pushed_at!"
           FROM executors e
           LEFT JOIN users u ON u.id = e.owner_id
           LEFT JOIN LATERAL (SELECT package FROM commits
                              WHERE executor_id = e.id AND usable_at IS NOT NULL AND deleted_at IS NULL
                              ORDER BY created_at DESC, id DESC LIMIT 1) c ON true
           WHERE e.id = ANY($1) AND e.last_pushed_at IS NOT NULL
           ORDER BY e.last_pushed_at DESC, e.id DESC"#,
        &ids
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Listed::try_from).collect()
}

impl TryFrom<Row> for Listed {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            owner: executors::owner(&row.id, row.owner_id, row.owner_login)?,
            name: executors::name(&row.id, row.name)?,
            id: row.id,
            visibility: row.visibility,
            description: row.description,
            keywords: row.keywords.map(|keywords| keywords.0).unwrap_or_default(),
            tags: row.tags.unwrap_or_default(),
            created_at: row.created_at,
            last_pushed_at: row.last_pushed_at,
        })
    }
}
