//! `POST` and `PUT /v1/executors`: push and update, for jina 2.0 to 2.6. The answer is a stream of JSON lines; the one with
//! `result` ends it (PROTOCOL.md A).

use std::collections::HashMap;

use axum::{
    Extension,
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};
use futures_util::{Stream, StreamExt as _, stream};
use serde_json::{Value, json};

use super::{error, wire};
use crate::{
    app::App,
    builds::progress::Followed,
    domain::{
        BuildEnv, Secret,
        task::{TaskEvent, TaskState},
    },
    error::Error,
    http::{
        layers::RequestId,
        ndjson,
        problem::{logged, retry_after, status},
        push::{self, PushFields},
        story::{self, Told},
    },
    hub::publish::{Accepted, Push, Target},
};

pub(super) async fn create(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    answer(&app, &id, request, false).await
}

pub(super) async fn update(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    answer(&app, &id, request, true).await
}

async fn answer(app: &App, RequestId(id): &RequestId, request: Request, is_update: bool) -> Response {
    let (parts, body) = request.into_parts();
    let mut form = Form { fields: HashMap::new(), is_update, headers: &parts.headers };
    match push::receive(app, &parts, body, &mut form).await {
        Ok(accepted) => ndjson::response(lines(app, accepted, id.clone())),
        Err(error) => {
            let mut response = ndjson::single(status(error.kind), &error::last_line(&error, Some(id)));
            retry_after(&error, response.headers_mut());
            response.extensions_mut().insert(logged(&error));
            response
        }
    }
}

/// The fields of a push.
struct Form<'a> {
    fields: HashMap<String, String>,
    is_update: bool,
    headers: &'a HeaderMap,
}

impl Form<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// `force` makes it an update, whichever method carries it; a secret without it is one that the author chose.
    fn target(&self) -> Result<Target, Error> {
        let secret = self.text("secret").map(Secret::new);
        match self.text("force") {
            Some(id) => Ok(Target::Existing { reference: push::reference(id)?, secret }),
            None if self.is_update => Err(Error::invalid(
                "parameter_missing",
                "An update needs the field 'force'.",
                "Push with `--force NAME`.",
            )),
            None => Ok(Target::New { secret }),
        }
    }
}

impl PushFields for Form<'_> {
    fn add(&mut self, name: String, text: String) {
        self.fields.insert(name, text);
    }

    fn claimed_md5(&self) -> Option<String> {
        self.text("md5sum").map(str::to_owned)
    }

    fn read(&self) -> Result<Push, Error> {
        Ok(Push {
            target: self.target()?,
            visibility: push::visibility(self.flag("public"), self.flag("private"))?,
            tags: push::tags(self.text("tags").unwrap_or_default())?,
            protected_tags: Vec::new(),
            dockerfile: self.text("dockerfile").map(str::to_owned),
            build_env: BuildEnv::default(),
            platforms: Vec::new(),
            no_cache: false,
            client: push::client_facts(self.headers),
        })
    }
}

fn lines(app: &App, accepted: Accepted, request_id: String) -> impl Stream<Item = Value> + Send + 'static {
    match accepted.task.filter(|_| accepted.awaits_build) {
        None => {
            let warnings: Vec<Value> = accepted.warnings.iter().map(|text| wire::progress(text)).collect();
            let last = wire::last_line(&accepted, "The Executor is ready.");
            stream::iter(warnings.into_iter().chain([last])).boxed()
        }
        Some(task) => {
            let lost = error::last_line(&story::task_is_gone(), Some(&request_id));
            let events = app.hub().follow(task, 0);
            story::to_its_end(events.map(move |followed| told(&accepted, &request_id, &followed)), lost)
                .boxed()
        }
    }
}

fn told(accepted: &Accepted, request_id: &str, followed: &Followed) -> Told {
    let event = match followed {
        // Without any of the keys that they know, the clients pass it over; proxies see that somebody is there.
        Followed::Quiet => return Told::Line(json!({"ping": true})),
        Followed::Waiting(waiting) => return Told::Line(wire::progress(&waiting.sentence())),
        Followed::Event(numbered) => &numbered.event,
    };
    match event {
        TaskEvent::Report { state: TaskState::Succeeded, message, .. } => {
            Told::Last(wire::last_line(accepted, message))
        }
        TaskEvent::Report { failure, message, .. } => {
            let error = failure.as_ref().map_or_else(|| story::cancelled(message), story::of_failure);
            Told::Last(error::last_line(&error, Some(request_id)))
        }
        event => wire::words(event).map_or(Told::Nothing, |text| Told::Line(wire::progress(text))),
    }
}
