//! What is in this upload, and is it good? Bytes in, a truthful description or a refusal with its reason out.
//!
//! ```text
//! archive ──▶ folder ──▶ config_yml ──▶ discover ──▶ dependencies ──▶ dockerfile ──▶ readme
//! (is it a     (files as   (names)       (the class)  (what the image needs)               │
//!  sound zip)   stored)                                                    canonical ◀─────┘
//! ```
//!
//! Synchronous and bounded in memory by [`PackageLimits`]; async callers use a blocking thread.

mod archive;
mod bases;
mod canonical;
mod config_yml;
pub mod contents;
mod dependencies;
mod discover;
mod dockerfile;
mod folder;
mod hash;
mod modules;
mod pack;
mod pyproject;
mod python;
mod readme;
pub mod refusal;
mod requirement;
mod requirements;
mod serving;
mod yaml;

use std::{fs::File, io};

pub use hash::md5_of;
pub use pack::pack;
pub use python::{PythonParser, child as python_child};
pub use refusal::{Refusal, RefusalClass, misleads};

use self::{archive::Archive, folder::Folder};
use crate::domain::{
    digest::Md5,
    limits::PackageLimits,
    package::{CanonicalZip, Package},
};

/// What a push says beside its zip.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Path in the package of the Dockerfile to build with, if the push names one.
    pub dockerfile: Option<&'a str>,
    /// Names of the `--build-env` variables that came along.
    pub build_env_names: &'a [String],
    /// The image that a generated Dockerfile starts from, resolved.
    pub base_image: &'a str,
    /// How much is too much.
    pub limits: PackageLimits,
}

/// A good package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What was found in the zip that was written.
    pub package: Package,
    /// Its sizes and digests.
    pub zip: CanonicalZip,
    /// Of the upload as it came.
    pub upload_md5: Md5,
}

/// Why there is no [`Inspection`].
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The package is at fault; tell its author.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A file could not be read or written; nothing is known about the package.
    #[error("a package file could not be read or written: {0}")]
    Io(#[from] io::Error),
}

/// Checks an upload and writes its canonical zip into `canonical`, an empty file open for writing. After an error,
/// throw `canonical` away. The same files give the same zip content, whoever packed them.
pub fn inspect(
    upload: &File,
    canonical: &File,
    request: &Request<'_>,
    parser: &PythonParser,
) -> Result<Inspection, InspectError> {
    let limits = &request.limits;
    let mut folder = Folder::new(Archive::open(upload, limits)?);

    let config = config_yml::read(&mut folder, limits.source_bytes)?;
    let found = discover::find(&mut folder, config.given.as_ref(), limits, parser)?;
    config.write(&mut folder, &found.executor.name, &found.py_modules)?;
    let mut notices = config.notices;
    notices.extend(found.notices);

    let requirements = dependencies::complete(&mut folder, limits, &mut notices)?;
    if let Some(requirements) = &requirements {
        requirements.check_variables(request.build_env_names)?;
    }
    let dockerfile = dockerfile::choose(
        &mut folder,
        request.dockerfile,
        request.base_image,
        requirements.as_ref(),
        limits.source_bytes,
    )?;
    let readme = readme::read(&mut folder, limits.readme_bytes)?;
    let requirements = requirements.unwrap_or_default();

    let (zip, upload_md5) = canonical::write(&folder, canonical)?;
    let package = Package {
        name: config.metas.name,
        description: config.metas.description,
        url: config.metas.url,
        keywords: config.metas.keywords,
        executor: found.executor,
        filepath: Some(found.filepath),
        requirements: requirements.shown(),
        required_variables: requirements.variables(),
        dockerfile,
        readme,
        files: folder.listing(),
        notices,
    };
    Ok(Inspection { package, zip, upload_md5 })
}
