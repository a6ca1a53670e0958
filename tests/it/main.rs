//! Does the Hub do what it promises? One binary of tests over real parts, so that it links once.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should say where")]

mod api;
mod builds;
mod docker;
mod inspect;
mod postgres;
mod support;
mod v2;
