//! The pages: who gets in by them, and what they never do.

mod account;
mod accounts;
mod admin;
mod build;
mod catalog;
mod chromium;
mod executor;
mod files;
mod large;
mod pages;
mod sign_in;
mod tokens;
