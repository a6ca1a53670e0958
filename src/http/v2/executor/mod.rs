//! `executor.*`, a file per method.

pub(super) mod get_meta;
pub(super) mod get_package;
pub(super) mod list;
pub(super) mod list_async_tasks;
pub(super) mod push;
mod push_form;
mod push_stream;
pub(super) mod query_progress;
pub(super) mod repeated;
