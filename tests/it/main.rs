//! Does the Hub do what it promises? One binary of tests over real parts, so that it links once.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should say where")]

mod access;
mod api;
mod builds;
mod cli;
mod clients;
mod docker;
mod fuzz;
mod images;
mod inspect;
mod keeping;
mod lifecycle;
mod oci;
mod operate;
mod portal;
mod postgres;
mod support;
mod v1;
mod v2;
mod wire;
