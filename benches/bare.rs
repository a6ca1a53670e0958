//! What does the least cost that can resolve a name? A bare axum handler with one query by primary key: what the Hub's own
//! answer is held against.
//!
//! ```text
//!   bench_bare DATA_DIR PORT EXECUTOR       POST / answers with a line of this Executor, from the Hub's own Postgres
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on should say where"
)]

use std::{path::Path, sync::Arc};

use axum::{Json, Router, extract::State, routing::post};
use executor_hub::postgres;
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};

/// As many as the Hub has.
const CONNECTIONS: u32 = 16;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data_dir, port, executor] = &arguments[..] else { panic!("see the head of this file") };
    let options = postgres::running_in(Path::new(data_dir)).expect("the Hub runs with its own Postgres");
    let pool = PgPoolOptions::new()
        .min_connections(CONNECTIONS)
        .max_connections(CONNECTIONS)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .unwrap();
    let state = Arc::new((pool, executor.clone()));
    let router = Router::new().route("/", post(answer).get(answer)).with_state(state);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}

async fn answer(State(state): State<Arc<(PgPool, String)>>) -> Json<Value> {
    let (pool, executor) = &*state;
    let (id, name, visibility): (String, Option<String>, String) =
        sqlx::query_as("SELECT id, name, visibility FROM executors WHERE id = $1")
            .bind(executor)
            .fetch_one(pool)
            .await
            .unwrap();
    Json(json!({"id": id, "name": name, "visibility": visibility}))
}
