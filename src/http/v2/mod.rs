//! The RPC of jina ≥ 2.7 and every SDK: method name → file, nothing else. Each method answers at `/v2/rpc/a.b` and at
//! `/v2/a/b`: real programs use both.

mod artifact;
mod docker_registry;
mod error;
mod executor;
mod parameters;
mod sandbox;
mod user;
mod wire;

use std::sync::Arc;

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde_json::json;

use self::executor::repeated::Repeated;
use super::{
    refused,
    routes::{Needs, Routes, Verb},
};
use crate::{
    auth::policy::{Action, ArtifactAction},
    error::Error,
};

pub(super) fn routes() -> Routes {
    use Verb::{Get, Post};
    const BOTH: &[Verb] = &[Get, Post];
    let (read, tasks) = (Needs::Executor(Action::Read), Needs::Executor(Action::ReadTasks));
    let push = Needs::Executor(Action::Push);
    let (read_artifact, write_artifact) =
        (Needs::Artifact(ArtifactAction::Read), Needs::Artifact(ArtifactAction::Write));
    let repeated = Arc::new(Repeated::default());
    let get_package = async move |app, method, headers, parameters| {
        executor::get_package::handle(&repeated, app, method, headers, parameters).await
    };
    let methods = Methods(Routes::new().get(
        "/v2/.well-known/jwks.json",
        Needs::Nothing,
        // Tokens here are opaque, so there are no keys to check them with (PROTOCOL.md F).
        async || Json(json!({"keys": []})),
    ));
    let methods = methods
        .on("executor.create", &[Post], Needs::NewExecutor, executor::push::create)
        .on("executor.createAsync", &[Post], Needs::NewExecutor, executor::push::create_async)
        .on("executor.update", &[Post], push, executor::push::update)
        .on("executor.updateAsync", &[Post], push, executor::push::update_async)
        .on("executor.push", &[Post], Needs::NewExecutor, executor::push::push)
        .on("executor.getPackage", BOTH, read, get_package)
        .on("executor.queryProgress", &[Post], tasks, executor::query_progress::handle)
        .on("executor.listAsyncTasks", BOTH, tasks, executor::list_async_tasks::handle)
        .on("executor.getMeta", BOTH, read, executor::get_meta::handle)
        .on("executor.list", BOTH, Needs::Listing, executor::list::handle)
        .on("sandbox.get", BOTH, Needs::Nothing, sandbox::handle)
        .on("sandbox.create", BOTH, Needs::Nothing, sandbox::handle)
        .on("artifact.upload", &[Post], Needs::NewArtifact, artifact::upload::handle)
        .on("artifact.getDownloadUrl", BOTH, read_artifact, artifact::get_download_url::handle)
        .on("artifact.getDetail", BOTH, read_artifact, artifact::get_detail::handle)
        .on("artifact.list", BOTH, Needs::Person, artifact::list::handle)
        .on("artifact.update", &[Post], write_artifact, artifact::update::handle)
        .on("artifact.updateMetaData", &[Post], write_artifact, artifact::update_meta_data::handle)
        .on("artifact.delete", &[Post], write_artifact, artifact::delete::handle)
        .on("artifact.deleteMany", &[Post], write_artifact, artifact::delete_many::handle)
        .on("user.identity.whoami", BOTH, Needs::Person, user::whoami::handle)
        .on("user.identity.passwordLogin", &[Post], Needs::Proof, user::password_login::handle)
        .on("user.identity.proxiedAuthorize", &[Get], Needs::Proof, user::proxied_authorize::handle)
        .on("user.identity.authorize", &[Get], Needs::Proof, user::authorize::handle)
        .on("user.identity.grant.auto", BOTH, Needs::Proof, user::grant_auto::handle)
        // What SDK 0.4 calls it.
        .on("user.identity.grant.auth0Unified", &[Post], Needs::Proof, user::grant_auto::handle)
        .on("user.session.dismiss", &[Post], Needs::Person, user::session_dismiss::handle)
        .on("user.session.getRaw", &[Post], Needs::Person, user::session_get_raw::handle)
        .on("user.pat.create", &[Post], Needs::Person, user::pat_create::handle)
        .on("user.pat.list", BOTH, Needs::Person, user::pat_list::handle)
        .on("user.pat.delete", &[Post], Needs::Person, user::pat_delete::handle)
        .on(
            "dockerRegistry.listInternalRegistries",
            BOTH,
            Needs::Nothing,
            docker_registry::list_internal_registries,
        );
    methods.0.refuse_other_methods(async || refuse(refused::other_method()))
}

/// Routes by method name.
struct Methods(Routes);

impl Methods {
    fn on<H, T>(self, name: &str, verbs: &[Verb], needs: Needs, handler: H) -> Self
    where
        H: axum::handler::Handler<T, crate::app::App>,
        T: 'static,
    {
        let routes = self.0.on(verbs, &format!("/v2/rpc/{name}"), needs, handler.clone());
        Self(routes.on(verbs, &format!("/v2/{}", name.replace('.', "/")), needs, handler))
    }
}

/// An error in this surface's words.
pub(super) fn refuse(error: Error) -> Response {
    error::RpcError::from(error).into_response()
}
