//! When a build fails, is it said whose fault it is, and what to do?

use std::time::{Duration, Instant};

use executor_hub::{
    builds::{engine::Engine as _, platforms},
    domain::task::FaultKind,
};

use super::*;

async fn fault_of(dockerfile: &str) -> Fault {
    run(&engine().await, job(dockerfile)).await.fault().clone()
}

#[tokio::test]
async fn docker_failing_step_is_named_with_its_code_and_last_lines() {
    let fault = fault_of("FROM BASE\nRUN echo before-the-end && exit 3\n").await;
    assert_eq!(fault.kind, FaultKind::Step, "{fault:?}");
    assert!(
        fault.message.starts_with("The step `RUN echo before-the-end && exit 3` ended with exit code 3."),
        "{fault:?}"
    );
    assert_eq!(fault.lines, ["before-the-end"]);
}

#[tokio::test]
async fn docker_missing_base_image_is_the_base_images_fault() {
    let fault = fault_of("FROM executor-hub-no-such-base:1\nRUN true\n").await;
    assert_eq!(fault.kind, FaultKind::BaseImage, "{fault:?}");
    assert!(
        fault.message.starts_with("The base image docker.io/library/executor-hub-no-such-base:1 cannot"),
        "{fault:?}"
    );
}

#[tokio::test]
async fn docker_missing_requirement_is_a_fault_of_the_dependencies() {
    let fault =
        fault_of("FROM BASE\nRUN pip install --no-cache-dir executor-hub-has-no-such-package==9.9\n").await;
    assert_eq!(fault.kind, FaultKind::Dependency, "{fault:?}");
    assert!(fault.message.contains("executor-hub-has-no-such-package"), "{fault:?}");
}

#[tokio::test]
async fn docker_step_that_cannot_begin_is_no_fault_of_the_base_image() {
    for dockerfile in ["FROM scratch\nRUN true\n", "FROM BASE\nUSER nobody-of-that-name\nRUN true\n"] {
        let fault = fault_of(dockerfile).await;
        assert_eq!(fault.kind, FaultKind::Step, "{fault:?}");
        assert!(fault.message.starts_with("The step `RUN true` failed"), "{fault:?}");
    }
}

#[tokio::test]
async fn docker_missing_file_is_told_from_the_engines_faults() {
    let fault = fault_of("FROM BASE\nCOPY nope.txt /x\n").await;
    assert_eq!(fault.kind, FaultKind::Dockerfile, "{fault:?}");
    assert!(fault.message.contains("nope.txt"), "{fault:?}");
}

#[tokio::test]
async fn docker_faulty_dockerfile_is_the_authors() {
    for (dockerfile, sign) in [
        ("FROM BASE\nRUNN true\n", "Line 2"),
        ("FROM BASE\nENV\n", "line 2"),
        ("FROM BASE AS\n", "Line 1"),
        ("\n", ""),
        ("FROM BASE\n\nRUN --mount=type=nope,target=/x true\n", ""),
    ] {
        let fault = fault_of(dockerfile).await;
        assert_eq!(fault.kind, FaultKind::Dockerfile, "{dockerfile:?}: {fault:?}");
        assert!(fault.message.contains(sign), "{fault:?}");
    }
    let no_file = job("").change(|plan| plan.dockerfile = "other.Dockerfile".into());
    assert_eq!(run(&engine().await, no_file).await.fault().kind, FaultKind::Dockerfile);
}

#[tokio::test]
async fn docker_killed_step_is_a_matter_of_memory() {
    let fault = fault_of("FROM BASE\nRUN sh -c 'kill -9 $$'\n").await;
    assert_eq!(fault.kind, FaultKind::Memory, "{fault:?}");
}

#[tokio::test]
async fn docker_unreachable_host_is_a_matter_of_the_network() {
    let fault =
        fault_of("FROM BASE\nRUN pip install --retries 1 --index-url http://127.0.0.1:1/simple six\n").await;
    assert_eq!(fault.kind, FaultKind::Network, "{fault:?}");
}

#[tokio::test]
async fn docker_foreign_images_are_refused() {
    let fault = fault_of("FROM executor-hub-test/other:1\n").await;
    assert_eq!(fault.kind, FaultKind::Dockerfile, "{fault:?}");
    let engine = engine_with(DockerSettings { allowed_images: vec!["python".into()], ..settings() }).await;
    let refused = run(&engine, job("FROM BASE\nRUN true\n")).await;
    assert!(refused.fault().message.contains("does not allow"), "{:?}", refused.fault());
    let generated =
        run(&engine, job("FROM BASE\nRUN true\n").change(|plan| plan.dockerfile_is_generated = true)).await;
    engine.remove(&generated.image().name).await.expect("removed");
}

#[tokio::test]
async fn docker_engine_says_all_platforms_that_it_builds_for() {
    let engine = engine().await;
    let offered = engine.ping().await.expect("an answer").platforms;
    let own = offered[0].clone();
    assert_eq!(platforms::choose(&[own.to_uppercase()], &offered).expect("its own"), [None]);
    for (wanted, missing) in [
        (vec!["linux/s390x".to_owned()], "The platform linux/s390x is"),
        (vec![own, "linux/s390x".into(), "windows/amd64".into()], "platforms linux/s390x, windows/amd64 are"),
    ] {
        let fault = platforms::choose(&wanted, &offered).expect_err("no such engine runs the tests");
        assert_eq!(fault.kind, FaultKind::Platform);
        assert!(fault.message.contains(missing), "{fault:?}");
        assert!(fault.message.contains(&format!("builds for {}", offered.join(", "))), "{fault:?}");
    }
}

#[tokio::test]
async fn docker_builds_for_another_platform_that_it_offers() {
    let engine = engine().await;
    // A 64-bit x86 processor runs 32-bit programs, too.
    let offered = engine.ping().await.expect("an answer").platforms;
    let Some(other) = offered.get(1).cloned() else { return };
    let asked = |text| job(text).change(|plan| plan.platform = Some(other.clone()));
    let built =
        run(&engine, asked("FROM scratch\nARG TARGETPLATFORM\nCOPY executor.py /$TARGETPLATFORM/\n")).await;
    assert_eq!(built.image().platform, other);
    engine.remove(&built.image().name).await.expect("removed");
}

#[tokio::test]
async fn docker_engine_that_is_not_there_is_the_operators() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("docker.sock");
    let host = format!("unix://{}", socket.display());
    let engine = DockerEngine::new(DockerSettings { host: Some(host), ..settings() });
    assert_eq!(engine.ping().await.expect_err("nobody is there").kind, FaultKind::Engine);
    assert_eq!(run(&engine, job("FROM BASE\n")).await.fault().kind, FaultKind::Engine);
    assert_eq!(engine.remove("x").await.expect_err("nobody is there").kind, FaultKind::Engine);

    // One that takes the connection and never says a word.
    let _listener = tokio::net::UnixListener::bind(&socket).expect("a socket");
    let asked = Instant::now();
    assert_eq!(engine.ping().await.expect_err("nobody answers").kind, FaultKind::Engine);
    assert!(asked.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn docker_lost_package_is_no_fault_of_the_author() {
    let job = job("FROM BASE\n");
    std::fs::remove_file(&job.plan.package).expect("removed");
    let outcome = run(&engine().await, job).await;
    assert!(outcome.fault().kind.is_retried(), "{:?}", outcome.fault());
}
