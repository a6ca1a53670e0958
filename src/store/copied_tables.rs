//! Which tables belong to a backup, and how do their rows leave and come back? Every table of the schema is in one of two
//! lists, so that a new one is decided upon (a test compares them with the schema); nothing else is ever restored.

use futures_util::{Stream, StreamExt as _, stream::BoxStream};

use super::{Connection, StoreError};

/// A table whose rows are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// Which of its rows; all of them without a condition.
    only: Option<&'static str>,
}

const fn all_of(name: &'static str) -> CopiedTable {
    CopiedTable { name, only: None }
}

/// What a backup holds, in an order in which every row finds the rows that it refers to.
pub const COPIED: &[CopiedTable] = &[
    all_of("users"),
    all_of("teams"),
    all_of("team_members"),
    all_of("tokens"),
    all_of("invitations"),
    all_of("executors"),
    all_of("retired_executor_ids"),
    // Bytes that no commit needs are not copied, and so are not spoken of.
    CopiedTable {
        name: "package_bytes",
        only: Some("EXISTS (SELECT FROM commits WHERE package_sha256 = package_bytes.sha256)"),
    },
    all_of("commits"),
    CopiedTable {
        name: "image_bytes",
        only: Some("EXISTS (SELECT FROM image_blobs WHERE image_blobs.sha256 = image_bytes.sha256)"),
    },
    CopiedTable {
        name: "image_layers",
        only: Some("EXISTS (SELECT FROM image_blobs WHERE image_blobs.sha256 = image_layers.sha256)"),
    },
    all_of("image_blobs"),
    all_of("image_manifests"),
    all_of("image_manifest_blobs"),
    all_of("image_manifest_children"),
    all_of("commit_images"),
    all_of("image_tags"),
    all_of("tags"),
    all_of("tag_history"),
    all_of("executor_grants"),
    all_of("executor_pulls"),
    all_of("tasks"),
    all_of("task_events"),
    all_of("task_logs"),
    all_of("images"),
    CopiedTable {
        name: "artifact_bytes",
        only: Some("EXISTS (SELECT FROM artifacts WHERE artifacts.sha256 = artifact_bytes.sha256)"),
    },
    all_of("artifacts"),
    all_of("artifact_usage"),
    all_of("audit_entries"),
    all_of("queue_pause"),
];

/// What a backup leaves out, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[
    ("_sqlx_migrations", "written by the migrations that make the schema again"),
    ("search_entries", "made again from the Executors"),
    ("search_words", "made again from the Executors"),
    ("tag_rules", "written at each start, from the settings"),
    ("workers", "says who is alive now"),
    ("package_uploads", "says what is on its way now"),
    ("artifact_uploads", "says what is on its way now"),
    ("image_uploads", "says what is on its way now"),
    ("image_arrivals", "says what is on its way now"),
    ("processes", "says who is alive now"),
    ("task_log_leftovers", "names bytes that are to go and are not copied"),
    ("sign_in_attempts", "forgotten within minutes"),
    ("device_sign_ins", "sign-ins under way, over within minutes"),
    ("setup_code", "good for an hour"),
    ("push_rates", "forgotten within hours"),
    ("collections", "says when this Hub last collected"),
    ("backups", "says what was copied of this Hub"),
];

/// The table of that name, if a backup may hold it.
pub fn find(name: &str) -> Option<&'static CopiedTable> {
    COPIED.iter().find(|table| table.name == name)
}

/// Names of the columns whose values are copied, in their order: those that the database does not make itself. Empty when
/// there is no such table.
pub async fn columns(connection: &mut Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let columns = sqlx::query_scalar!(
        r#"SELECT attname::text AS "name!" FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
           WHERE c.relname = $1 AND c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
             AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"#,
        table
    )
    .fetch_all(connection)
    .await?;
    Ok(columns)
}

/// The rows of a table as lines of PostgreSQL's text format, one each, as they are found. Streamed: read it to its end, or
/// close the connection.
pub async fn rows<'c>(
    connection: &'c mut Connection,
    table: &CopiedTable,
    columns: &[String],
) -> Result<BoxStream<'c, Result<bytes::Bytes, StoreError>>, StoreError> {
    let condition = table.only.map(|only| format!(" WHERE {only}")).unwrap_or_default();
    let statement = format!("COPY (SELECT {} FROM {}{condition}) TO STDOUT", quoted(columns), table.name);
    let rows = connection.copy_out_raw(&statement).await?;
    Ok(rows.map(|row| row.map_err(StoreError::from)).boxed())
}

/// Adds rows in that format; returns how many. A row that breaks a rule of the schema is an error, and so is one with other
/// columns.
pub async fn load<E: From<StoreError>>(
    connection: &mut Connection,
    table: &CopiedTable,
    columns: &[String],
    mut lines: impl Stream<Item = Result<bytes::Bytes, E>> + Unpin,
) -> Result<u64, E> {
    let statement = format!("COPY {} ({}) FROM STDIN", table.name, quoted(columns));
    let store = |error: sqlx::Error| E::from(StoreError::from(error));
    let mut copy = connection.copy_in_raw(&statement).await.map_err(store)?;
    while let Some(piece) = lines.next().await {
        match piece {
            Ok(piece) => {
                copy.send(piece).await.map_err(store)?;
            }
            Err(error) => {
                copy.abort("the backup cannot be read").await.map_err(store)?;
                return Err(error);
            }
        }
    }
    copy.finish().await.map_err(store)
}

/// Whether any table that a backup holds has a row.
pub async fn any_row(connection: &mut Connection) -> Result<bool, StoreError> {
    for table in COPIED {
        if columns(connection, table.name).await?.is_empty() {
            continue;
        }
        let statement = format!("SELECT EXISTS (SELECT FROM {})", table.name);
        let found: bool =
            sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(&mut *connection).await?;
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Lets the triggers of a table rest while its rows come back as they were, or work again. Constraints go on working.
pub async fn let_triggers_rest(
    connection: &mut Connection,
    table: &CopiedTable,
    rest: bool,
) -> Result<(), StoreError> {
    let verb = if rest { "DISABLE" } else { "ENABLE" };
    let statement = format!("ALTER TABLE {} {verb} TRIGGER USER", table.name);
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

/// What was true of the copied Hub and cannot be of this one is put right: builds that ran are handed back to the queue,
/// numbers go on after the largest, and what is made from other tables is made.
pub async fn settle(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE tasks SET state = 'pending', lease_owner = NULL, lease_until = NULL, hand_backs = hand_backs + 1
         WHERE state = 'running'"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"SELECT setval(pg_get_serial_sequence('tag_history', 'number'), max(number)) AS "a",
                  (SELECT setval(pg_get_serial_sequence('audit_entries', 'number'), max(number)) FROM audit_entries) AS "b"
           FROM tag_history"#
    )
    .fetch_one(&mut *connection)
    .await?;
    Ok(())
}

fn quoted(columns: &[String]) -> String {
    // Names of our own columns, as the schema spells them.
    columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
}
