//! What is kept, for how long, and how much of it may one owner have? The settings of tags, deletion, collection and limits.

use std::time::Duration;

use serde::Deserialize;

use super::{Bytes, Span};
use crate::domain::TagPattern;

/// Longer times would leave the calendar.
const LONGEST: Duration = Duration::from_hours(3650 * 24);

/// `[executors]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Executors {
    /// Tags that are protected by rule where an Executor has no patterns of its own.
    pub protected_tags: Vec<TagPattern>,
    /// For how long what was deleted can be brought back.
    pub undo_window: Span,
}

/// `[limits]`; 0 means no limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of packages of one owner.
    pub storage_per_owner: Bytes,
    /// Executors of one owner.
    pub executors_per_owner: u64,
    /// Pushes of one person.
    pub pushes_per_hour: u32,
    /// Pushes without a sign-in from one address.
    pub anonymous_pushes_per_hour: u32,
    /// Requests to the API by one person or from one address.
    pub api_requests_per_minute: u32,
}

/// `[collection]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// How often it is done by itself; zero means never.
    pub every: Span,
    /// How long bytes that nothing needs are kept.
    pub grace: Span,
}

/// `[images]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Bytes of one layer.
    pub max_layer: Bytes,
    /// How long an upload in pieces waits for its sender.
    pub upload_life: Span,
    /// How long images to which no tag leads are kept.
    pub keep_untagged: Span,
    /// How long a token for Docker works.
    pub token_life: Span,
    /// Whether layers are fetched from the bucket itself.
    pub redirect: bool,
}

impl Executors {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        if self.protected_tags.len() > 100 {
            return Some(("executors.protected_tags", "at most 100 patterns are possible"));
        }
        (self.undo_window.0 > LONGEST).then_some(("executors.undo_window", "it must be 3650d or less"))
    }
}

impl Collection {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let spans = [("collection.every", self.every), ("collection.grace", self.grace)];
        spans.into_iter().find(|(_, span)| span.0 > LONGEST).map(|(key, _)| (key, "it must be 3650d or less"))
    }
}

impl Images {
    /// A key whose value cannot be, and why not.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        if self.token_life.0 < Duration::from_mins(1) || self.token_life.0 > Duration::from_hours(24) {
            return Some(("images.token_life", "it must be between 1m and 1d"));
        }
        let spans = [("images.upload_life", self.upload_life), ("images.keep_untagged", self.keep_untagged)];
        spans.into_iter().find(|(_, span)| span.0 > LONGEST).map(|(key, _)| (key, "it must be 3650d or less"))
    }
}
