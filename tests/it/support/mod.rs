//! What do tests stand on? Real parts, made for one test or shared by a run, and gone afterwards.

pub mod archive;
pub mod browser;
pub mod bucket;
pub mod child;
pub mod chromium;
pub mod client;
pub mod database;
pub mod engine;
pub mod gate;
pub mod hub;
pub mod image;
mod keeper;
pub mod lines;
pub mod package;
pub mod real_client;
pub mod server;
