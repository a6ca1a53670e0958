//! The queue and its workers, with a scripted engine.

mod leases;
