//! Could an image be built now? The engine, the base image, and the index that requirements come from.

use std::time::Duration;

use super::{LIMIT, report::Report};
use crate::{
    builds::docker::{DockerEngine, DockerSettings, diagnosis::BaseImage},
    cli::web::{Ask, Site, WebError, ask},
    config::{BuildMode, BuildNetwork, Settings},
};

/// Registries answer slowly when they are asked through an engine.
const ENGINE_TIME: Duration = Duration::from_secs(40);

pub(super) async fn check(settings: &Settings, report: &mut Report) {
    let builds = &settings.builds;
    if builds.mode == BuildMode::Off || builds.slots == 0 {
        report.good("engine", "this process builds nothing");
        return;
    }
    check_engine(settings, report).await;
    check_index(settings, report).await;
}

async fn check_engine(settings: &Settings, report: &mut Report) {
    let builds = &settings.builds;
    let base = builds
        .base_image
        .replace("{jina}", &builds.default_jina)
        .replace("{python}", &builds.default_python)
        .replace("{docarray}", &builds.default_docarray);
    let engine =
        DockerEngine::new(DockerSettings { host: Some(builds.engine.clone()), ..DockerSettings::default() });
    let asked = tokio::time::timeout(ENGINE_TIME, engine.diagnose(&base)).await;
    let diagnosis = match asked {
        Ok(Ok(diagnosis)) => diagnosis,
        Ok(Err(fault)) => return no_engine(settings, &fault.message, report),
        Err(_) => return no_engine(settings, "it is silent", report),
    };
    report.good(
        "engine",
        format!("Docker Engine {} for {}", diagnosis.info.version, diagnosis.info.platforms.join(", ")),
    );
    if diagnosis.info.buildkit {
        report.good("buildkit", "the engine has BuildKit");
    } else {
        report.warn(
            "buildkit",
            "the engine has no BuildKit: builds with variables are refused",
            "Use Docker Engine 20.10 or later.",
        );
    }
    match diagnosis.unbounded {
        None => report.good("build_limits", "memory, processes and disk of build steps are bounded"),
        Some(why) => report.warn(
            "build_limits",
            format!("memory, processes and disk of build steps are not bounded: {why}"),
            "Run the worker as root on the engine's machine, or set `builds.unkept_limits = \"refuse\"`.",
        ),
    }
    match diagnosis.base_image {
        BaseImage::Present => report.good("base_image", format!("the engine has {base}")),
        BaseImage::Pullable => report.good("base_image", format!("{base} can be pulled")),
        BaseImage::Missing(why) => report.fault(
            "base_image",
            format!("{base}: {why}"),
            "Build or pull it on the engine's machine, or set `builds.base_image` to one that is there.",
        ),
    }
}

fn no_engine(settings: &Settings, why: &str, report: &mut Report) {
    let fix = "Start the engine, let the Hub's user reach its socket, or set `builds.engine`; without images: \
               `builds.mode = \"off\"`.";
    if settings.builds.mode == BuildMode::Required {
        report.fault("engine", why, fix);
    } else {
        report.warn("engine", format!("{why} Pushes are taken, and images are not built."), fix);
    }
}

/// From this machine: what a step reaches is known only once one runs, but what this machine does not reach, hardly any
/// step does.
async fn check_index(settings: &Settings, report: &mut Report) {
    let variables = &settings.builds.environment;
    let has_proxy = variables.keys().any(|name| name.to_ascii_lowercase().ends_with("_proxy"));
    if has_proxy || settings.builds.network == BuildNetwork::None {
        report
            .good("package_index", "builds reach the network through a proxy, or not at all; not looked at");
        return;
    }
    let Some(url) = variables.get("PIP_INDEX_URL") else {
        report.good("package_index", "builds ask the index that pip knows by itself; not looked at");
        return;
    };
    // A password in it is nobody's business.
    let shown = url.rsplit('@').next().unwrap_or_default();
    let answer = match Site::parse(url) {
        Ok(site) => ask(&site, Ask::get("/"), LIMIT).await,
        Err(_) => Err(WebError::Address(shown.to_owned())),
    };
    match answer {
        Ok(reply) if reply.status < 500 => report.good("package_index", format!("{shown} answers")),
        other => report.warn(
            "package_index",
            match other {
                Ok(reply) => format!("{shown} answers with {}", reply.status),
                Err(error) => format!("requirements cannot be had: {error}"),
            },
            "Set PIP_INDEX_URL, or HTTPS_PROXY, in `[builds.environment]` to what build steps can reach.",
        ),
    }
}
