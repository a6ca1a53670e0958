//! `artifact.deleteMany`: deletes artifacts by ids and names. What is not there is passed over, so that trying again ends
//! well.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use super::form;
use crate::{
    app::App,
    domain::artifact::ArtifactRef,
    error::Error,
    http::{
        caller,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
};

/// What one call may delete.
const MAX_ARTIFACTS: usize = 1000;

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    caller.require_user()?;
    let deleted = app.hub().delete_artifacts(&caller, &references(&parameters)?).await?;
    Ok(Json(wire::success(json!({"deleted": deleted}))))
}

fn references(parameters: &Parameters) -> Result<Vec<ArtifactRef>, Error> {
    let (ids, names) = (parameters.texts("ids"), parameters.texts("names"));
    let wanted = ids.len() + names.len();
    if wanted == 0 || wanted > MAX_ARTIFACTS {
        return Err(Error::invalid(
            "artifacts",
            format!("The call names {wanted} artifacts; it may be 1 to {MAX_ARTIFACTS}."),
            "Send some of them as 'ids' or 'names'.",
        ));
    }
    let by_id = ids.iter().filter_map(|id| form::by_id(id));
    Ok(by_id.chain(names.iter().filter_map(|name| ArtifactRef::of_name(name))).collect())
}
