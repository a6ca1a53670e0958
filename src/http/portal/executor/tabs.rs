//! What does each tab of an Executor's page hold?

use super::{
    Asked, Tab, address,
    arguments::Arguments,
    files::{self, Files},
    link,
    people::{self, People},
};
use crate::{
    app::App,
    domain::{
        CommitId, ExecutorRef,
        package::Package,
        page::PageSize,
        task::{Task, TaskState},
    },
    error::Error,
    http::portal::{
        markdown,
        moment::{self, Moment},
        visitor::Visitor,
    },
    hub::{
        show::{CommitRow, Detail},
        subject::Subject,
        tags::{TagChange, TagState},
    },
};

/// What the chosen tab shows.
pub(super) enum Content {
    /// HTML that [`markdown::render`] has made.
    Readme(String),
    Arguments(Arguments),
    Tags(Tags),
    Dependencies(Dependencies),
    Files(Files),
    Builds(Builds),
    Settings(People),
    /// Nothing was pushed that works.
    Nothing,
}

pub(super) struct Tags {
    pub(super) lines: Vec<TagLine>,
    /// The newest changes first.
    pub(super) history: Vec<Changed>,
}

pub(super) struct Changed {
    pub(super) name: String,
    pub(super) what: &'static str,
    pub(super) to: Option<String>,
    pub(super) at: Moment,
    pub(super) by: Option<String>,
}

pub(super) struct TagLine {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) is_protected: bool,
    pub(super) moved: Moment,
    pub(super) moved_by: Option<String>,
    pub(super) commit: String,
    pub(super) files: String,
    pub(super) digest: Option<String>,
    pub(super) short_digest: String,
    pub(super) size: Option<String>,
    pub(super) images: Vec<String>,
}

pub(super) struct Dependencies {
    pub(super) lines: Vec<(Option<String>, String)>,
    pub(super) variables: Vec<String>,
    pub(super) dockerfile: String,
    pub(super) is_generated: bool,
}

pub(super) struct Builds {
    pub(super) list: Vec<Build>,
    pub(super) older: Option<String>,
}

pub(super) struct Build {
    pub(super) id: String,
    pub(super) state: &'static str,
    pub(super) began: Moment,
    pub(super) took: String,
    pub(super) commit: String,
    pub(super) failure: String,
}

/// What the tab that was asked for shows.
pub(super) async fn content(
    app: &App,
    visitor: &Visitor,
    reference: &ExecutorRef,
    detail: &Detail,
    chosen: Option<&(CommitRow, Package)>,
    asked: &Asked,
    path: &str,
) -> Result<Content, Error> {
    match (asked.tab(), chosen) {
        // They may see the Executor; of its builds they learn more once they say who they are.
        (Tab::Builds, _) if visitor.user().is_none() => Err(Error::sign_in_required(false)),
        (Tab::Builds, _) => {
            let cursor = Some(asked.cursor.as_str()).filter(|cursor| !cursor.is_empty());
            let page =
                app.hub().tasks(&visitor.caller, reference, cursor, PageSize::nearest(Some(50))).await?;
            let now = app.now();
            Ok(Content::Builds(Builds {
                list: page.items.iter().map(|task| build(task, now)).collect(),
                older: page
                    .next
                    .map(|cursor| format!("{}&cursor={cursor}", link(path, "builds", &asked.tag))),
            }))
        }
        (Tab::Settings, _) => {
            visitor.caller.require_user()?;
            people::of(app, visitor, reference).await.map(Content::Settings)
        }
        (Tab::Tags, _) => tags(app, visitor, reference, path).await.map(Content::Tags),
        (_, None) => Ok(Content::Nothing),
        (Tab::Readme, Some((_, package))) => readme(package.readme.clone()).await,
        (Tab::Arguments, Some((_, package))) => Ok(Content::Arguments(Arguments::of(&package.executor))),
        (Tab::Dependencies, Some((_, package))) => Ok(Content::Dependencies(Dependencies {
            lines: package.requirements.iter().map(|line| (line.name.clone(), line.line.clone())).collect(),
            variables: package.required_variables.clone(),
            dockerfile: package.dockerfile.path().to_owned(),
            is_generated: matches!(package.dockerfile, crate::domain::package::Dockerfile::Generated),
        })),
        (Tab::Files, Some(chosen)) => {
            let shown = files::Shown { app, visitor, reference, detail, chosen, asked, path };
            shown.files().await.map(Content::Files)
        }
    }
}

async fn tags(app: &App, visitor: &Visitor, reference: &ExecutorRef, path: &str) -> Result<Tags, Error> {
    let size = PageSize::nearest(Some(100));
    let commits = app.hub().commits(&visitor.caller, reference, None, size).await?.items;
    let subject = Subject::from(reference.clone());
    let states = app.hub().tag_states(&visitor.caller, &subject).await?;
    let size = PageSize::nearest(Some(20));
    let history = app.hub().tag_history(&visitor.caller, &subject, None, None, size).await?.items;
    let now = app.now();
    let line = |state: TagState| {
        let commit = commits.iter().find(|commit| commit.id == state.commit);
        let (name, digest) = (state.name.to_string(), state.package_sha256.to_string());
        TagLine {
            path: link(path, "", &name),
            is_protected: state.is_protected,
            moved: Moment::of(state.moved_at, now),
            moved_by: state.moved_by,
            commit: short(state.commit),
            files: address(path, &[("tab", "files"), ("tag", &name)]),
            short_digest: digest.chars().take(12).collect(),
            digest: Some(digest),
            name,
            size: commit.map(|commit| moment::size(commit.package_size)),
            images: commit
                .iter()
                .flat_map(|commit| &commit.images)
                .map(|image| image.platform.clone())
                .collect(),
        }
    };
    let changed = |change: TagChange| Changed {
        name: change.name.to_string(),
        what: change.change.as_str(),
        to: change.to.map(short),
        at: Moment::of(change.at, now),
        by: change.by,
    };
    Ok(Tags {
        lines: states.into_iter().map(line).collect(),
        history: history.into_iter().map(changed).collect(),
    })
}

async fn readme(text: Option<String>) -> Result<Content, Error> {
    let Some(text) = text else { return Ok(Content::Readme(String::new())) };
    let html = tokio::task::spawn_blocking(move || markdown::render(&text)).await.map_err(Error::internal)?;
    Ok(Content::Readme(html))
}

fn build(task: &Task, now: chrono::DateTime<chrono::Utc>) -> Build {
    let took = match (task.started_at, task.finished_at) {
        (Some(start), Some(end)) => moment::span(start, end),
        (Some(start), None) if task.state == TaskState::Running => moment::span(start, now),
        _ => String::new(),
    };
    Build {
        id: task.id.to_string(),
        state: task.state.as_str(),
        began: Moment::of(task.created_at, now),
        took,
        commit: short(task.commit),
        failure: task.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default(),
    }
}

/// Enough of a commit's id to tell it from others; the end, because the beginning is the time.
pub(super) fn short(commit: CommitId) -> String {
    let id = commit.to_string();
    id.get(id.len().saturating_sub(8)..).unwrap_or(&id).to_owned()
}
