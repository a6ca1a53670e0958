//! `artifact.list`: the caller's own artifacts, filtered and sorted by fields, a page at a time. Takes JSON, a form with
//! JSON in its fields (SDK < 0.13.1) or nothing.

use axum::{
    Json,
    body::{Body, Bytes},
    extract::{FromRequest as _, Request, State},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{object::object, sort::Sort};
use crate::{
    app::App,
    domain::artifact_query::{ArtifactQuery, Condition, InvalidQuery, NumberedPage, Order},
    error::Error,
    http::{
        caller,
        v2::{
            error::RpcError,
            parameters::{Parameters, small_body},
            wire,
        },
    },
};

/// What a list may ask for at most.
const BODY_BYTES: usize = 256 << 10;

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Value>, RpcError> {
    let (parts, body) = request.into_parts();
    let caller = app.auth().caller(&caller::credentials(&parts.headers)).await?;
    caller.require_user()?;
    let body = small_body(body, BODY_BYTES).await?;
    let request = Request::from_parts(parts, Body::from(body.clone()));
    let parameters = Parameters::from_request(request, &()).await?;
    let listed = app.hub().artifacts(&caller, &query(&parameters, &body)?).await?;
    let mut answer = wire::success(listed.items.iter().map(object).collect());
    let limits = &app.hub().rules().artifacts;
    answer["meta"] = json!({
        "total": listed.total,
        "usage": {
            "artifacts": listed.usage.artifacts,
            "bytes": listed.usage.bytes,
            "maxArtifacts": limits.person_artifacts,
            "maxBytes": limits.person_bytes,
        },
    });
    Ok(Json(answer))
}

fn query(parameters: &Parameters, body: &Bytes) -> Result<ArtifactQuery, Error> {
    let conditions = Condition::parse_all(filter(parameters)?).map_err(|why| bad("filter", &why))?;
    let order = Order::parse_all(&sort(parameters, body)?.0).map_err(|why| bad("sort", &why))?;
    let page = NumberedPage::nearest(parameters.number("pageIndex"), parameters.number("pageSize"));
    Ok(ArtifactQuery { conditions, order, page })
}

fn filter(parameters: &Parameters) -> Result<Map<String, Value>, Error> {
    let text = parameters.json_text("filter");
    if text.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(&text).map_err(|_| {
        Error::invalid(
            "filter",
            "The filter is no JSON object.",
            "Send {\"field\": value}, such as {\"metaData.project\": \"x\"}.",
        )
    })
}

/// The steps of a JSON body are read from the body itself, because parsed objects forget their order.
fn sort(parameters: &Parameters, body: &Bytes) -> Result<Sort, Error> {
    #[derive(Deserialize)]
    struct Sorted {
        sort: Option<Sort>,
    }
    let text = parameters.json_text("sort");
    let sort = if text.is_empty() {
        Ok(Sort::default())
    } else {
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(object)) if object.contains_key("sort") => {
                serde_json::from_slice::<Sorted>(body).map(|sorted| sorted.sort.unwrap_or_default())
            }
            _ => serde_json::from_str(&text),
        }
    };
    sort.map_err(|_| {
        Error::invalid(
            "sort",
            "The order is no JSON object of fields and 1 or -1.",
            "Send {\"createdAt\": -1}.",
        )
    })
}

fn bad(what: &'static str, why: &InvalidQuery) -> Error {
    Error::invalid(
        what,
        format!("This {what} cannot be used: {why}."),
        "Use _id, name, type, visibility, size, metaData or metaData.<path>; createdAt and updatedAt sort only.",
    )
}
