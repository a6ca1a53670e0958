//! What do tests stand on? Real parts, made for one test or shared by a run, and gone afterwards.

pub mod child;
pub mod client;
pub mod database;
pub mod engine;
pub mod hub;
mod keeper;
pub mod package;
