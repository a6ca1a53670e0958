//! The RPC of jina ≥ 2.7 and every SDK: method name → file, nothing else. Each method answers at `/v2/rpc/a.b` and at
//! `/v2/a/b`: real programs use both.

mod artifact;
mod docker_registry;
mod error;
mod executor;
mod parameters;
mod user;
mod wire;

use axum::{
    Json, Router,
    response::IntoResponse as _,
    routing::{MethodRouter, get, post},
};
use serde_json::json;

use crate::{
    app::App,
    error::{Error, ErrorKind},
};

pub(super) fn routes() -> Router<App> {
    let methods: Vec<(&str, MethodRouter<App>)> = vec![
        ("executor.create", post(executor::push::create)),
        ("executor.createAsync", post(executor::push::create_async)),
        ("executor.update", post(executor::push::update)),
        ("executor.updateAsync", post(executor::push::update_async)),
        ("executor.push", post(executor::push::push)),
        ("executor.getPackage", get(executor::get_package::handle).post(executor::get_package::handle)),
        ("executor.queryProgress", post(executor::query_progress::handle)),
        (
            "executor.listAsyncTasks",
            get(executor::list_async_tasks::handle).post(executor::list_async_tasks::handle),
        ),
        ("artifact.upload", post(artifact::upload::handle)),
        (
            "artifact.getDownloadUrl",
            get(artifact::get_download_url::handle).post(artifact::get_download_url::handle),
        ),
        ("artifact.getDetail", get(artifact::get_detail::handle).post(artifact::get_detail::handle)),
        ("artifact.list", get(artifact::list::handle).post(artifact::list::handle)),
        ("artifact.update", post(artifact::update::handle)),
        ("artifact.updateMetaData", post(artifact::update_meta_data::handle)),
        ("artifact.delete", post(artifact::delete::handle)),
        ("artifact.deleteMany", post(artifact::delete_many::handle)),
        ("user.identity.whoami", get(user::whoami::handle).post(user::whoami::handle)),
        ("user.identity.passwordLogin", post(user::password_login::handle)),
        ("user.identity.proxiedAuthorize", get(user::proxied_authorize::handle)),
        ("user.identity.authorize", get(user::authorize::handle)),
        ("user.identity.grant.auto", get(user::grant_auto::handle).post(user::grant_auto::handle)),
        // What SDK 0.4 calls it.
        ("user.identity.grant.auth0Unified", post(user::grant_auto::handle)),
        ("user.session.dismiss", post(user::session_dismiss::handle)),
        ("user.session.getRaw", post(user::session_get_raw::handle)),
        ("user.pat.create", post(user::pat_create::handle)),
        ("user.pat.list", get(user::pat_list::handle).post(user::pat_list::handle)),
        ("user.pat.delete", post(user::pat_delete::handle)),
        (
            "dockerRegistry.listInternalRegistries",
            get(docker_registry::list_internal_registries).post(docker_registry::list_internal_registries),
        ),
    ];
    let mut router = Router::new().route(
        "/v2/.well-known/jwks.json",
        // Tokens here are opaque, so there are no keys to check them with (PROTOCOL.md F).
        get(async || Json(json!({"keys": []}))),
    );
    for (name, method) in methods {
        router = router
            .route(&format!("/v2/rpc/{name}"), method.clone())
            .route(&format!("/v2/{}", name.replace('.', "/")), method);
    }
    router.route("/v2/rpc/{method}", axum::routing::any(unknown_method))
}

async fn unknown_method() -> axum::response::Response {
    let error = Error::new(
        ErrorKind::NotFound,
        "method_not_found",
        "This Hub has no such method.",
        "Check the method's name.",
    );
    error::RpcError::from(error).into_response()
}
