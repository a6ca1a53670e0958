//! Executor Hub: the server behind `jina hub push`, for a team to run itself.
//!
//! ```text
//!             cli ───────────────┐            main.rs parses and leaves
//!                                ▼
//!    http ──────────────────▶  app            builds everything once
//!    ├ v1   (REST of jina 2)     │
//!    ├ v2   (RPC)                │
//!    ├ api  (our REST)           ▼
//!    └ portal             hub · builds · auth           use cases
//!                                │
//!                                ▼
//!               store · blobs · inspect · postgres      capabilities
//!                                │
//!                                ▼
//!                              domain                   vocabulary
//! ```
//!
//! Only arrows that point down exist; `tests/tidy.rs` holds the table of allowed imports. `docs/ARCHITECTURE.md` says
//! where everything lives and which rules must never break.

pub mod app;
pub mod auth;
pub mod backup;
pub mod blobs;
pub mod builds;
pub mod check;
pub mod cli;
pub mod config;
pub mod domain;
pub mod error;
pub mod http;
pub mod hub;
pub mod images;
pub mod inspect;
pub mod postgres;
pub mod store;
pub mod telemetry;

pub use store::MIGRATOR;
