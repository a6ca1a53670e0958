//! The pages: who gets in by them, and what they never do.

mod accounts;
mod pages;
mod sign_in;
