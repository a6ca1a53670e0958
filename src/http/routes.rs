//! Which addresses are there, and what does each let a caller do? A route is declared together with that, or it does not
//! exist: there is no other way into the router, and the table of all declarations is what the tests of who may do what
//! are made from.

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use utoipa::openapi::OpenApi;

use crate::{
    app::App,
    auth::policy::{Action, ArtifactAction, TeamAction},
};

/// The method of a request. HEAD goes with GET.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    /// GET and HEAD.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Verb {
    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What a route lets a caller do, and so what decides about it. The decision itself is made in `auth::policy`, by the use
/// case behind the route: this says which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it tells nothing of what anybody keeps here.
    Nothing,
    /// A proof of its own: a password, a code, a link.
    Proof,
    /// A signed-in person; it is about themselves.
    Person,
    /// A signed address, which is the permission.
    SignedAddress,
    /// It shows whatever the caller may see.
    Listing,
    /// A page of whatever its visitor may see or change. To a page a session that is over is none: it shows what a stranger
    /// sees, or leads to the sign-in page, and its forms are refused.
    Page,
    /// To make an Executor, or to push to one's own.
    NewExecutor,
    /// This action on an Executor.
    Executor(Action),
    /// This action on an artifact.
    Artifact(ArtifactAction),
    /// To make an artifact, or to replace one's own.
    NewArtifact,
    /// To make a team.
    NewTeam,
    /// This action on a team.
    Team(TeamAction),
    /// To run the Hub.
    Administration,
}

/// A route as it was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its method.
    pub verb: Verb,
    /// Its path, with `{parameters}`.
    pub path: String,
    /// What it lets a caller do.
    pub needs: Needs,
}

/// Routes of one surface.
pub(super) struct Routes {
    router: Router<App>,
    declared: Vec<Declared>,
}

impl Routes {
    pub(super) fn new() -> Self {
        Self { router: Router::new(), declared: Vec::new() }
    }

    /// Routes that a document describes; `needs` says what each of its operations lets a caller do.
    ///
    /// # Panics
    /// When `needs` knows nothing of an operation: the Hub does not start with a route of which nobody said what it is for.
    pub(super) fn documented(
        router: Router<App>,
        document: &OpenApi,
        needs: impl Fn(&str) -> Option<Needs>,
    ) -> Self {
        let mut declared = Vec::new();
        for (path, item) in &document.paths.paths {
            let operations = [
                (Verb::Get, &item.get),
                (Verb::Post, &item.post),
                (Verb::Put, &item.put),
                (Verb::Patch, &item.patch),
                (Verb::Delete, &item.delete),
            ];
            for (verb, operation) in operations {
                let Some(operation) = operation else { continue };
                let id = operation.operation_id.as_deref().unwrap_or_default();
                let Some(needs) = needs(id) else { panic!("nobody says what the operation '{id}' needs") };
                declared.push(Declared { verb, path: path.clone(), needs });
            }
        }
        Self { router, declared }
    }

    /// Adds a route that answers to these methods.
    pub(super) fn on<H, T>(mut self, verbs: &[Verb], path: &str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        if let Some(filter) = verbs.iter().map(|verb| verb.filter()).reduce(MethodFilter::or) {
            self.router = self.router.route(path, on(filter, handler));
            self.declared.extend(verbs.iter().map(|verb| Declared {
                verb: *verb,
                path: path.to_owned(),
                needs,
            }));
        }
        self
    }

    /// Adds one route for what no path with parameters can tell apart. The table says which requests its handler tells
    /// apart and what each needs; it has to answer to nothing else.
    pub(super) fn catch_all<H, T>(
        mut self,
        path: &str,
        verbs: &[Verb],
        table: &[(Verb, &str, Needs)],
        handler: H,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        if let Some(filter) = verbs.iter().map(|verb| verb.filter()).reduce(MethodFilter::or) {
            self.router = self.router.route(path, on(filter, handler));
            self.declared.extend(table.iter().map(|(verb, path, needs)| Declared {
                verb: *verb,
                path: (*path).to_owned(),
                needs: *needs,
            }));
        }
        self
    }

    /// Adds a route that answers to GET and HEAD.
    pub(super) fn get<H: Handler<T, App>, T: 'static>(self, path: &str, needs: Needs, handler: H) -> Self {
        self.on(&[Verb::Get], path, needs, handler)
    }

    /// Adds a route that answers to POST.
    pub(super) fn post<H: Handler<T, App>, T: 'static>(self, path: &str, needs: Needs, handler: H) -> Self {
        self.on(&[Verb::Post], path, needs, handler)
    }

    /// Wraps the routes so far into layers.
    pub(super) fn layered(self, wrap: impl FnOnce(Router<App>) -> Router<App>) -> Self {
        Self { router: wrap(self.router), declared: self.declared }
    }

    /// Says in this surface's words that an address knows no such method.
    pub(super) fn refuse_other_methods<H: Handler<T, App>, T: 'static>(self, handler: H) -> Self {
        self.layered(|router| router.method_not_allowed_fallback(handler))
    }

    /// The routes of both.
    pub(super) fn merge(self, other: Self) -> Self {
        let mut declared = self.declared;
        declared.extend(other.declared);
        Self { router: self.router.merge(other.router), declared }
    }

    /// The table.
    pub(super) fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// What answers.
    pub(super) fn into_router(self) -> Router<App> {
        self.router
    }
}
