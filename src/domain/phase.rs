//! When did each part of a task begin and end? Folded from marks that are written with the events of its story.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::task::{Phase, TaskEvent};

/// One turn of a story from phase to phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseMark {
    /// What happened.
    pub what: PhaseTurn,
    /// When.
    pub at: DateTime<Utc>,
}

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseTurn {
    /// A phase began.
    Began(Phase),
    /// A phase is done.
    Done(Phase),
    /// The task waits again.
    Requeued,
    /// The task is over.
    Over,
}

impl PhaseMark {
    /// The mark that an event leaves, if any.
    pub fn of(event: &TaskEvent, at: DateTime<Utc>) -> Option<Self> {
        let what = match event {
            TaskEvent::PhaseStarted { phase, .. } => PhaseTurn::Began(*phase),
            TaskEvent::PhaseDone { phase, .. } => PhaseTurn::Done(*phase),
            TaskEvent::Requeued { .. } => PhaseTurn::Requeued,
            TaskEvent::Report { .. } => PhaseTurn::Over,
            TaskEvent::Console { .. } | TaskEvent::Warning { .. } => return None,
        };
        Some(Self { what, at })
    }
}

/// A phase with its times; one that was tried again is there once for each try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTime {
    /// Which part.
    pub phase: Phase,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended, well or not; `None` while it lasts.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The phases of a task that was accepted at `created_at`, in the order in which they began. Waiting begins when the task is
/// accepted and again whenever it goes back to the queue; it ends when something else begins.
pub fn times(created_at: DateTime<Utc>, marks: &[PhaseMark]) -> Vec<PhaseTime> {
    let mut phases: Vec<PhaseTime> = Vec::new();
    let begin = |phases: &mut Vec<PhaseTime>, phase, at| {
        end_last(phases, at);
        phases.push(PhaseTime { phase, started_at: at, finished_at: None });
    };
    for mark in marks {
        match mark.what {
            PhaseTurn::Began(phase) => begin(&mut phases, phase, mark.at),
            PhaseTurn::Requeued => begin(&mut phases, Phase::Queue, mark.at),
            PhaseTurn::Over => end_last(&mut phases, mark.at),
            // Told when the push was accepted: from then on the task waits.
            PhaseTurn::Done(Phase::Package) => {
                begin(&mut phases, Phase::Package, created_at);
                begin(&mut phases, Phase::Queue, mark.at);
            }
            PhaseTurn::Done(phase) => {
                if !phases.last().is_some_and(|last| last.phase == phase && last.finished_at.is_none()) {
                    let since = phases.last().and_then(|last| last.finished_at).unwrap_or(mark.at);
                    begin(&mut phases, phase, since);
                }
                end_last(&mut phases, mark.at);
            }
        }
    }
    phases
}

fn end_last(phases: &mut [PhaseTime], at: DateTime<Utc>) {
    if let Some(last) = phases.last_mut() {
        last.finished_at.get_or_insert(at);
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_build_that_was_tried_twice_shows_both_tries_and_both_waits() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let mark = |what, seconds| PhaseMark { what, at: at(seconds) };
        let marks = [
            mark(PhaseTurn::Done(Phase::Package), 0),
            mark(PhaseTurn::Began(Phase::Build), 5),
            mark(PhaseTurn::Requeued, 8),
            mark(PhaseTurn::Began(Phase::Build), 10),
            mark(PhaseTurn::Done(Phase::Build), 30),
            mark(PhaseTurn::Done(Phase::Image), 31),
            mark(PhaseTurn::Done(Phase::Commit), 31),
            mark(PhaseTurn::Over, 31),
        ];
        let told: Vec<_> =
            times(at(0), &marks).iter().map(|time| (time.phase, time.started_at, time.finished_at)).collect();
        let expected = [
            (Phase::Package, 0, 0),
            (Phase::Queue, 0, 5),
            (Phase::Build, 5, 8),
            (Phase::Queue, 8, 10),
            (Phase::Build, 10, 30),
            (Phase::Image, 30, 31),
            (Phase::Commit, 31, 31),
        ];
        assert_eq!(told, expected.map(|(phase, start, end)| (phase, at(start), Some(at(end)))));
        assert_eq!(times(at(0), &marks[..2]).last().map(|last| last.finished_at), Some(None), "it lasts");
    }
}
