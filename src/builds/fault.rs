//! Why did a build not end well, and is it worth another try?

use crate::domain::task::{Failure, FaultKind};

/// The reason why a build or an engine call failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Class of the fault; decides about another try (`FaultKind::is_retried`).
    pub kind: FaultKind,
    /// What happened, for the author (or, for engine faults, the operator).
    pub message: String,
    /// What to try, in one sentence; empty when `message` says it.
    pub remedy: String,
    /// The lines of the log that decided it, secrets masked.
    pub lines: Vec<String>,
}

impl Fault {
    /// A fault without log lines.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), remedy: String::new(), lines: Vec::new() }
    }

    /// The same fault with the decisive lines of the log.
    #[must_use]
    pub fn with_lines(mut self, lines: Vec<String>) -> Self {
        self.lines = lines;
        self
    }

    /// The same fault with what to try.
    #[must_use]
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { kind: fault.kind, message: fault.message, remedy: fault.remedy, lines: fault.lines }
    }
}
