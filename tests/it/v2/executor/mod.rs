//! `executor.*`: pushes, pulls and their progress.

mod broken_uploads;
mod failing_builds;
mod progress;
mod protected_tags;
mod pull;
mod push;
mod without_engine;
