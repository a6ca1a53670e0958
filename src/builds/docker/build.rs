//! How does one build run from plan to image? Prepares what the engine reads, listens while it works, looks at what
//! came out; whatever goes wrong on the way becomes one fault that says whose it is.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use bollard::{
    Docker, body_try_stream,
    errors::Error,
    models::{BuildInfo, BuildInfoAux},
    query_parameters::{
        BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion, RemoveImageOptionsBuilder,
    },
};
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::{
    builds::{
        engine::{BuildOutput, BuildPlan, BuiltImage},
        fault::Fault,
    },
    domain::task::FaultKind,
};

use super::{
    DockerSettings, Network,
    classify::{Evidence, classify},
    connection::{Abilities, Host, SessionOrFault, abilities},
    console::{Console, LineSplitter},
    context::{self, Context, ContextError},
    dockerfile::{Rules, rewrite},
    ignore::Ignore,
    images::ImageRule,
    leaks::{Needles, search},
    mask::Masker,
    progress::Progress,
    provision::{Ingredients, Provision, is_shell_name},
    session::Session,
};

/// Marks the Hub's images, so that cleaning up touches no others.
pub const EXECUTOR_LABEL: &str = "executor-hub.executor";
const COMMIT_LABEL: &str = "executor-hub.commit";

/// BuildKit takes no larger secret.
const MAX_CERTIFICATES: u64 = 500 << 10;

/// Builds `plan` within its time. Everything that it starts ends when the future is dropped: the engine stops a build
/// whose connection closes, the session closes with its owner, and the upload ends when nobody takes it.
pub async fn build(
    settings: &DockerSettings,
    host: &Host,
    plan: BuildPlan,
    output: mpsc::Sender<BuildOutput>,
) -> Result<BuiltImage, Fault> {
    let mut console = Console::new(output, Masker::new(&plan.build_env), &plan.limits);
    let result = match tokio::time::timeout(plan.limits.time, run(settings, host, &plan, &mut console)).await {
        Ok(result) => result,
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
) -> Result<BuiltImage, Fault> {
    let docker = host.connect(plan.limits.time + Duration::from_secs(60)).await?;
    let provision = provision(settings, plan).await?;
    let session = open_session(host, plan, &provision, console).await?;
    let abilities = abilities(host, &docker, session.is_some()).await?;
    check_platform(plan, &abilities)?;
    // Without BuildKit nothing can be mounted.
    let given = if session.is_some() { provision } else { Provision::none() };
    let (context, layers) = prepare(settings, plan, &given, &abilities).await?;
    warn_of_odd_names(plan, console).await;
    let options = options(settings, plan, session.as_ref());
    let engine = Run { docker: &docker, provision: &given };
    engine.run(options, context, console).await?;
    let built = engine.inspect(&plan.image).await?;
    if let Some(needles) = Needles::new(&plan.build_env) {
        engine.refuse_leaks(&plan.image, layers, needles, console).await?;
    }
    Ok(built)
}

async fn provision(settings: &DockerSettings, plan: &BuildPlan) -> Result<Provision, Fault> {
    let certificates = match &settings.ca_certificates {
        None => None,
        Some(path) => {
            let bytes = tokio::fs::read(path)
                .await
                .map_err(|error| operator(&format!("the certificates cannot be read: {error}")))?;
            if bytes.len() as u64 > MAX_CERTIFICATES {
                return Err(operator("the certificates are larger than 500 KiB"));
            }
            Some(bytes)
        }
    };
    Ok(Provision::new(Ingredients {
        environment: settings.environment.clone().into_iter().collect(),
        certificates,
        build_env: &plan.build_env,
        scope: &plan.secret_scope,
    }))
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
        Err(SessionOrFault::NoBuildKit(answer)) if !plan.build_env.is_empty() => Err(operator(&format!(
            "it has no BuildKit ({answer}), without which build variables would end up in the image"
        ))),
        Err(SessionOrFault::NoBuildKit(_)) => {
            console.warn("The Docker Engine has no BuildKit: certificates and index settings of the Hub do not reach the build.").await;
            Ok(None)
        }
    }
}

fn check_platform(plan: &BuildPlan, abilities: &Abilities) -> Result<(), Fault> {
    let offered = abilities.info.platform.as_str();
    match &plan.platform {
        Some(wanted) if wanted != offered => Err(Fault::new(
            FaultKind::Platform,
            format!(
                "The platform {wanted} is not offered here: this Hub's engine builds for {offered}. Leave the platform out or choose that one."
            ),
        )),
        _ => Ok(()),
    }
}

/// What is to be sent, and how many layers it makes at most.
async fn prepare(
    settings: &DockerSettings,
    plan: &BuildPlan,
    provision: &Provision,
    abilities: &Abilities,
) -> Result<(Context, usize), Fault> {
    let (package, dockerfile) = (plan.package.clone(), plan.dockerfile.clone());
    let recipe = tokio::task::spawn_blocking(move || context::read_recipe(&package, &dockerfile))
        .await
        .map_err(|_| Fault::new(FaultKind::Internal, "Reading the package was cut off. It is tried again."))?
        .map_err(package_fault)?;
    let dockerfile_fault = |reason: String| Fault::new(FaultKind::Dockerfile, reason);
    let text = recipe.dockerfile.ok_or_else(|| {
        dockerfile_fault(format!(
            "The package has no file '{}'. Name the Dockerfile by its path in the package.",
            plan.dockerfile
        ))
    })?;
    // What the Hub writes itself builds upon what the operator chose.
    let allowed = if plan.dockerfile_is_generated { Vec::new() } else { settings.allowed_images.clone() };
    let rules = Rules {
        images: &ImageRule::new(allowed, &settings.own_image_prefix),
        provision,
        heredocs: abilities.heredocs,
        args: arguments(plan, &abilities.info.platform),
    };
    let rewritten = rewrite(&text, &rules).map_err(|rejected| dockerfile_fault(rejected.to_string()))?;
    let ignore = Ignore::parse(&recipe.ignore)
        .map_err(|invalid| dockerfile_fault(format!("The .dockerignore cannot be used: {invalid}.")))?;
    let context = Context {
        package: plan.package.clone(),
        dockerfile: plan.dockerfile.clone(),
        rewritten: rewritten.text,
        ignore,
    };
    Ok((context, rewritten.layers))
}

/// What `FROM` may use: the plan's arguments and those that the engine sets by itself.
fn arguments(plan: &BuildPlan, platform: &str) -> BTreeMap<String, String> {
    let mut arguments = build_args(plan);
    let (os, arch) = platform.split_once('/').unwrap_or((platform, ""));
    for side in ["BUILD", "TARGET"] {
        arguments.insert(format!("{side}PLATFORM"), platform.to_owned());
        arguments.insert(format!("{side}OS"), os.to_owned());
        arguments.insert(format!("{side}ARCH"), arch.to_owned());
        arguments.insert(format!("{side}VARIANT"), String::new());
    }
    arguments
}

/// Arguments of the plan, but none that steer BuildKit itself (`BUILDKIT_SYNTAX` would load another frontend).
fn build_args(plan: &BuildPlan) -> BTreeMap<String, String> {
    plan.build_args
        .iter()
        .filter(|(name, _)| !name.to_ascii_uppercase().starts_with("BUILDKIT_"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

async fn warn_of_odd_names(plan: &BuildPlan, console: &mut Console) {
    for name in plan.build_env.names().filter(|name| !is_shell_name(name)) {
        console
            .warn(&format!(
                "The build variable {name} begins with a digit, which no shell can set: it is only to be had as --mount=type=secret,id={name}."
            ))
            .await;
    }
}

fn options(settings: &DockerSettings, plan: &BuildPlan, session: Option<&Session>) -> BuildImageOptions {
    let mut labels: HashMap<String, String> = plan.labels.clone().into_iter().collect();
    labels.insert(EXECUTOR_LABEL.to_owned(), plan.executor.to_string());
    labels.insert(COMMIT_LABEL.to_owned(), plan.commit.to_string());
    let mut args: HashMap<String, String> = build_args(plan).into_iter().collect();
    if session.is_none() {
        args.extend(settings.environment.clone());
    }
    let options = BuildImageOptionsBuilder::default()
        .dockerfile(&plan.dockerfile)
        .t(&plan.image)
        .rm(true)
        .forcerm(true)
        .nocache(plan.no_cache)
        .labels(&labels)
        .buildargs(&args)
        .networkmode(match settings.network {
            Network::Default => "default",
            Network::None => "none",
        });
    match session {
        Some(session) => options.version(BuilderVersion::BuilderBuildKit).session(session.id()).build(),
        None => {
            let memory = i32::try_from(plan.limits.memory_bytes).unwrap_or(i32::MAX);
            options.version(BuilderVersion::BuilderV1).memory(memory).memswap(memory).build()
        }
    }
}

struct Run<'r> {
    docker: &'r Docker,
    provision: &'r Provision,
}

impl Run<'_> {
    async fn run(
        &self,
        options: BuildImageOptions,
        context: Context,
        console: &mut Console,
    ) -> Result<(), Fault> {
        let (stream, writing) = context::send(context);
        let mut progress = Progress::new(console.line_bytes_before_masking());
        let mut plain = LineSplitter::new(console.line_bytes_before_masking());
        let error = {
            let mut reports =
                std::pin::pin!(self.docker.build_image(options, None, Some(body_try_stream(stream))));
            loop {
                match reports.next().await {
                    Some(Ok(report)) => {
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
        let Some(error) = error else { return Ok(()) };
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
        let mut failed = progress.failed();
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
            _ => console.recent(),
        };
        Fault::new(kind, console.clean(&message)).with_lines(lines)
    }

    async fn inspect(&self, image: &str) -> Result<BuiltImage, Fault> {
        let found = self
            .docker
            .inspect_image(image)
            .await
            .map_err(|error| operator(&format!("it does not show the image that it built: {error}")))?;
        let platform = format!(
            "{}/{}{}",
            found.os.as_deref().unwrap_or("linux"),
            found.architecture.as_deref().unwrap_or("amd64"),
            found
                .variant
                .filter(|variant| !variant.is_empty())
                .map(|variant| format!("/{variant}"))
                .unwrap_or_default()
        );
        Ok(BuiltImage {
            id: found.id.unwrap_or_default(),
            name: image.to_owned(),
            platform,
            size: found.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        })
    }

    /// Removes the image when a value of a build variable is in it. An image that cannot be searched is not used.
    async fn refuse_leaks(
        &self,
        image: &str,
        layers: usize,
        needles: Needles,
        console: &Console,
    ) -> Result<(), Fault> {
        let leak = match search(self.docker, image, layers, needles).await {
            Ok(None) => return Ok(()),
            Ok(Some(leak)) => leak,
            Err(error) => {
                self.discard(image).await;
                return Err(operator(&format!(
                    "the image could not be searched for build variables: {error}"
                )));
            }
        };
        self.discard(image).await;
        let names = leak.variables.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let place = match (&leak.file, &leak.step) {
            (Some(file), Some(step)) => {
                format!("the file {file}, written by the step `{}`", self.step_of_history(step))
            }
            (Some(file), None) => format!("the file {file}"),
            _ => "its description (ENV, LABEL, or a command's own text)".to_owned(),
        };
        let message = format!(
            "The value of {names} was found in the image, in {place}. The image was removed. Use the variable only while the step runs, and delete what keeps it in the same step."
        );
        Err(Fault::new(FaultKind::SecretLeak, console.clean(&message)))
    }

    /// `RUN /bin/sh -c x # buildkit` as the author wrote it.
    fn step_of_history(&self, created_by: &str) -> String {
        let text = self.provision.hide(created_by);
        let text = text.trim_end_matches("# buildkit").trim_end();
        text.replacen("RUN /bin/sh -c ", "RUN ", 1)
    }

    async fn discard(&self, image: &str) {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        if let Err(error) = self.docker.remove_image(image, Some(options), None).await {
            tracing::warn!(image, %error, "an image that must not be used could not be removed");
        }
    }
}

fn lines_of(report: BuildInfo, progress: &mut Progress, plain: &mut LineSplitter) -> Vec<String> {
    match (report.aux, report.stream) {
        (Some(BuildInfoAux::BuildKit(report)), _) => progress.update(&report),
        (_, Some(text)) => plain.push(text.as_bytes()),
        _ => Vec::new(),
    }
}

fn operator(reason: &str) -> Fault {
    Fault::new(
        FaultKind::Engine,
        format!("The Docker Engine cannot build this: {reason}. The operator of this Hub must see to it."),
    )
}

fn package_fault(error: ContextError) -> Fault {
    match error {
        ContextError::TooLarge(_) => Fault::new(
            FaultKind::Dockerfile,
            format!("The package cannot be built: {error}. Make it shorter."),
        ),
        error => Fault::new(
            FaultKind::Internal,
            format!("The package cannot be built: {error}. It is tried again."),
        ),
    }
}

fn is_broken_pipe(error: &ContextError) -> bool {
    matches!(error, ContextError::Read(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
}
