//! `artifact.updateMetaData`: puts other metadata in the place of an artifact's.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::Value;

use super::{form, object::object};
use crate::{
    app::App,
    error::Error,
    http::{
        caller,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
    hub::artifacts::Said,
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    caller.require_user()?;
    let reference = form::reference(&parameters)?;
    let meta_data = form::meta_data(&parameters)?;
    if meta_data.is_none() {
        let error = Error::invalid(
            "parameter_missing",
            "The parameter 'metaData' is missing.",
            "Send a JSON object.",
        );
        return Err(error.into());
    }
    let artifact =
        app.hub().update_artifact(&caller, &reference, &Said { meta_data, ..Said::default() }).await?;
    Ok(Json(wire::success(object(&artifact))))
}
