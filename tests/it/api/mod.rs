//! Our own API.

mod changes;
mod executors;
mod feeds;
mod openapi;
mod people;
mod plans;
mod publish;
mod schemathesis;
mod search;
mod tasks;
mod tokens;
