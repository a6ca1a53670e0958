//! What is in this upload, and is it good? Bytes in, a truthful description or a refusal with its reason out.

pub mod refusal;

pub use refusal::{Refusal, RefusalClass};
