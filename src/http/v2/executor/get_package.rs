//! `executor.getPackage`: what a pull needs to know (PROTOCOL.md B): by GET query (jina 2.7–3.1) or POST JSON (3.2 on).

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method},
};
use serde_json::{Value, json};

use crate::{
    app::App,
    domain::Secret,
    error::Error,
    http::{
        caller, packages, pull,
        v2::{error::RpcError, parameters::Parameters, wire},
    },
    hub::pull::{Pull, Pulled},
};

pub(in crate::http::v2) async fn handle(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Json<Value>, RpcError> {
    let caller = app.auth().caller(&caller::credentials(&headers)).await?;
    let pull = read(&parameters)?;
    let pulled = app.hub().pull(&caller, &pull).await?;
    app.hub().count_pull(&pulled.executor.id);
    // jina 2.7 and 3.0 break on an empty list, 3.1 wants an image even for source: they all ask by GET.
    let must_name_image = method == Method::GET;
    Ok(Json(wire::success(&answer(&app, &pulled, must_name_image))))
}

fn read(parameters: &Parameters) -> Result<Pull, Error> {
    let id = parameters.required("id")?;
    let (reference, tag) = pull::reference(&id, parameters.text("tag").as_deref())?;
    Ok(Pull {
        reference,
        tag,
        secret: parameters.text("secret").map(Secret::new),
        platform: parameters.text("preferPlatform"),
    })
}

fn answer(app: &App, pulled: &Pulled, must_name_image: bool) -> Value {
    let mut object = wire::head(&pulled.executor.id, &pulled.executor, pulled.executor.visibility);
    let mut containers = pulled.images.clone();
    if containers.is_empty() && must_name_image {
        containers.push(pull::image(app.hub(), pulled));
    }
    // Names only: clients ask the puller for the values (PROTOCOL.md K).
    let build_env: serde_json::Map<String, Value> =
        pulled.commit.build_env_names.iter().map(|name| (name.clone(), json!(""))).collect();
    object["commit"] = json!({
        "id": pulled.commit.id.to_string(),
        "_id": pulled.commit.id.to_string(),
        "tags": pulled.tags,
        "commitParams": {"buildEnv": build_env},
        "createdAt": pulled.commit.created_at.to_rfc3339(),
    });
    object["sn"] = json!(pull::serial_number(&pulled.commit));
    object["package"] = json!({
        "download": packages::address(&app.settings().server.external_url, &pulled.package),
        "md5": pulled.commit.package_md5.to_string(),
        "sha256": pulled.commit.package_sha256.to_string(),
        "containers": containers,
    });
    object
}
