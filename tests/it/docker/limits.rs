//! Does a hostile build end within its limit, whatever it does, and leave its neighbours alone?

use std::time::{Duration, Instant};

use executor_hub::{builds::docker::Unbounded, domain::task::FaultKind};

use futures_util::future::join_all;

use super::{front::over_tcp, *};

/// How soon a bomb must be out; those that only wait would last for half a day. Long enough for a machine on which the
/// tests hardly get a turn.
const SOON: Duration = Duration::from_mins(4);

/// Whether steps are bounded here: always for root beside its engine, and else the log must say that they are not.
async fn bounds_hold() -> bool {
    let engine = engine().await;
    let outcome = run(&engine, job("FROM BASE\nRUN true\n")).await;
    engine.remove(&outcome.image().name).await.expect("removed");
    let is_told = outcome.log().contains("are not bounded");
    assert!(!(is_told && nix::unistd::Uid::effective().is_root()), "{}", outcome.log());
    !is_told
}

/// Every bomb is one that would end by itself, in case nothing stops it.
async fn defused(command: &str, limits: BuildLimits) -> Fault {
    let engine = engine().await;
    let bomb = job(&format!("FROM BASE\nRUN {command}\n")).change(|plan| plan.limits = limits);
    let neighbour = job("FROM BASE\nRUN sleep 2 && echo unharmed\n");
    let began = Instant::now();
    let bomb = async {
        let outcome = run(&engine, bomb).await;
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        let next = run(&engine, job("FROM BASE\nRUN echo unharmed\n")).await;
        (outcome, next)
    };
    let ((outcome, next), neighbour) = tokio::join!(bomb, run(&engine, neighbour));
    for built in [next, neighbour] {
        let image = built.image().name.clone();
        assert!(built.log().contains(" unharmed"), "{}", built.log());
        engine.remove(&image).await.expect("removed");
    }
    outcome.fault().clone()
}

#[tokio::test]
async fn docker_step_that_eats_memory_is_killed_at_its_limit() {
    if !bounds_hold().await {
        return;
    }
    let limits = BuildLimits { memory_bytes: 64 << 20, ..BuildLimits::default() };
    let bomb =
        "exec python3 -c 'import time; a = [(bytearray(1 << 20), time.sleep(.002)) for _ in range(2048)]'";
    let fault = defused(bomb, limits).await;
    assert_eq!(fault.kind, FaultKind::Memory, "{fault:?}");
    assert!(fault.message.contains("64 MiB"), "{fault:?}");
}

#[tokio::test]
async fn docker_step_that_hides_its_lack_of_memory_is_seen_through() {
    if !bounds_hold().await {
        return;
    }
    let limits = BuildLimits { memory_bytes: 64 << 20, ..BuildLimits::default() };
    let bomb = "python3 -c 'import time; a = [(bytearray(1 << 20), time.sleep(.002)) for _ in range(2048)]'; sleep 1; exit 1";
    let fault = defused(bomb, limits).await;
    assert_eq!(fault.kind, FaultKind::Memory, "{fault:?}");
}

#[tokio::test]
async fn docker_step_that_multiplies_is_stopped_at_its_limit() {
    if !bounds_hold().await {
        return;
    }
    let limits = BuildLimits { processes: 64, ..BuildLimits::default() };
    let bomb = "(for i in $(seq 1000); do sleep 43001 & done); exec sleep 43001";
    let fault = defused(bomb, limits).await;
    assert_eq!(fault.kind, FaultKind::Processes, "{fault:?}");
    assert!(fault.message.contains("64 processes"), "{fault:?}");
}

#[tokio::test]
async fn docker_step_that_fills_the_disk_is_stopped_at_its_limit() {
    if !bounds_hold().await {
        return;
    }
    let limits = BuildLimits { disk_bytes: 64 << 20, ..BuildLimits::default() };
    let bombs = [
        "head -c 100M /dev/zero > /big; sleep 43002",
        // Without a name.
        "exec 3>/big; rm /big; head -c 100M /dev/zero >&3; sleep 43003",
        // In a cache, which is no part of the layer.
        "--mount=type=cache,target=/c head -c 100M /dev/zero > /c/big; sleep 43004",
        "python3 -c 'import os; [os.mkdir(f\"/{i}\") for i in range(20000)]'; sleep 43005",
    ];
    for fault in join_all(bombs.map(|bomb| defused(bomb, limits))).await {
        assert_eq!(fault.kind, FaultKind::Disk, "{fault:?}");
        assert!(fault.message.contains("64 MiB"), "{fault:?}");
    }
}

#[tokio::test]
async fn docker_disk_that_is_nearly_full_is_the_engines_fault() {
    if !bounds_hold().await {
        return;
    }
    let limits = BuildLimits { disk_reserve_bytes: u64::MAX, ..BuildLimits::default() };
    let fault = defused("sleep 43006", limits).await;
    assert_eq!(fault.kind, FaultKind::Engine, "{fault:?}");
}

#[tokio::test]
async fn docker_step_that_never_stops_printing_is_stopped_at_its_limit() {
    let limits = BuildLimits { output_bytes: 1 << 20, log_bytes: 10_000, ..BuildLimits::default() };
    let bombs = ["yes | head -c 4G", "head -c 4G /dev/zero"];
    for fault in join_all(bombs.map(|bomb| defused(bomb, limits))).await {
        assert_eq!(fault.kind, FaultKind::Output, "{fault:?}");
    }
}

#[tokio::test]
async fn docker_limits_that_cannot_be_kept_are_told_or_refused() {
    let warned = engine_with(over_tcp().await).await;
    let real = engine().await;
    let outcome = run(&warned, job("FROM BASE\nRUN true\n")).await;
    let image = outcome.image().name.clone();
    assert!(outcome.log().contains("are not bounded"), "{}", outcome.log());
    real.remove(&image).await.expect("removed");

    let strict = engine_with(DockerSettings { unbounded: Unbounded::Refused, ..over_tcp().await }).await;
    let secret = run(&strict, job("FROM BASE\nRUN true\n").env(r#"{"TOKEN": "hunter2"}"#)).await;
    assert_eq!(secret.fault().kind, FaultKind::Unsupported, "{:?}", secret.fault());
    // Without variables the classic builder bounds the memory.
    let bomb = job("FROM BASE\nRUN exec python3 -c 'a = bytearray(1 << 28)'\n")
        .change(|plan| plan.limits.memory_bytes = 64 << 20);
    let outcome = run(&strict, bomb).await;
    assert_eq!(outcome.fault().kind, FaultKind::Memory, "{:?}", outcome.fault());
}
