//! The queue and its workers, with a scripted engine.

mod followers;
mod killed;
mod leases;
mod simulation;
mod steering;
mod world;
