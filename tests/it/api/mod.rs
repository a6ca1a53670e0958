//! Our own API.

mod executors;
