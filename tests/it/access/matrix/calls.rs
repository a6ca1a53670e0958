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
}

impl Call {
    /// Whether it says which Executor it is about.
    pub fn names_an_executor(self) -> bool {
        !matches!(self, Self::Plain | Self::New)
    }
}

/// The name of a route's row: both spellings of an RPC method have one, and `/v1/executors` has one for each verb.
pub fn name_of(route: &Declared) -> String {
    let path = route.path.as_str();
    if path == "/v1/executors" {
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

use Call::{Api, New, Path, Plain, Push, PushV1, Rpc, Task, TaskList};

/// A row for every route.
pub const CALLS: &[(&str, Call)] = &[
    ("/livez", Plain),
    ("/ping", Plain),
    ("/readyz", Plain),
    ("/packages/{file}", Plain),
    ("/artifacts/{digest}", Plain),
    ("POST /v1/executors", New),
    ("PUT /v1/executors", PushV1),
    ("/v1/executors/{name}", Path),
    ("/v1/executors/{name}/", Path),
    ("/v2/.well-known/jwks.json", Plain),
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
    ("/api/v1/executors", Plain),
    ("/api/v1/executors/{executor}/access", Api),
    ("/api/v1/executors/{executor}/access/people/{login}", Api),
    ("/api/v1/executors/{executor}/access/teams/{team}", Api),
    ("/api/v1/executors/{executor}/secret", Api),
    ("/api/v1/teams", Plain),
    ("/api/v1/teams/{team}", Plain),
    ("/api/v1/teams/{team}/members/{login}", Plain),
    ("/api/v1/audit", Plain),
    ("/api/v1/executors/{executor}/tag-history", Api),
    ("/api/v1/executors/{executor}/tag-rules", Api),
    ("/api/v1/executors/{executor}/tags/{tag}", Api),
    ("/api/v1/executors/{executor}/tags/{tag}/history", Api),
    ("/api/v1/executors/{executor}/tags/{tag}/protection", Api),
    ("/api/v1/executors/{executor}/tags/{tag}/undelete", Api),
    ("/api/v1/executors/{executor}/undelete", Api),
    ("/api/v1/executors/{executor}/commits/{commit}/undelete", Api),
    ("/api/v1/tasks/{task}/cancel", Plain),
    ("/api/v1/tasks/{task}/retry", Plain),
    ("/api/v1/usage", Plain),
    ("/assets/{file}", Plain),
    ("/sign-in", Plain),
    ("/sign-in/device", Plain),
    ("/sign-out", Plain),
    ("/sign-up", Plain),
    ("/setup", Plain),
    ("/invitations/{word}", Plain),
];
