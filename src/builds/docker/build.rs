//! How does one build run from plan to image? Prepares what the engine reads, listens while it works, looks at what
//! came out; whatever goes wrong on the way becomes one fault that says whose it is.

use std::{sync::Arc, time::Duration};

use bollard::{
    Docker, body_try_stream,
    errors::Error,
    models::{BuildInfo, BuildInfoAux},
    query_parameters::BuildImageOptions,
};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::{
    builds::{
        engine::{BuildOutput, BuildPlan, BuiltImage, ImageKeeper},
        fault::Fault,
        platforms::platform,
    },
    domain::{id::random_bytes, task::FaultKind},
};

use super::{
    DockerSettings, Unbounded,
    classify::{Evidence, classic_step, classify, last_cause},
    connection::{Host, SessionOrFault, abilities},
    console::{Console, LineSplitter},
    context::{self, Context, ContextError},
    export::Built,
    guard::Guard,
    mask::Masker,
    preparation::{operator, options, package_fault, prepare, provision, unsupported, warn_of_odd_names},
    progress::Progress,
    provision::Provision,
    session::Session,
    step::Place,
};

/// Builds `plan` within its time, and hands the image over within as much time again: what takes long then is the image's
/// size and not its steps. Everything that it starts ends when the future is dropped: the engine stops a build whose
/// connection closes, the session closes with its owner, and uploads and exports end when nobody takes them.
pub async fn build(
    settings: &DockerSettings,
    host: &Host,
    plan: BuildPlan,
    output: mpsc::Sender<BuildOutput>,
    keeper: Option<Arc<dyn ImageKeeper>>,
) -> Result<BuiltImage, Fault> {
    let mut console = Console::new(output, Masker::new(&plan.build_env), &plan.limits);
    let result = match tokio::time::timeout(plan.limits.time, run(settings, host, &plan, &mut console)).await {
        Ok(Ok(built)) => {
            let handing_over = built.hand_over(&plan, keeper, &console);
            match tokio::time::timeout(plan.limits.time, handing_over).await {
                Ok(handed_over) => handed_over.map(|()| built.image),
                Err(_) => Err(operator("it did not hand over the image within the time of a build")),
            }
        }
        Ok(Err(fault)) => Err(fault),
        Err(_) => Err(Fault::new(
            FaultKind::Time,
            format!(
                "The build was stopped after {} seconds, which is the limit of this Hub. Make its steps shorter, or ask the operator for more time.",
                plan.limits.time.as_secs()
            ),
        )
        .with_lines(console.recent())),
    };
    console.finish().await;
    result
}

async fn run(
    settings: &DockerSettings,
    host: &Host,
    plan: &BuildPlan,
    console: &mut Console,
) -> Result<Built, Fault> {
    let docker = host.connect(plan.limits.time + Duration::from_mins(1)).await?;
    let mark = hex::encode(random_bytes::<16>());
    let provision = provision(settings, plan, &mark).await?;
    let session = open_session(host, plan, &provision, console).await?;
    let abilities = abilities(host, &docker, session.is_some()).await?;
    let (session, guard) = match session {
        Some(session) => bound(settings, host, &docker, plan, session, &mark, console).await?,
        None => (None, Guard::none()),
    };
    if let (Some(platform), None) = (&plan.platform, &session) {
        return Err(unsupported(&format!("only BuildKit builds for {platform}, which is not used here")));
    }
    // Without BuildKit nothing can be mounted.
    let given = if session.is_some() { provision } else { Provision::none() };
    let (context, layers) =
        prepare(settings, plan, &given, &abilities).await.map_err(|fault| masked(fault, console))?;
    warn_of_odd_names(plan, console).await;
    let options = options(settings, plan, session.as_ref());
    let engine = Run { docker: &docker, provision: &given };
    let id = engine
        .run(options, context, console, plan.limits.output_bytes)
        .await
        .map_err(|fault| guard.explain(fault))?;
    let image = engine.inspect(&id, &plan.image).await?;
    if let Some(wanted) = &plan.platform
        && image.platform != *wanted
    {
        let message = format!(
            "The image became one for {}, and not for {wanted}. Look for `--platform` in the Dockerfile.",
            image.platform
        );
        return Err(Fault::new(FaultKind::Platform, message));
    }
    Ok(Built { docker, provision: given, image, layers })
}

async fn open_session(
    host: &Host,
    plan: &BuildPlan,
    provision: &Provision,
    console: &mut Console,
) -> Result<Option<Session>, Fault> {
    match host.open_session(provision).await {
        Ok(session) => Ok(Some(session)),
        Err(SessionOrFault::Fault(fault)) => Err(fault),
        Err(SessionOrFault::NoBuildKit(answer)) if !plan.build_env.is_empty() => Err(unsupported(&format!(
            "it has no BuildKit ({answer}), without which build variables would end up in the image. Push without \
             --build-env, or ask the operator for an engine with BuildKit"
        ))),
        Err(SessionOrFault::NoBuildKit(_)) => {
            console.warn("The Docker Engine has no BuildKit: certificates and index settings of the Hub do not reach the build.").await;
            Ok(None)
        }
    }
}

/// A fault whose lines are of the package, and not of the console.
fn masked(fault: Fault, console: &Console) -> Fault {
    let lines = fault.lines.iter().map(|line| console.clean(line)).collect();
    fault.with_lines(lines)
}

/// Who keeps the build's steps within their bounds: a guard; or else, as the operator wants it, nobody, or the classic
/// builder, for which the session is given up.
async fn bound(
    settings: &DockerSettings,
    host: &Host,
    docker: &Docker,
    plan: &BuildPlan,
    session: Session,
    mark: &str,
    console: &mut Console,
) -> Result<(Option<Session>, Guard), Fault> {
    let reason = match Place::find(host, docker).await {
        Ok(place) => return Ok((Some(session), Guard::watch(place, mark, &plan.limits))),
        Err(reason) => reason,
    };
    match settings.unbounded {
        Unbounded::Warned => {
            // No warning: the author can do nothing about it.
            console
                .line(&format!("[memory, processes and disk of this build are not bounded: {reason}]"))
                .await;
            Ok((Some(session), Guard::none()))
        }
        Unbounded::Refused if plan.build_env.is_empty() => Ok((None, Guard::none())),
        Unbounded::Refused => Err(unsupported(&format!(
            "{reason}, so nothing would bound the steps of a build with variables. Push without --build-env, or ask \
             the operator to let the worker run as root beside its engine"
        ))),
    }
}

struct Run<'r> {
    docker: &'r Docker,
    provision: &'r Provision,
}

impl Run<'_> {
    /// Builds, and answers with the id of the image.
    async fn run(
        &self,
        options: BuildImageOptions,
        context: Context,
        console: &mut Console,
        output_limit: u64,
    ) -> Result<String, Fault> {
        let (stream, writing) = context::send(context);
        let mut progress = Progress::new(console.line_bytes_before_masking());
        let mut plain = LineSplitter::new(console.line_bytes_before_masking());
        let mut image = None;
        let mut printed = 0;
        let error = {
            let mut reports =
                std::pin::pin!(self.docker.build_image(options, None, Some(body_try_stream(stream))));
            loop {
                match reports.next().await {
                    Some(Ok(report)) => {
                        if let Some(BuildInfoAux::Default(made)) = &report.aux {
                            image.clone_from(&made.id);
                        }
                        printed += bytes_of(&report);
                        if printed > output_limit {
                            return Err(Fault::new(
                                FaultKind::Output,
                                format!(
                                    "The build was stopped after it had printed {output_limit} bytes, which is the limit of this Hub. Let its steps print less."
                                ),
                            )
                            .with_lines(console.recent()));
                        }
                        for line in lines_of(report, &mut progress, &mut plain) {
                            console.line(&self.provision.hide(&line)).await;
                        }
                    }
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            }
        };
        for line in progress.finish().into_iter().chain(plain.finish()) {
            console.line(&self.provision.hide(&line)).await;
        }
        let error = match (error, image) {
            // Without an id the name might still stand for an older image.
            (None, image) => return image.ok_or_else(|| operator("it ended the build without an image")),
            (Some(error), _) => error,
        };
        // A package that cannot be read shows to the engine as a broken upload only.
        match writing.await {
            Ok(Err(reason)) if !is_broken_pipe(&reason) => Err(package_fault(reason)),
            _ => Err(self.fault(&error, &progress, console)),
        }
    }

    fn fault(&self, error: &Error, progress: &Progress, console: &Console) -> Fault {
        let text = match error {
            Error::DockerStreamError { error } => error.clone(),
            Error::DockerResponseServerError { message, .. } => message.clone(),
            other => other.to_string(),
        };
        let mut failed = progress.failed().or_else(|| classic_step(&text, console.recent()));
        if let Some(step) = &mut failed {
            step.name = self.provision.hide(&step.name);
            step.error = self.provision.hide(&step.error);
        }
        let text = self.provision.hide(&text);
        let (kind, message) = classify(&Evidence { error: &text, step: failed.as_ref() });
        let lines = match failed {
            Some(step) if !step.lines.is_empty() => {
                step.lines.iter().map(|line| console.clean(line)).collect()
            }
            _ => {
                // What ends a build outside a step is in no line of the console.
                let mut lines = console.recent();
                let cause = console.clean(&last_cause(&text));
                if !lines.iter().any(|line| line.contains(&cause)) {
                    lines.push(cause);
                }
                lines
            }
        };
        Fault::new(kind, console.clean(&message)).with_lines(lines)
    }

    async fn inspect(&self, id: &str, name: &str) -> Result<BuiltImage, Fault> {
        let found = self
            .docker
            .inspect_image(id)
            .await
            .map_err(|error| operator(&format!("it does not show the image that it built: {error}")))?;
        let platform = platform(
            found.os.as_deref().unwrap_or("linux"),
            found.architecture.as_deref().unwrap_or("amd64"),
            found.variant.as_deref().unwrap_or_default(),
        );
        Ok(BuiltImage {
            id: id.to_owned(),
            name: name.to_owned(),
            platform,
            size: found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        })
    }
}

fn lines_of(report: BuildInfo, progress: &mut Progress, plain: &mut LineSplitter) -> Vec<String> {
    match (report.aux, report.stream) {
        (Some(BuildInfoAux::BuildKit(report)), _) => progress.update(&report),
        (_, Some(text)) => plain.push(text.as_bytes()),
        _ => Vec::new(),
    }
}

/// How much a report adds to the output, lines that never end included.
fn bytes_of(report: &BuildInfo) -> u64 {
    let bytes = match (&report.aux, &report.stream) {
        (Some(BuildInfoAux::BuildKit(report)), _) => report.logs.iter().map(|log| log.msg.len()).sum(),
        (_, Some(text)) => text.len(),
        _ => 0,
    };
    bytes as u64
}

fn is_broken_pipe(error: &ContextError) -> bool {
    matches!(error, ContextError::Read(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
}
