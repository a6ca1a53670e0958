//! What a pull needs, in one statement: an Executor, the commit that a tag means, and its images.

use chrono::{DateTime, Utc};

use super::{Connection, StoreError, commits, executors};
use crate::domain::{
    CommitId, ExecutorId, ExecutorRef, Tag, UserId, Visibility, commit::Commit, executor::Executor,
};

/// An Executor and the commit that was asked for.
#[derive(Debug, Clone)]
pub struct Found {
    /// The Executor; whether the caller may know of it is for `auth::policy` to decide.
    pub executor: Executor,
    /// The commit of the tag; `None` when the Executor has no such tag.
    pub tagged: Option<Tagged>,
}

/// A commit, the tag by which it was found, and its images.
#[derive(Debug, Clone)]
pub struct Tagged {
    /// The tag that led here.
    pub tag: String,
    /// All tags of this commit, that one first.
    pub tags: Vec<String>,
    /// The commit.
    pub commit: Commit,
    /// Its images, by platform.
    pub images: Vec<BuiltFor>,
}

/// The image of a commit for a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltFor {
    /// Such as `linux/amd64`.
    pub platform: String,
    /// What its engine called it.
    pub name: String,
    /// Whether the registry has it. Without, it is only in the engine that built it, before images were kept here.
    pub is_in_registry: bool,
}

struct Row {
    id: ExecutorId,
    owner_id: Option<UserId>,
    owner_login: Option<String>,
    name: Option<String>,
    visibility: Visibility,
    secret_hash: Option<String>,
    created_at: DateTime<Utc>,
    last_pushed_at: Option<DateTime<Utc>>,
    tag: Option<String>,
    commit_id: Option<CommitId>,
    package_sha256: Option<Vec<u8>>,
    package_md5: Option<Vec<u8>>,
    package_size: Option<i64>,
    build_env_names: Option<Vec<String>>,
    committed_at: Option<DateTime<Utc>>,
    tags: Option<Vec<String>>,
    platforms: Option<Vec<String>>,
    images: Option<Vec<String>>,
    kept: Option<Vec<bool>>,
}

/// Finds an Executor as `executors::find` does, and the commit of `tag`; without a tag, of `latest`, or else of the
/// tag that was pushed last.
pub async fn find(
    connection: &mut Connection,
    reference: &ExecutorRef,
    caller: Option<UserId>,
    tag: Option<&Tag>,
) -> Result<Option<Found>, StoreError> {
    let (owner_key, name_key) = match reference {
        ExecutorRef::Owned { owner, name } => (Some(owner.key()), name.key()),
        ExecutorRef::Bare(name) => (None, name.key()),
    };
    // The candidates come from three or two index look-ups; at most three rows are ranked.
    let row = sqlx::query_as!(
        Row,
        r#"WITH candidates AS (
               SELECT id, 1 AS rank FROM executors WHERE $3::text IS NULL AND id = $1
               UNION ALL
               SELECT id, 2 FROM executors WHERE $3::text IS NULL AND owner_id = $2 AND name_key = $4
                   AND discarded_at IS NULL
               UNION ALL
               SELECT id, 3 FROM executors WHERE $3::text IS NULL AND holds_bare_name AND name_key = $4
               UNION ALL
               SELECT e.id, CASE WHEN e.name_key = $4 THEN 1 ELSE 2 END FROM users u
                   JOIN executors e ON e.owner_id = u.id AND (e.name_key = $4 OR e.id = $1)
               WHERE u.login_key = $3 AND e.discarded_at IS NULL
           ), found AS (
               SELECT e.* FROM candidates c JOIN executors e ON e.id = c.id AND e.discarded_at IS NULL
               ORDER BY c.rank LIMIT 1
           )
           SELECT e.id AS "id!: ExecutorId", e.owner_id AS "owner_id: UserId", u.login AS "owner_login?", e.name,
                  e.visibility AS "visibility!: Visibility", e.secret_hash, e.created_at AS "created_at!",
                  e.last_pushed_at, t.name AS "tag?", c.id AS "commit_id?: CommitId", c.package_sha256 AS "package_sha256?",
                  c.package_md5 AS "package_md5?", c.package_size AS "package_size?",
                  c.build_env_names AS "build_env_names?", c.created_at AS "committed_at?",
                  ARRAY(SELECT other.name FROM tags other WHERE other.commit_id = c.id
                        ORDER BY (other.name = t.name) DESC, other.name) AS tags,
                  ARRAY(SELECT platform FROM images WHERE commit_id = c.id ORDER BY platform) AS platforms,
                  ARRAY(SELECT name FROM images WHERE commit_id = c.id ORDER BY platform) AS images,
                  ARRAY(SELECT manifest IS NOT NULL FROM images WHERE commit_id = c.id ORDER BY platform) AS kept
           FROM found e
           LEFT JOIN users u ON u.id = e.owner_id
           LEFT JOIN tags t ON t.executor_id = e.id AND t.name = COALESCE($5,
               (SELECT name FROM tags WHERE executor_id = e.id AND name = 'latest'),
               (SELECT name FROM tags WHERE executor_id = e.id ORDER BY moved_at DESC, name LIMIT 1))
           LEFT JOIN commits c ON c.id = t.commit_id"#,
        reference.id() as Option<ExecutorId>,
        caller as Option<UserId>,
        owner_key,
        name_key,
        tag.map(Tag::as_str)
    )
    .fetch_optional(connection)
    .await?;
    row.map(Found::try_from).transpose()
}

impl TryFrom<Row> for Found {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let executor = Executor {
            owner: executors::owner(&row.id, row.owner_id, row.owner_login)?,
            name: executors::name(&row.id, row.name)?,
            id: row.id.clone(),
            visibility: row.visibility,
            secret_hash: row.secret_hash,
            created_at: row.created_at,
            last_pushed_at: row.last_pushed_at,
        };
        let tagged = match (row.tag, row.commit_id, row.committed_at) {
            (Some(tag), Some(commit), Some(committed_at)) => Some(Tagged {
                tag,
                tags: row.tags.unwrap_or_default(),
                commit: Commit {
                    id: commit,
                    executor: row.id,
                    package_sha256: commits::sha256(&row.package_sha256.unwrap_or_default(), commit)?,
                    package_md5: commits::md5(&row.package_md5.unwrap_or_default(), commit)?,
                    package_size: u64::try_from(row.package_size.unwrap_or_default()).unwrap_or(0),
                    build_env_names: row.build_env_names.unwrap_or_default(),
                    created_at: committed_at,
                },
                images: images(row.platforms, row.images, row.kept),
            }),
            _ => None,
        };
        Ok(Self { executor, tagged })
    }
}

fn images(
    platforms: Option<Vec<String>>,
    names: Option<Vec<String>>,
    kept: Option<Vec<bool>>,
) -> Vec<BuiltFor> {
    let pairs = platforms.into_iter().flatten().zip(names.into_iter().flatten());
    let all = pairs.zip(kept.into_iter().flatten());
    all.map(|((platform, name), is_in_registry)| BuiltFor { platform, name, is_in_registry }).collect()
}
