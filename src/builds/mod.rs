//! How does an accepted commit become an image? The queue of tasks, the workers that take them, and the engine.
//!
//! ```text
//!   accepted ──▶ pending ──claim──▶ running ──finish──▶ succeeded │ failed │ cancelled
//!                  ▲  ▲  ▲             │                              │          │
//!                  │  │  └ engine fault┤  (later each time, parked as failed after `max_attempts`)
//!                  │  └─── lease ran out (parked as failed after three dead workers)
//!                  └────── worker stops┘                          retry: a new task for the same commit
//! ```
//!
//! A wish to cancel ends a waiting task at once and a running one as soon as its worker hears of it; where the task would go
//! back to the queue, it ends instead. What is over never changes again, so its story can be sealed.
//!
//! What survives a crash: everything that was accepted. A task's state, attempt and lease are columns, changed in short
//! transactions; no transaction lasts as long as a build. A worker that dies loses its lease, and the task goes back.
//! An image is stored in the registry before its task is finished; finishing a task, making its commit usable, leading it
//! to its image and moving its tags is one transaction.

mod attempt;
mod broadcast;
mod conclusion;
pub mod docker;
pub mod engine;
pub mod fault;
pub mod holder;
pub mod keeping;
pub mod logs;
mod plan;
pub mod platforms;
pub mod progress;
pub mod queue;
pub mod sealing;
pub mod story;
pub mod sweeper;
pub mod worker;

pub use engine::Engine;
pub use fault::Fault;
