//! Does a build end when it should: at its limit, or when nobody wants it any more?

use std::time::{Duration, Instant};

use executor_hub::domain::task::FaultKind;

use super::{
    front::{Front, Sessions},
    *,
};

/// How soon the engine must have killed a step.
const SOON: Duration = Duration::from_secs(20);

/// A step that would run for hours, told from all others by its argument.
fn endless(seconds: u32) -> String {
    format!("FROM BASE\nRUN echo running-now; exec sleep {seconds}\n")
}

/// Whether a process `sleep <seconds>` runs on this machine, in whatever container.
fn sleeps(seconds: u32) -> bool {
    let wanted = format!("sleep\0{seconds}\0");
    std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok).any(|process| {
        std::fs::read(process.path().join("cmdline")).is_ok_and(|line| line == wanted.as_bytes())
    })
}

async fn ends_soon(seconds: u32) {
    let began = Instant::now();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while sleeps(seconds) {
        assert!(began.elapsed() < SOON, "the step still runs");
        tick.tick().await;
    }
}

async fn runs_now(shown: &mut mpsc::Receiver<BuildOutput>) {
    while let Some(BuildOutput::Line(line) | BuildOutput::Warning(line)) = shown.recv().await {
        if line.ends_with(" running-now") {
            return;
        }
    }
    panic!("the step never ran");
}

#[tokio::test]
async fn docker_engine_that_goes_away_in_mid_build_is_no_fault_of_the_author() {
    let front = Front::open(Sessions::Known);
    let engine = engine_with(front.settings()).await;
    let (output, mut shown) = mpsc::channel(64);
    let Job { plan, _folder: folder } = job(&endless(41_003));
    let going_away = async {
        runs_now(&mut shown).await;
        front.cut();
        while shown.recv().await.is_some() {}
    };
    let (result, ()) = tokio::join!(engine.build(plan, output, None), going_away);
    let fault = result.expect_err("the engine is gone");
    assert_eq!(fault.kind, FaultKind::Engine, "{fault:?}");
    assert_eq!(engine.ping().await.expect_err("still gone").kind, FaultKind::Engine);
    ends_soon(41_003).await;
    drop(folder);
}

#[tokio::test]
async fn docker_dropped_build_stops_its_step() {
    let engine = engine().await;
    let (output, mut shown) = mpsc::channel(64);
    let Job { plan, _folder: folder } = job(&endless(41_001));
    let build = engine.build(plan, output, None);
    let running = runs_now(&mut shown);
    tokio::select! {
        result = build => panic!("an endless build ended: {result:?}"),
        () = running => {}
    }
    ends_soon(41_001).await;
    drop(folder);
}

#[tokio::test]
async fn docker_build_beyond_its_time_is_stopped_and_says_so() {
    let engine = engine().await;
    let job = job(&endless(41_002)).change(|plan| plan.limits.time = Duration::from_secs(4));
    let began = Instant::now();
    let outcome = run(&engine, job).await;
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(outcome.fault().kind, FaultKind::Time);
    assert!(outcome.fault().message.contains("4 seconds"));
    assert!(outcome.fault().lines.iter().any(|line| line.ends_with("running-now")), "{:?}", outcome.fault());
    ends_soon(41_002).await;
}

#[tokio::test]
async fn docker_endless_output_is_cut_and_the_build_goes_on() {
    let engine = engine().await;
    let job = job("FROM BASE\nRUN seq 1 20000; echo the-end; exit 7\n")
        .change(|plan| plan.limits.log_bytes = 2_000);
    let outcome = run(&engine, job).await;
    assert!(outcome.log().len() < 3_000, "{}", outcome.log().len());
    assert!(outcome.log().contains("the log is full"));
    assert!(outcome.lines.last().is_some_and(|line| line.contains("further lines were not kept")));
    assert!(outcome.fault().message.contains("exit code 7"), "{:?}", outcome.fault());
}

#[tokio::test]
async fn docker_reader_that_went_away_does_not_stop_a_build() {
    let engine = engine().await;
    let (output, shown) = mpsc::channel(1);
    drop(shown);
    let Job { plan, _folder: folder } = job("FROM BASE\nRUN seq 1 100\n");
    let built = engine.build(plan, output, None).await.expect("an image");
    engine.remove(&built.name).await.expect("removed");
    drop(folder);
}

#[tokio::test]
async fn docker_cleaning_up_keeps_what_is_in_use() {
    let engine = engine().await;
    let outcome = run(&engine, job("FROM BASE\nRUN true\n")).await;
    engine.prune(Duration::from_hours(24)).await.expect("cleaned");
    assert!(client().inspect_image(&outcome.image().name).await.is_ok());
    engine.remove(&outcome.image().name).await.expect("removed");
}

#[tokio::test]
async fn docker_cleaning_up_removes_what_lost_its_name_and_nothing_of_others() {
    let engine = engine().await;
    let first = run(&engine, job("FROM BASE\nRUN echo one > /one\n")).await.image().clone();
    let name = first.name.clone();
    let again = job("FROM BASE\nRUN echo two > /two\n");
    let second = again.change(|plan| plan.image.clone_from(&name));
    let second = run(&engine, second).await.image().clone();
    assert!(first.id != second.id && client().inspect_image(&first.id).await.is_ok());
    // Somebody else's image without a name.
    let empty_tar = bollard::body_full(vec![0; 1024].into());
    let options = bollard::query_parameters::CreateImageOptionsBuilder::default()
        .from_src("-")
        .changes(vec![format!("LABEL of={name}")])
        .build();
    let created: Vec<_> =
        futures_util::StreamExt::collect(client().create_image(Some(options), Some(empty_tar), None)).await;
    let foreign = created.into_iter().filter_map(|line| line.ok()?.status).next_back().expect("an image");
    // The engine counts ages in whole seconds: what was made in this one is not old enough yet.
    let cleaned = async {
        while client().inspect_image(&first.id).await.is_ok() {
            engine.prune_images(Duration::ZERO).await.expect("cleaned");
        }
    };
    let cleaned = tokio::time::timeout(Duration::from_secs(30), cleaned).await;
    assert!(cleaned.is_ok(), "the nameless image is still there");
    assert!(client().inspect_image(&second.id).await.is_ok());
    assert!(client().inspect_image(&foreign).await.is_ok(), "an image of others is gone");
    engine.remove(&foreign).await.expect("removed");
    engine.remove(&name).await.expect("removed");
}
