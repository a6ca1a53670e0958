//! What does the engine need to know before a build? Reads the package's Dockerfile, applies the rules to it, and
//! gathers labels, arguments and limits.

use std::collections::{BTreeMap, HashMap};

use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion};

use crate::{
    builds::{engine::BuildPlan, fault::Fault},
    domain::task::FaultKind,
};

use super::{
    DockerSettings, Network,
    connection::Abilities,
    console::Console,
    context::{self, Context, ContextError},
    dockerfile::{Rules, rewrite},
    ignore::Ignore,
    images::ImageRule,
    provision::{Ingredients, Provision, is_shell_name},
    session::Session,
};

/// Marks the Hub's images, so that cleaning up touches no others.
pub const EXECUTOR_LABEL: &str = "executor-hub.executor";
const COMMIT_LABEL: &str = "executor-hub.commit";

/// Letters of a faulty line of a Dockerfile that are shown.
const SHOWN_LINE: usize = 300;

/// BuildKit takes no larger secret.
const MAX_CERTIFICATES: u64 = 500 << 10;

/// What every `RUN` will be given.
pub async fn provision(settings: &DockerSettings, plan: &BuildPlan, mark: &str) -> Result<Provision, Fault> {
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
        mark: Some(mark),
    }))
}

/// What is to be sent, and how many layers it makes at most.
pub async fn prepare(
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
        args: arguments(plan, abilities),
    };
    let rewritten = rewrite(&text, &rules).map_err(|rejected| {
        let line = text.lines().nth(rejected.line.saturating_sub(1)).unwrap_or_default();
        let shown: String = line.chars().take(SHOWN_LINE).collect();
        dockerfile_fault(rejected.to_string()).with_lines(vec![shown])
    })?;
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
fn arguments(plan: &BuildPlan, abilities: &Abilities) -> BTreeMap<String, String> {
    let mut arguments = build_args(plan);
    let own = abilities.info.platforms.first().map_or("linux/amd64", String::as_str);
    for (side, platform) in [("BUILD", own), ("TARGET", plan.platform.as_deref().unwrap_or(own))] {
        let mut parts = platform.splitn(3, '/');
        for name in ["OS", "ARCH", "VARIANT"] {
            arguments.insert(format!("{side}{name}"), parts.next().unwrap_or_default().to_owned());
        }
        arguments.insert(format!("{side}PLATFORM"), platform.to_owned());
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

/// Tells the author of variables that no shell can set.
pub async fn warn_of_odd_names(plan: &BuildPlan, console: &mut Console) {
    for name in plan.build_env.names().filter(|name| !is_shell_name(name)) {
        console
            .warn(&format!(
                "The build variable {name} begins with a digit, which no shell can set: it is only to be had as --mount=type=secret,id={name}."
            ))
            .await;
    }
}

/// What the engine is asked for; without a session it is the classic builder.
pub fn options(settings: &DockerSettings, plan: &BuildPlan, session: Option<&Session>) -> BuildImageOptions {
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
    if let Some(session) = session {
        let options = match &plan.platform {
            Some(platform) => options.platform(platform),
            None => options,
        };
        return options.version(BuilderVersion::BuilderBuildKit).session(session.id()).build();
    }
    // Only the classic builder bounds the memory of a step; BuildKit takes no such limit for one build.
    let memory = i32::try_from(plan.limits.memory_bytes).unwrap_or(i32::MAX);
    options.version(BuilderVersion::BuilderV1).memory(memory).memswap(memory).build()
}

/// Something about the engine that only its operator can mend.
pub fn operator(reason: &str) -> Fault {
    Fault::new(
        FaultKind::Engine,
        format!("The Docker Engine cannot build this: {reason}. The operator of this Hub must see to it."),
    )
}

/// Something that this engine cannot do safely, so that another try would end the same.
pub fn unsupported(reason: &str) -> Fault {
    Fault::new(FaultKind::Unsupported, format!("This Hub's Docker Engine cannot build this: {reason}."))
}

/// A package that was accepted and cannot be sent all the same.
pub fn package_fault(error: ContextError) -> Fault {
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
