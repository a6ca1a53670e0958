//! Executors in our own API, a file per operation.

pub(super) mod list;
