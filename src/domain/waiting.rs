//! How long must a task wait? What is told about a place in the line, in words that every surface shows alike.

use chrono::TimeDelta;
use serde::Serialize;

/// Why a waiting task waits, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Tasks that are taken before it, fair turns between owners considered; 1,000 means that many or more.
    pub ahead: i64,
    /// Seconds until it begins, as the last builds went; `None` when nobody can say.
    pub estimate_seconds: Option<i64>,
    /// Why nothing begins at the moment, if so: the queue is paused, or no engine answers.
    pub obstacle: Option<String>,
}

impl Waiting {
    /// From the line: `ahead` tasks before it, `running` in `slots` at once, each taking `usual`, and not before `not_before`.
    pub fn estimate(
        ahead: i64,
        running: i64,
        slots: i64,
        usual: Option<TimeDelta>,
        not_before: TimeDelta,
    ) -> Self {
        let estimate_seconds = usual.filter(|_| slots > 0).map(|usual| {
            // Builds that run are half done on average; the ones ahead go through all slots side by side.
            let busy = running.min(slots);
            let free = slots - busy;
            let rounds = usual.num_seconds() * (ahead - free + 1).max(0);
            let by_line = if ahead < free { 0 } else { (rounds - usual.num_seconds() / 2) / slots };
            by_line.max(not_before.num_seconds()).max(0)
        });
        Self { ahead, estimate_seconds, obstacle: None }
    }

    /// One sentence for people.
    pub fn sentence(&self) -> String {
        let ahead = match self.ahead {
            0 => "Next in line".to_owned(),
            1 => "1 build ahead".to_owned(),
            1000.. => "1000 or more builds ahead".to_owned(),
            ahead => format!("{ahead} builds ahead"),
        };
        if let Some(obstacle) = &self.obstacle {
            return format!("{ahead}. {obstacle}");
        }
        match self.estimate_seconds {
            None => format!("{ahead}."),
            Some(..60) => format!("{ahead}, less than a minute."),
            Some(60..120) => format!("{ahead}, about a minute."),
            Some(seconds) => format!("{ahead}, about {} minutes.", seconds / 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_slot_means_at_once_and_a_long_line_means_long() {
        let usual = Some(TimeDelta::seconds(120));
        let seconds = |ahead, running, slots| {
            Waiting::estimate(ahead, running, slots, usual, TimeDelta::zero()).estimate_seconds
        };
        assert_eq!(seconds(0, 0, 1), Some(0));
        assert_eq!(seconds(0, 1, 1), Some(60), "the one that runs is half done");
        assert_eq!(seconds(2, 1, 1), Some(300));
        assert_eq!(seconds(2, 2, 2), Some(150), "two at once");
        assert_eq!(seconds(0, 0, 0), None, "nobody builds");
        let late = Waiting::estimate(0, 0, 1, usual, TimeDelta::seconds(64));
        assert_eq!(late.sentence(), "Next in line, about a minute.");
    }

    #[test]
    fn an_obstacle_is_told_instead_of_a_time() {
        let mut waiting = Waiting::estimate(3, 1, 1, Some(TimeDelta::seconds(60)), TimeDelta::zero());
        assert_eq!(waiting.sentence(), "3 builds ahead, about 3 minutes.");
        waiting.obstacle = Some("The queue is paused: disk full.".into());
        assert_eq!(waiting.sentence(), "3 builds ahead. The queue is paused: disk full.");
    }
}
