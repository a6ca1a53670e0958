//! How does an accepted commit become an image? The queue of tasks, the workers that take them, and the engine.
//!
//! ```text
//!   accepted ──▶ pending ──claim──▶ running ──finish──▶ succeeded │ failed
//!                  ▲  ▲                │
//!                  │  └─ engine fault ─┤  (later each time, parked as failed after `max_attempts`)
//!                  └──── lease ran out ┘  (parked as failed after three dead workers)
//! ```
//!
//! What survives a crash: everything that was accepted. A task's state, attempt and lease are columns, changed in short
//! transactions; no transaction lasts as long as a build. A worker that dies loses its lease, and the task goes back.
//! Finishing a task, making its commit usable and moving its tags is one transaction.

mod conclusion;
pub mod docker;
pub mod engine;
pub mod fault;
mod logs;
mod plan;
pub mod progress;
pub mod queue;
mod sweeper;
pub mod worker;

pub use engine::Engine;
pub use fault::Fault;
