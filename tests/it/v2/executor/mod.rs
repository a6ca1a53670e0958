//! `executor.*`: pushes, pulls and their progress.

mod broken_uploads;
mod failing_builds;
mod listing;
mod progress;
mod protected_tags;
mod pull;
mod push;
mod remembered;
mod without_engine;
