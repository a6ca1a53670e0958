//! Lists of one person's artifacts by whatever fields they ask for: the statement is put together from texts of this file
//! alone, and everything that a client said is a parameter of it.

use serde_json::Value;
use sqlx::{Postgres, QueryBuilder, types::Json};

use super::{Connection, StoreError, artifacts::ArtifactRow};
use crate::domain::{
    ArtifactId, UserId,
    artifact::Artifact,
    artifact_query::{ArtifactQuery, Condition, Direction, Field},
};

/// One page of this person's artifacts that meet all conditions.
pub async fn list(
    connection: &mut Connection,
    owner: UserId,
    query: &ArtifactQuery,
) -> Result<Vec<Artifact>, StoreError> {
    let mut sql = QueryBuilder::new(
        "SELECT a.id, a.owner_id, u.login, a.name, a.visibility, a.type AS kind, a.meta_data, a.sha256, a.size,
                a.created_at, a.updated_at
         FROM artifacts a JOIN users u ON u.id = a.owner_id WHERE a.owner_id = ",
    );
    sql.push_bind(owner);
    push_conditions(&mut sql, &query.conditions);
    sql.push(" ORDER BY ");
    for order in &query.order {
        push_column(&mut sql, &order.field);
        sql.push(match order.direction {
            Direction::Ascending => " ASC NULLS FIRST, ",
            Direction::Descending => " DESC NULLS LAST, ",
        });
    }
    // Without an order this one is the index's; with one, it keeps equals from changing places between pages.
    sql.push("a.created_at DESC, a.id DESC LIMIT ").push_bind(query.page.limit());
    sql.push(" OFFSET ").push_bind(query.page.offset());
    let rows: Vec<ArtifactRow> = sql.build_query_as().fetch_all(connection).await?;
    rows.into_iter().map(Artifact::try_from).collect()
}

/// How many of this person's artifacts meet all conditions.
pub async fn count(
    connection: &mut Connection,
    owner: UserId,
    conditions: &[Condition],
) -> Result<u64, StoreError> {
    let mut sql = QueryBuilder::new("SELECT count(*) FROM artifacts a WHERE a.owner_id = ");
    sql.push_bind(owner);
    push_conditions(&mut sql, conditions);
    let count: i64 = sql.build_query_scalar().fetch_one(connection).await?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn push_conditions(sql: &mut QueryBuilder<Postgres>, conditions: &[Condition]) {
    for Condition { field, value } in conditions {
        sql.push(" AND ");
        if *field == Field::Id {
            // What is no id is nobody's.
            let id: Option<ArtifactId> = value.as_str().and_then(|text| text.parse().ok());
            sql.push("a.id = ").push_bind(id);
            continue;
        }
        sql.push("COALESCE(to_jsonb(");
        push_column(sql, field);
        // `@>` between a list and a plain value asks whether the list has it; between plain values, whether they are equal.
        let is_plain = !matches!(value, Value::Array(_) | Value::Object(_));
        sql.push(if is_plain { "), 'null') @> " } else { "), 'null') = " });
        sql.push_bind(Json(value.clone()));
    }
}

fn push_column(sql: &mut QueryBuilder<Postgres>, field: &Field) {
    match field {
        Field::Id => sql.push("a.id"),
        Field::Name => sql.push("a.name"),
        Field::Kind => sql.push("a.type"),
        Field::Visibility => sql.push("a.visibility"),
        Field::Size => sql.push("a.size"),
        Field::CreatedAt => sql.push("a.created_at"),
        Field::UpdatedAt => sql.push("a.updated_at"),
        Field::MetaData(path) => sql.push("a.meta_data #> ").push_bind(path.clone()),
    };
}
