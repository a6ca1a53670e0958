//! `executor.getMeta`: whether an Executor is there, how it is called and whose it is. Deployment programs ask it after a
//! push and read `data.name` and `meta.owner.name`, or the HTTP status alone (PROTOCOL.md I).

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::Secret,
    http::{
        caller, pull,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
    hub::pull::Pull,
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    let (reference, tag) = pull::reference(&parameters.required("id")?, parameters.text("tag").as_deref())?;
    let secret = parameters.text("secret").map(Secret::new);
    let pulled = app.hub().pull(&caller, &Pull { reference, tag, secret, platform: None }).await?;
    let executor = &pulled.executor;
    let mut object = wire::head(&executor.id, executor, executor.visibility);
    object["commit"] = json!({"id": pulled.commit.id.to_string(), "tags": pulled.tags});
    object["createdAt"] = json!(executor.created_at.to_rfc3339());
    object["updatedAt"] = json!(executor.last_pushed_at.map(|time| time.to_rfc3339()));
    let owner = object.get("owner").cloned();
    let mut answer = wire::success(object);
    if let Some(owner) = owner {
        answer["meta"] = json!({"owner": owner});
    }
    Ok(Json(answer))
}
