//! Does the Hub do what it promises? One binary of tests over real parts, so that it links once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod docker;
mod postgres;
mod support;
mod v2;
