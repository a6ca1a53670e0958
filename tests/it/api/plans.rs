//! Does what people ask most stay cheap as the Hub grows? Asserted of the database's plans on a seeded Hub, not of time.

use chrono::Utc;
use executor_hub::{
    domain::{ExecutorRef, query::Query},
    store::{
        Connection, executors, pulls,
        search_entries::{self, Entry, Fits, Narrowed, Order, Viewer, Wanted},
        seed::{self, Size},
    },
};
use serde_json::Value;
use sqlx::PgPool;

use crate::support::database::database;

const SIZE: Size = Size { executors: 20_000, tags: 2 };

/// Seeded once for all claims: that takes most of the time.
#[tokio::test]
async fn every_frequent_question_is_answered_by_an_index() {
    let database = database().await;
    let pool = database.pool().await;
    let mut connection = pool.acquire().await.unwrap();
    let now = clock();
    seed::people(&mut connection, SIZE, now).await.unwrap();
    seed::executors(&mut connection, SIZE, (1, SIZE.executors), now).await.unwrap();
    seed::analyze(&mut connection).await.unwrap();
    lists(&mut connection).await;
    searches(&mut connection).await;
    names(&pool).await;
}

#[expect(clippy::disallowed_methods, reason = "the seeded pushes are from the years before this test")]
fn clock() -> chrono::DateTime<Utc> {
    Utc::now()
}

async fn lists(connection: &mut Connection) {
    for (order, index) in [
        (Order::Recent, "search_entries_recent"),
        (Order::Trending, "search_entries_trending"),
        (Order::Name, "search_entries_name"),
    ] {
        let first = read(connection, &Fits::Anything, order, None).await;
        assert_eq!(first.indexes, [index], "{order:?}");
        // A place in the middle of the list, found by its own order.
        let middle: Vec<Entry> = {
            let viewer = Viewer::default();
            let wanted = Wanted {
                viewer: &viewer,
                narrowed: &Narrowed::default(),
                fits: &Fits::Anything,
                order,
                after: None,
                limit: 5_000,
            };
            search_entries::page(connection, &wanted).await.unwrap()
        };
        let deep = read(connection, &Fits::Anything, order, middle.last()).await;
        assert_eq!(deep.indexes, [index], "{order:?}, deep");
        assert!(deep.cost < first.cost * 3.0 + 10.0, "{order:?}: {} after {}", deep.cost, first.cost);
    }
}

async fn searches(connection: &mut Connection) {
    let words = |text: &str| Query::read(text).unwrap().words().to_vec();
    let body = |text: &str| Fits::Body(words(text), text.to_owned());
    let head = |text: &str| Fits::Head(words(text), text.to_owned());
    for (what, fits, index) in [
        ("a name", Fits::Name("textknn101".into()), "search_entries_name"),
        ("a rare beginning", Fits::Prefix("textknn10".into()), "search_entries_name"),
        ("a rare word of names", head("textknn101"), "search_entries_head"),
        ("a rare word", body("zebra"), "search_entries_body"),
        ("two rare words", body("hnsw postgres"), "search_entries_body"),
        ("a common word", body("data"), "search_entries_best"),
    ] {
        let read = read(connection, &fits, Order::Best, None).await;
        assert_eq!(read.indexes, [index], "{what}: {}", read.plan);
    }
    // All results of a search are in the order of their merit, however they were found.
    for text in ["data", "hnsw postgres"] {
        let viewer = Viewer::default();
        let fits = body(text);
        let wanted = Wanted {
            viewer: &viewer,
            narrowed: &Narrowed::default(),
            fits: &fits,
            order: Order::Best,
            after: None,
            limit: 20,
        };
        let found: Vec<String> = search_entries::page(connection, &wanted)
            .await
            .unwrap()
            .iter()
            .map(|entry| entry.id.to_string())
            .collect();
        let true_best: Vec<String> = sqlx::query_scalar(
            "SELECT executor_id FROM (SELECT * FROM search_entries OFFSET 0) s
             WHERE is_public AND body @@ plainto_tsquery('english', $1) AND NOT head @@ plainto_tsquery('english', $1)
             ORDER BY popularity DESC, pushed_at DESC, executor_id DESC LIMIT 20",
        )
        .bind(text)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
        assert!(!true_best.is_empty() || text != "data");
        assert_eq!(found, true_best, "{text}");
    }
}

/// Resolving a name: whatever statements the store used are found among the connection's prepared ones.
async fn names(pool: &PgPool) {
    for reference in ["seed-1/ImageEncoder11", "TextKnn101", "s0000101"] {
        let mut connection = pool.acquire().await.unwrap().detach();
        let reference: ExecutorRef = reference.parse().unwrap();
        pulls::find(&mut connection, &reference, None, None).await.unwrap();
        executors::find(&mut connection, &reference, None).await.unwrap();
        let statements: Vec<(String, i32)> = sqlx::query_as(
            "SELECT name, cardinality(parameter_types) FROM pg_prepared_statements WHERE statement LIKE '%executors%'",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        assert!(statements.len() >= 2);
        for (name, parameters) in statements {
            let id = reference.id().map_or("NULL".to_owned(), |id| format!("'{id}'"));
            let text = reference.to_string().to_lowercase();
            let (owner, key) = text
                .split_once('/')
                .map_or(("NULL".to_owned(), text.as_str()), |(owner, key)| (format!("'{owner}'"), key));
            let arguments = match (parameters, owner.as_str()) {
                (5, _) => format!("{id}, NULL, {owner}, '{key}', NULL"),
                (3, "NULL") => format!("{id}, NULL, '{key}'"),
                (3, _) => format!("{owner}, '{key}', {id}"),
                _ => continue,
            };
            let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name}({arguments})");
            let plan: sqlx::types::Json<Value> =
                sqlx::query_scalar(sqlx::AssertSqlSafe(explain)).fetch_one(&mut connection).await.unwrap();
            let (_, scans) = nodes(&plan.0);
            assert_eq!(scans, [""; 0], "{reference}: {}", plan.0);
        }
    }
}

struct Read {
    indexes: Vec<String>,
    cost: f64,
    plan: Value,
}

async fn read(connection: &mut Connection, fits: &Fits, order: Order, after: Option<&Entry>) -> Read {
    let (viewer, narrowed) = (Viewer::default(), Narrowed::default());
    let wanted = Wanted { viewer: &viewer, narrowed: &narrowed, fits, order, after, limit: 21 };
    let plan = search_entries::plan(connection, &wanted).await.unwrap();
    let (indexes, scans) = nodes(&plan);
    assert_eq!(scans, [""; 0], "{fits:?} {order:?}: {plan}");
    Read { indexes, cost: plan[0]["Plan"]["Total Cost"].as_f64().unwrap(), plan }
}

/// Indexes that a plan reads, and tables that it reads from end to end.
fn nodes(plan: &Value) -> (Vec<String>, Vec<String>) {
    let (mut indexes, mut scans) = (Vec::new(), Vec::new());
    let mut left = vec![plan[0]["Plan"].clone()];
    while let Some(node) = left.pop() {
        if let Some(index) = node["Index Name"].as_str() {
            indexes.push(index.to_owned());
        }
        if node["Node Type"] == "Seq Scan" {
            scans.push(node["Relation Name"].as_str().unwrap_or_default().to_owned());
        }
        left.extend(node["Plans"].as_array().cloned().unwrap_or_default());
    }
    (indexes, scans)
}
