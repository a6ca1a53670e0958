//! `GET /v1/executors/NAME/`: what a pull of jina 2.0 to 2.6 needs to know. A bare object, and a text when there is none.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::HeaderMap,
};
use serde_json::{Value, json};

use super::{error::TextError, wire};
use crate::{
    app::App,
    domain::Secret,
    http::{caller, packages, pull, refused},
    hub::pull::{Pull, Pulled},
};

pub(super) async fn handle(
    State(app): State<App>,
    name: Result<Path<String>, PathRejection>,
    query: Result<Query<HashMap<String, String>>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Json<Value>, TextError> {
    let Path(name) = name.map_err(refused::path)?;
    let Query(query) = query.map_err(refused::query)?;
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    let text = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let (reference, tag) = pull::reference(&name, text("tag"))?;
    let asked = Pull { reference, tag, secret: text("secret").map(Secret::new), platform: None };
    let pulled = app.hub().pull(&caller, &asked).await?;
    app.hub().count_pull(&pulled.executor.id);
    Ok(Json(answer(&app, &pulled)))
}

fn answer(app: &App, pulled: &Pulled) -> Value {
    let mut object = wire::head(&pulled.executor);
    object["tag"] = json!(pulled.tags.first());
    object["sn"] = json!(pull::serial_number(&pulled.commit));
    // Read even where only the source is wanted.
    object["image"] = json!(pull::image(pulled));
    object["package"] = json!({
        "download": packages::address(&app.settings().server.external_url, &pulled.package),
        "md5": pulled.commit.package_md5.to_string(),
    });
    object
}
