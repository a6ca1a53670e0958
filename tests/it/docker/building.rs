//! What does a build that goes well leave behind?

use executor_hub::{
    builds::{docker::Network, engine::Engine as _},
    domain::task::FaultKind,
};

use super::{
    front::{Front, Sessions},
    *,
};

#[tokio::test]
async fn docker_engine_says_what_it_is() {
    let info = engine().await.ping().await.expect("an answer");
    assert!(info.version.starts_with(|first: char| first.is_ascii_digit()), "{info:?}");
    assert!(info.platforms.first().is_some_and(|own| own.starts_with("linux/")), "{info:?}");
    assert!(info.buildkit, "{info:?}");
}

#[tokio::test]
async fn docker_build_makes_an_image_with_its_labels_and_tells_its_steps() {
    let engine = engine().await;
    let job = job("# syntax=docker/dockerfile:1\nFROM BASE\nARG GREETING=none\nCOPY . /app\nRUN echo say-$GREETING && ls /app\n")
        .change(|plan| drop(plan.build_args.insert("GREETING".into(), "hello".into())));
    let (executor, commit) = (job.plan.executor.to_string(), job.plan.commit.to_string());
    let outcome = run(&engine, job).await;
    let image = outcome.image();
    assert!(
        image.id.starts_with("sha256:") && image.size > 1_000_000 && image.platform.starts_with("linux/"),
        "{image:?}"
    );
    let labels =
        client().inspect_image(&image.name).await.expect("the image").config.and_then(|config| config.labels);
    let labels = labels.expect("labels");
    assert_eq!(labels["executor-hub.executor"], executor);
    assert_eq!(labels["executor-hub.commit"], commit);
    assert_eq!(labels["org.opencontainers.image.title"], "Test");
    let log = outcome.log();
    let header = outcome.lines.iter().find(|line| line.contains("] RUN echo say-")).expect(&log);
    let number = header.split(' ').next().expect("a number");
    assert!(
        outcome.lines.iter().any(|line| line.starts_with(number) && line.ends_with(" say-hello")),
        "{log}"
    );
    assert!(outcome.lines.iter().any(|line| line.starts_with(&format!("{number} DONE "))), "{log}");
    assert!(!log.contains("/run/hub") && !log.contains("hubenv"), "the Hub's own additions show:\n{log}");
    engine.remove(&image.name).await.expect("removed");
    assert!(client().inspect_image(&image.name).await.is_err());
    engine.remove(&image.name).await.expect("removing nothing is no error");
}

#[tokio::test]
async fn docker_ignored_files_stay_out_and_nothing_is_added() {
    let engine = engine().await;
    let job = job("FROM BASE\nCOPY . /app\nRUN find /app -type f | sort | tr '\\n' ' '\n");
    write_package(
        &job.plan.package,
        &[
            (
                "Dockerfile",
                &format!("FROM {}\nCOPY . /app\nRUN echo $(find /app -type f | sort) end\n", base()),
            ),
            (".dockerignore", "*.secret\n"),
            ("a.py", ""),
            ("my.secret", ""),
        ],
    );
    let outcome = run(&engine, job).await;
    let image = outcome.image().name.clone();
    assert!(outcome.log().contains("/app/.dockerignore /app/Dockerfile /app/a.py end"), "{}", outcome.log());
    engine.remove(&image).await.expect("removed");
}

#[tokio::test]
async fn docker_pip_reaches_the_index_through_the_hubs_settings() {
    let engine = engine().await;
    let outcome = run(&engine, job("FROM BASE\nRUN pip install --no-cache-dir six\nUSER nobody\nRUN [\"python3\", \"-c\", \"import six, os; print('cert', os.environ.get('PIP_CERT'))\"]\n")).await;
    let image = outcome.image().name.clone();
    if settings().ca_certificates.is_some() {
        assert!(outcome.log().contains("cert /run/hub/ca.crt"), "{}", outcome.log());
    }
    engine.remove(&image).await.expect("removed");
}

#[tokio::test]
async fn docker_cached_steps_are_reused_unless_told_otherwise() {
    let engine = engine().await;
    let again = || {
        job("FROM BASE\nRUN echo cached-or-not > /x\n").change(|plan| {
            plan.no_cache = false;
            plan.secret_scope = "same".into();
        })
    };
    let first = run(&engine, again()).await;
    let second = run(&engine, again()).await;
    assert!(second.log().contains(" CACHED"), "{}", second.log());
    let fresh = run(&engine, again().change(|plan| plan.no_cache = true)).await;
    let number =
        fresh.lines.iter().find(|line| line.contains("] RUN")).and_then(|line| line.split(' ').next());
    let number = number.expect("the step");
    assert!(fresh.lines.iter().any(|line| line.starts_with(&format!("{number} DONE"))), "{}", fresh.log());
    for outcome in [first, second, fresh] {
        engine.remove(&outcome.image().name).await.expect("removed");
    }
}

#[tokio::test]
async fn docker_network_none_leaves_only_the_loopback() {
    let engine = engine_with(DockerSettings { network: Network::None, ..settings() }).await;
    let outcome = run(&engine, job("FROM BASE\nRUN echo interfaces: $(ls /sys/class/net) end\n")).await;
    let image = outcome.image().name.clone();
    assert!(outcome.log().contains("interfaces: lo end"), "{}", outcome.log());
    engine.remove(&image).await.expect("removed");
}

#[tokio::test]
async fn docker_engine_without_buildkit_builds_only_what_has_no_variables() {
    let real = engine().await;
    let front = Front::open(Sessions::Unknown);
    let engine = engine_with(front.settings()).await;
    assert!(!engine.ping().await.expect("an answer").buildkit);

    let built = run(&engine, job("FROM BASE\nRUN echo classic-step\n")).await;
    assert!(built.log().contains("classic-step"), "{}", built.log());
    real.remove(&built.image().name).await.expect("removed");
    let failed = run(&engine, job("FROM BASE\nRUN exit 3\n")).await;
    assert!(
        failed.fault().message.starts_with("The step `RUN exit 3` ended with exit code 3."),
        "{:?}",
        failed.fault()
    );
    let refused = run(&engine, job("FROM BASE\nRUN true\n").env(r#"{"TOKEN": "hunter2"}"#)).await;
    assert_eq!(refused.fault().kind, FaultKind::Unsupported);
    assert!(!refused.fault().kind.is_retried());
}
