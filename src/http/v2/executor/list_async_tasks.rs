//! `executor.listAsyncTasks`: the newest builds of an Executor, which is how `jina hub status FOLDER` finds the one to
//! follow (PROTOCOL.md D).

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::{ExecutorRef, task::Task},
    error::{Error, ErrorKind},
    http::{
        caller,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    caller.require_user()?;
    let id = parameters.required("id")?;
    let limit = parameters.number("pageSize").unwrap_or(20);
    let tasks = match id.parse::<ExecutorRef>() {
        Ok(reference) => match app.hub().tasks_of(&caller, &reference, limit).await {
            Ok(tasks) => tasks,
            // The client says "No build task found" to an empty list, which is what the author needs to read.
            Err(error) if error.kind == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        },
        Err(reason) => {
            let cause = format!("The parameter 'id' names no Executor: {reason}.");
            return Err(Error::invalid("executor_reference", cause, "Use its name or its id.").into());
        }
    };
    Ok(Json(wire::success(Value::Array(tasks.iter().map(object).collect()))))
}

fn object(task: &Task) -> Value {
    json!({
        "_id": task.id.to_string(),
        "topic": "executor:buildAndCreateNewCommit",
        "status": task.state.as_str(),
        "data": {"executor": task.executor.as_str()},
        "createdAt": task.created_at.to_rfc3339(),
        "updatedAt": task.finished_at.unwrap_or(task.created_at).to_rfc3339(),
    })
}
