//! What is in this upload, and is it good? Bytes in, a truthful description or a refusal with its reason out.

pub mod refusal;

pub use refusal::{Refusal, RefusalClass};
// TEMPORARY
#[derive(Debug)]
pub enum PythonParser { Child { program: std::path::PathBuf }, InProcess }
#[derive(Debug)]
pub struct Request<'a> { pub dockerfile: Option<&'a str>, pub build_env_names: &'a [String], pub base_image: &'a str, pub limits: crate::domain::limits::PackageLimits }
#[derive(Debug)]
pub struct Inspection { pub package: crate::domain::package::Package, pub zip: crate::domain::package::CanonicalZip }
#[derive(Debug)]
pub enum InspectError { Refused(Refusal), Io(std::io::Error) }
pub fn inspect(_: &std::fs::File, _: &std::fs::File, _: &Request, _: &PythonParser) -> Result<Inspection, InspectError> { Err(InspectError::Io(std::io::Error::other("x"))) }
