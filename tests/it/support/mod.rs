//! What do tests stand on? Real parts, made for one test or shared by a run, and gone afterwards.

pub mod child;
pub mod database;
mod keeper;
pub mod client;
pub mod engine;
pub mod hub;
pub mod package;
