//! What was found? One line for each check, good or not, with the fix beside the fault.

use serde::Serialize;
use serde_json::json;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Good,
    Warning,
    Error,
}

/// What one check found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    outcome: Outcome,
    found: String,
    /// Empty when there is nothing to put right.
    fix: String,
}

/// All findings, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Finding>);

impl Report {
    /// It is as it should be.
    pub(super) fn good(&mut self, check: &'static str, found: impl Into<String>) {
        self.0.push(Finding { check, outcome: Outcome::Good, found: found.into(), fix: String::new() });
    }

    /// It works, and will hurt one day.
    pub(super) fn warn(&mut self, check: &'static str, found: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { check, outcome: Outcome::Warning, found: found.into(), fix: fix.into() });
    }

    /// Something does not work.
    pub(super) fn fault(&mut self, check: &'static str, found: impl Into<String>, fix: impl Into<String>) {
        self.0.push(Finding { check, outcome: Outcome::Error, found: found.into(), fix: fix.into() });
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.0.iter().filter(|finding| finding.outcome == outcome).count()
    }

    pub(super) fn is_bad(&self, strict: bool) -> bool {
        self.count(Outcome::Error) > 0 || (strict && self.count(Outcome::Warning) > 0)
    }

    pub(super) fn summary(&self) -> String {
        let (good, warnings, errors) =
            (self.count(Outcome::Good), self.count(Outcome::Warning), self.count(Outcome::Error));
        format!("{errors} faults, {warnings} warnings, {good} checks are good")
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            println!("{:#}", json!({ "summary": self.summary(), "findings": self.0 }));
            return;
        }
        for finding in &self.0 {
            let word = match finding.outcome {
                Outcome::Good => "ok     ",
                Outcome::Warning => "warning",
                Outcome::Error => "FAULT  ",
            };
            println!("{word} {:<22} {}", finding.check, finding.found);
            if !finding.fix.is_empty() {
                println!("        {:<22} → {}", "", finding.fix);
            }
        }
        println!("\n{}", self.summary());
    }
}
