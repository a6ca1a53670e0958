//! How does an accepted commit become an image? The queue of tasks, the workers that take them, and the engine.

pub mod docker;
pub mod engine;
pub mod fault;
