//! Does each step of a build stay within its bounds? Looked after from outside the build, for as long as the build
//! runs: the kernel bounds memory and processes of every step as soon as it begins, and what a step writes is measured.
//! A step that goes too far is ended, and the build's failure says why.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    builds::fault::Fault,
    domain::{limits::BuildLimits, task::FaultKind},
};

use super::{
    cgroup::Bounded,
    step::{Found, Place, Step},
    usage,
};

/// How long a step may run before it is bounded, at most.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often it is measured, at most; a large tree is measured less often.
const MEASURE_EVERY: Duration = Duration::from_millis(300);

/// Which bound a step hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// Memory.
    Memory,
    /// Processes and threads.
    Processes,
    /// What it wrote.
    Disk,
    /// The engine's disk is nearly full, whoever filled it.
    Reserve,
}

/// Looks after the steps of one build until it is dropped.
#[derive(Debug)]
pub struct Guard {
    watch: Option<Arc<Watch>>,
    _loops: JoinSet<()>,
}

#[derive(Debug)]
struct Watch {
    place: Place,
    mark: String,
    limits: BuildLimits,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Steps of this build that run.
    own: BTreeMap<String, Step>,
    /// Steps of other builds.
    foreign: BTreeSet<String>,
    /// What went wrong, and in which step.
    breach: Option<(String, Breach)>,
}

impl Guard {
    /// Looks after the steps that carry `mark`.
    pub fn watch(place: Place, mark: &str, limits: &BuildLimits) -> Self {
        let watch = Arc::new(Watch { place, mark: mark.to_owned(), limits: *limits, seen: Mutex::default() });
        let mut loops = JoinSet::new();
        loops.spawn(repeat(Arc::clone(&watch), LOOK_EVERY, Watch::look));
        loops.spawn(repeat(Arc::clone(&watch), MEASURE_EVERY, Watch::measure));
        Self { watch: Some(watch), _loops: loops }
    }

    /// Looks after nothing: for engines whose steps are out of reach.
    pub fn none() -> Self {
        Self { watch: None, _loops: JoinSet::new() }
    }

    /// `fault`, or what this guard knows better.
    pub fn explain(&self, fault: Fault) -> Fault {
        let Some(watch) = &self.watch else { return fault };
        let breach = watch.seen().breach.as_ref().map(|(_, breach)| *breach);
        match breach {
            Some(breach) if fault.kind.is_failed_step() => {
                let (kind, message) = watch.limits.told(breach);
                Fault { kind, message, ..fault }
            }
            _ if fault.kind == FaultKind::Memory => {
                let message =
                    format!("{} A step may use {} here.", fault.message, readable(watch.limits.memory_bytes));
                Fault { message, ..fault }
            }
            _ => fault,
        }
    }
}

/// Does `work`, which blocks, over and over, with as much rest as it took.
async fn repeat(watch: Arc<Watch>, every: Duration, work: fn(&Watch)) {
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let watch = Arc::clone(&watch);
        let began = Instant::now();
        if tokio::task::spawn_blocking(move || work(&watch)).await.is_err() {
            tracing::error!("the watch over a build's limits broke");
        }
        tokio::time::sleep(began.elapsed()).await;
    }
}

impl Watch {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bounds steps that have begun, and notices what the kernel did to those that run.
    fn look(&self) {
        let running: BTreeSet<String> = self.place.running().into_iter().collect();
        let (mut own, known) = {
            let mut seen = self.seen();
            seen.own.retain(|name, _| running.contains(name));
            seen.foreign.retain(|name| running.contains(name));
            (seen.own.clone(), seen.foreign.clone())
        };
        let mut foreign = known;
        for name in running {
            if let Some(step) = own.get(&name) {
                if step.group.ran_out_of_processes() {
                    self.end(&name, step, Breach::Processes);
                } else if step.group.ran_out_of_memory() {
                    self.note(&name, Breach::Memory);
                }
                continue;
            }
            if foreign.contains(&name) {
                continue;
            }
            match self.place.read(&name, &self.mark) {
                Found::Nothing => {}
                Found::Foreign => drop(foreign.insert(name)),
                Found::Own(step) => match step.group.bound(self.limits.memory_bytes, self.limits.processes) {
                    Ok(Bounded::Gone) => {}
                    Ok(Bounded::Yes) => {
                        // What the kernel did to a step that is over explains no later one.
                        let mut seen = self.seen();
                        seen.breach.take_if(|(_, breach)| *breach == Breach::Memory);
                        drop(seen);
                        own.insert(name, step);
                    }
                    Ok(Bounded::TooLate) => {
                        self.end(&name, &step, Breach::Memory);
                        own.insert(name, step);
                    }
                    Err(error) => {
                        tracing::error!(%error, "a build step could not be bounded");
                        foreign.insert(name);
                    }
                },
            }
        }
        let mut seen = self.seen();
        (seen.own, seen.foreign) = (own, foreign);
    }

    /// Measures what the steps hold of the disk.
    fn measure(&self) {
        let steps = self.seen().own.clone();
        for (name, step) in steps {
            let held = usage::held(&step.folders, &step.group.processes(), self.limits.disk_bytes);
            if held > self.limits.disk_bytes {
                self.end(&name, &step, Breach::Disk);
                continue;
            }
            let free = step.folders.first().and_then(|folder| usage::free(folder));
            if free.is_some_and(|free| free < self.limits.disk_reserve_bytes) {
                self.end(&name, &step, Breach::Reserve);
            }
        }
    }

    fn end(&self, name: &str, step: &Step, breach: Breach) {
        self.note(name, breach);
        step.group.kill();
    }

    fn note(&self, name: &str, breach: Breach) {
        let mut seen = self.seen();
        // The first breach is the cause; memory alone may pass.
        if seen.breach.as_ref().is_none_or(|(_, known)| *known == Breach::Memory) {
            if seen.breach.is_none() {
                tracing::info!(step = name, ?breach, "a build step hit a limit");
            }
            seen.breach = Some((name.to_owned(), breach));
        }
    }
}

impl BuildLimits {
    /// A breach in words.
    fn told(&self, breach: Breach) -> (FaultKind, String) {
        match breach {
            Breach::Memory => (
                FaultKind::Memory,
                format!(
                    "A step ran out of memory: it may use {} here. Let it do less at a time, or ask the operator for more.",
                    readable(self.memory_bytes)
                ),
            ),
            Breach::Processes => (
                FaultKind::Processes,
                format!(
                    "A step was stopped because it started more than {} processes and threads. Let it do less at a time, or ask the operator for more.",
                    self.processes
                ),
            ),
            Breach::Disk => (
                FaultKind::Disk,
                format!(
                    "A step was stopped because it wrote more than {} to the disk. Let it write less, or ask the operator for more.",
                    readable(self.disk_bytes)
                ),
            ),
            Breach::Reserve => (
                FaultKind::Engine,
                format!(
                    "The Docker Engine's disk has less than {} free, so the build was stopped. The operator of this Hub must see to it.",
                    readable(self.disk_reserve_bytes)
                ),
            ),
        }
    }
}

/// `4 GiB`, or the exact bytes where they are no round number.
fn readable(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}
