//! `executor.list`: what the public Hub's portal and programs of others called to list and search (PROTOCOL.md I), by POST
//! and by GET. Whatever order is asked for, the last pushed come first; pages are numbered from 1.

use axum::{Json, extract::State, http::HeaderMap};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::page::PageSize,
    http::{
        caller,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
    hub::catalog::{Listed, Wanted},
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    let keywords = parameters.comma_list("keywords");
    let wanted = Wanted {
        text: parameters.text("search"),
        author: parameters.text("author"),
        keywords: keywords.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        with_ownerless: parameters.flag("withAnonymous"),
    };
    let size = PageSize::nearest(parameters.number("pageSize"));
    let number = parameters.number("pageIndex").unwrap_or(1).saturating_sub(1);
    let number = usize::try_from(number).unwrap_or(0);
    let found = app.hub().search(&caller, &wanted, number, size).await?;
    let mut answer = wire::success(Value::Array(found.items.iter().map(object).collect()));
    answer["meta"] = json!({"total": found.total});
    Ok(Json(answer))
}

fn object(listed: &Listed) -> Value {
    let mut object = json!({
        "id": listed.id.as_str(),
        "_id": listed.id.as_str(),
        "visibility": listed.visibility.as_str(),
        "description": listed.description,
        "keywords": listed.keywords,
        "commit": {"tags": listed.tags},
        "createdAt": listed.created_at.to_rfc3339(),
        "updatedAt": listed.last_pushed_at.to_rfc3339(),
    });
    if let Some(name) = &listed.name {
        object["name"] = json!(name.as_str());
    }
    if let Some(owner) = &listed.owner {
        object["owner"] = wire::owner_object(owner);
    }
    object
}
