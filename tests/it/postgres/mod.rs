//! Can the private Postgres be trusted with the records of a Hub that nobody configured?

mod crashes;
pub mod ground;
mod life;
pub mod owner;
mod refusals;
mod rights;
