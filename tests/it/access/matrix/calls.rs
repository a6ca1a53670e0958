//! How is each route called? One row for each, by its path or, for the RPC, by its method's name.

use executor_hub::http::routes::Declared;

/// How a route is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// With nothing in particular: it names no Executor.
    Plain,
    /// With the Executor in the path.
    Path,
    /// With the Executor in the path and its secret in a header, as the API wants it.
    Api,
    /// The same where no secret is taken.
    ApiOpen,
    /// The same where the API wants somebody signed in.
    ApiSigned,
    /// As `Api`, for its tasks.
    ApiTasks,
    /// With a task in the path.
    ApiTask,
    /// As `Api`, by those alone who must be refused: whoever may do it would take away what the next row is about.
    ApiChanges,
    /// As `Api`, for what was deleted just before and is brought back after.
    ApiUndo,
    /// The same for a whole Executor: to whoever may not bring it back, what is deleted is not there.
    ApiRevive,
    /// With a task in the path, to build again: here nothing is built, which those are told who may ask for it.
    ApiRetry,
    /// With a package for the Executor in the path.
    ApiPush,
    /// With the Executor as `id` of the RPC.
    Rpc,
    /// With a task as `id` of the RPC.
    Task,
    /// With the Executor as `id`, for its newest tasks.
    TaskList,
    /// With a package for the Executor, by the RPC.
    Push,
    /// With a package for the Executor, as jina 2.0 to 2.6 send it.
    PushV1,
    /// With a package that makes an Executor.
    New,
    /// With the Executor's repository in the path, as Docker asks: a secret is the password of its Executor.
    Oci,
    /// The same by those alone who must be refused: whoever may do it needs more than the matrix has (`oci` asks).
    OciChanges,
}

impl Call {
    /// Whether it is of the registry of images, which asks everybody who brings nothing who they are.
    pub fn is_oci(self) -> bool {
        matches!(self, Self::Oci | Self::OciChanges)
    }
}

impl Call {
    /// Whether it says which Executor it is about.
    pub fn names_an_executor(self) -> bool {
        !matches!(self, Self::Plain | Self::New)
    }
}

/// The name of a route's row: both spellings of an RPC method have one, and elsewhere each verb has one.
pub fn name_of(route: &Declared) -> String {
    let path = route.path.as_str();
    if path == "/v1/executors" || path.starts_with("/api/") || path.starts_with("/v2/{repository}/") {
        return format!("{} {path}", route.verb.as_str());
    }
    match path.strip_prefix("/v2/rpc/") {
        Some(name) => name.to_owned(),
        None if path.starts_with("/v2/.") => path.to_owned(),
        None => path.strip_prefix("/v2/").map_or(path.to_owned(), |name| name.replace('/', ".")),
    }
}

/// How a route is called.
pub fn call_of(route: &Declared) -> Option<Call> {
    let name = name_of(route);
    CALLS.iter().find(|(row, _)| *row == name).map(|(_, call)| *call)
}

use Call::{
    Api, ApiChanges, ApiOpen, ApiPush, ApiRetry, ApiRevive, ApiSigned, ApiTask, ApiTasks, ApiUndo, New, Oci,
    OciChanges, Path, Plain, Push, PushV1, Rpc, Task, TaskList,
};

/// A row for every route.
pub const CALLS: &[(&str, Call)] = &[
    ("/livez", Plain),
    ("/startupz", Plain),
    ("/version", Plain),
    ("/ping", Plain),
    ("/readyz", Plain),
    ("/metrics", Plain),
    ("/probe/stream", Plain),
    ("/probe/archive", Plain),
    ("/probe/upload", Plain),
    ("/probe/sender", Plain),
    ("/packages/{file}", Plain),
    ("/artifacts/{digest}", Plain),
    ("POST /v1/executors", New),
    ("PUT /v1/executors", PushV1),
    ("/v1/executors/{name}", Path),
    ("/v1/executors/{name}/", Path),
    ("/v2/.well-known/jwks.json", Plain),
    ("/v2", Plain),
    ("", Plain),
    ("/token", Plain),
    ("_catalog", Plain),
    ("GET /v2/{repository}/manifests/{reference}", Oci),
    ("PUT /v2/{repository}/manifests/{reference}", OciChanges),
    ("DELETE /v2/{repository}/manifests/{reference}", OciChanges),
    ("GET /v2/{repository}/blobs/{digest}", Oci),
    ("DELETE /v2/{repository}/blobs/{digest}", OciChanges),
    ("POST /v2/{repository}/blobs/uploads/", Oci),
    ("GET /v2/{repository}/blobs/uploads/{upload}", OciChanges),
    ("PATCH /v2/{repository}/blobs/uploads/{upload}", OciChanges),
    ("PUT /v2/{repository}/blobs/uploads/{upload}", OciChanges),
    ("DELETE /v2/{repository}/blobs/uploads/{upload}", OciChanges),
    ("GET /v2/{repository}/tags/list", Oci),
    ("GET /v2/{repository}/referrers/{digest}", Oci),
    ("executor.create", New),
    ("executor.createAsync", New),
    ("executor.update", Push),
    ("executor.updateAsync", Push),
    ("executor.push", New),
    ("executor.getPackage", Rpc),
    ("executor.queryProgress", Task),
    ("executor.listAsyncTasks", TaskList),
    ("executor.getMeta", Rpc),
    ("executor.list", Plain),
    ("sandbox.get", Plain),
    ("sandbox.create", Plain),
    ("artifact.upload", Plain),
    ("artifact.getDownloadUrl", Plain),
    ("artifact.getDetail", Plain),
    ("artifact.list", Plain),
    ("artifact.update", Plain),
    ("artifact.updateMetaData", Plain),
    ("artifact.delete", Plain),
    ("artifact.deleteMany", Plain),
    ("user.identity.whoami", Plain),
    ("user.identity.passwordLogin", Plain),
    ("user.identity.proxiedAuthorize", Plain),
    ("user.identity.authorize", Plain),
    ("user.identity.grant.auto", Plain),
    ("user.identity.grant.auth0Unified", Plain),
    ("user.session.dismiss", Plain),
    ("user.session.getRaw", Plain),
    ("user.pat.create", Plain),
    ("user.pat.list", Plain),
    ("user.pat.delete", Plain),
    ("dockerRegistry.listInternalRegistries", Plain),
    ("/", Plain),
    ("/executors/{id}", Plain),
    ("/executors/{owner}/{name}", Plain),
    ("/files/{id}", Plain),
    ("/settings/{id}/visibility", Plain),
    ("/settings/{id}/people", Plain),
    ("/settings/{id}/people/remove", Plain),
    ("/settings/{id}/secret", Plain),
    ("/settings/{id}/delete", Plain),
    ("/settings/{id}/undelete", Plain),
    ("/account/deleted", Plain),
    ("/failures", Plain),
    ("/builds/{task}", Plain),
    ("/builds/{task}/log", Plain),
    ("/builds/{task}/cancel", Plain),
    ("/builds/{task}/retry", Plain),
    ("/account/tokens", Plain),
    ("/account/tokens/{id}/delete", Plain),
    ("/account/sessions", Plain),
    ("/account/sessions/end-others", Plain),
    ("/account/sessions/{id}/end", Plain),
    ("/account/teams", Plain),
    ("/account/teams/{team}", Plain),
    ("/account/teams/{team}/members", Plain),
    ("/account/teams/{team}/remove", Plain),
    ("/account/teams/{team}/rename", Plain),
    ("/account/teams/{team}/delete", Plain),
    ("/admin", Plain),
    ("/admin/people", Plain),
    ("/admin/people/{login}/invite", Plain),
    ("/admin/people/{login}/disable", Plain),
    ("/admin/people/{login}/enable", Plain),
    ("/admin/builds", Plain),
    ("/admin/builds/pause", Plain),
    ("/admin/builds/resume", Plain),
    ("/admin/storage", Plain),
    ("/admin/storage/collect", Plain),
    ("/admin/audit", Plain),
    ("/admin/configuration", Plain),
    ("/help/push", Plain),
    ("GET /api/v1/executors", Plain),
    ("POST /api/v1/executors", New),
    ("GET /api/v1/executors/{executor}", Api),
    ("PATCH /api/v1/executors/{executor}", ApiSigned),
    ("GET /api/v1/executors/{owner}/{name}", Api),
    ("GET /api/v1/executors/{executor}/commits", Api),
    ("POST /api/v1/executors/{executor}/commits", ApiPush),
    ("GET /api/v1/executors/{executor}/commits/{commit}", Api),
    ("GET /api/v1/executors/{executor}/tags", Api),
    ("GET /api/v1/executors/{executor}/tasks", ApiTasks),
    ("GET /api/v1/tasks/{task}", ApiTask),
    ("GET /api/v1/tasks/{task}/events", ApiTask),
    ("GET /api/v1/executors/{executor}/access", Api),
    ("PUT /api/v1/executors/{executor}/access/people/{login}", Api),
    ("DELETE /api/v1/executors/{executor}/access/people/{login}", Api),
    ("PUT /api/v1/executors/{executor}/access/teams/{team}", Api),
    ("DELETE /api/v1/executors/{executor}/access/teams/{team}", Api),
    ("POST /api/v1/executors/{executor}/secret", Api),
    ("GET /api/v1/tokens", Plain),
    ("POST /api/v1/tokens", Plain),
    ("DELETE /api/v1/tokens/{token}", Plain),
    ("GET /api/v1/me", Plain),
    ("GET /api/v1/people", Plain),
    ("POST /api/v1/people", Plain),
    ("POST /api/v1/people/{login}/invitation", Plain),
    ("GET /api/v1/teams", Plain),
    ("POST /api/v1/teams", Plain),
    ("GET /api/v1/teams/{team}", Plain),
    ("PATCH /api/v1/teams/{team}", Plain),
    ("DELETE /api/v1/teams/{team}", Plain),
    ("PUT /api/v1/teams/{team}/members/{login}", Plain),
    ("DELETE /api/v1/teams/{team}/members/{login}", Plain),
    ("GET /api/v1/audit", Plain),
    ("GET /api/v1/openapi.json", Plain),
    ("GET /api/v1/docs", Plain),
    ("/feeds/{file}", Plain),
    ("/feeds/{owner}/{file}", ApiOpen),
    ("GET /api/v1/executors/{executor}/tag-history", Api),
    ("GET /api/v1/executors/{executor}/tag-rules", Api),
    ("GET /api/v1/executors/{executor}/tags/{tag}/history", Api),
    ("PUT /api/v1/executors/{executor}/tag-rules", ApiChanges),
    ("PUT /api/v1/executors/{executor}/tags/{tag}", ApiChanges),
    ("DELETE /api/v1/executors/{executor}/tags/{tag}", ApiChanges),
    ("PUT /api/v1/executors/{executor}/tags/{tag}/protection", ApiChanges),
    ("POST /api/v1/executors/{executor}/tags/{tag}/undelete", ApiUndo),
    ("DELETE /api/v1/executors/{executor}", ApiChanges),
    ("POST /api/v1/executors/{executor}/undelete", ApiRevive),
    ("DELETE /api/v1/executors/{executor}/commits/{commit}", ApiChanges),
    ("POST /api/v1/executors/{executor}/commits/{commit}/undelete", ApiUndo),
    ("POST /api/v1/tasks/{task}/cancel", ApiTask),
    ("POST /api/v1/tasks/{task}/retry", ApiRetry),
    ("GET /api/v1/executors/{executor}/deleted", Api),
    ("GET /api/v1/deleted", Plain),
    ("GET /api/v1/usage", Plain),
    ("GET /api/v1/usage/hub", Plain),
    ("/assets/{file}", Plain),
    ("/sign-in", Plain),
    ("/sign-in/device", Plain),
    ("/sign-out", Plain),
    ("/sign-up", Plain),
    ("/setup", Plain),
    ("/invitations/{word}", Plain),
];
