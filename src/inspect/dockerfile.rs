//! With which Dockerfile is the package built? The one that the push names, else the author's, else one of ours.
//!
//! Ours holds no text of the author's, so nothing that an author writes can become an instruction.

use super::{
    InspectError,
    folder::Folder,
    refusal::{Refusal, quoted},
    requirements::{REQUIREMENTS, Requirements},
};
use crate::domain::package::Dockerfile;

const DEFAULT: &str = "Dockerfile";
const HEAD: &str = "# Written by Executor Hub, since the package had no Dockerfile of its own.\n\
                    # Changed by hand it is kept; left as it is it follows the package.\n";

/// Chooses the Dockerfile, and writes one into the folder where there is none. One that the Hub wrote for an earlier
/// commit, and that came back unchanged with a pulled package, is written again.
pub(super) fn choose(
    folder: &mut Folder<'_>,
    wanted: Option<&str>,
    base_image: &str,
    requirements: Option<&Requirements>,
    limit: u64,
) -> Result<Dockerfile, InspectError> {
    let chosen = match wanted.map(str::trim).filter(|path| !path.is_empty()) {
        Some(wanted) => {
            let path = wanted.strip_prefix("./").unwrap_or(wanted);
            if !folder.has(path) {
                return Err(Refusal::other(
                    "dockerfile_not_found",
                    format!("The package does not hold the Dockerfile {}.", quoted(wanted)),
                    "Give its path relative to the folder that you push.",
                )
                .into());
            }
            Some(path.to_owned())
        }
        // Builders also take other spellings of the name, and no second one could lie beside it on every system.
        None => folder.paths().find(|path| path.eq_ignore_ascii_case(DEFAULT)).map(str::to_owned),
    };
    let generated = generate(base_image, requirements)?;
    match chosen {
        Some(path) if path != DEFAULT || !is_ours(folder, limit)? => Ok(Dockerfile::Author { path }),
        _ => {
            folder.write(DEFAULT, generated.into_bytes())?;
            Ok(Dockerfile::Generated)
        }
    }
}

/// Whether the folder's Dockerfile is one of ours as we wrote it, for whatever base image and requirements.
fn is_ours(folder: &mut Folder<'_>, limit: u64) -> Result<bool, InspectError> {
    if !folder.fits(DEFAULT, limit) {
        return Ok(false);
    }
    let Some(bytes) = folder.read(DEFAULT, limit)? else { return Ok(false) };
    let Ok(text) = String::from_utf8(bytes) else { return Ok(false) };
    let base = text.lines().find_map(|line| line.strip_prefix("FROM ")).filter(|base| is_image(base));
    Ok(base.is_some_and(|base| Shape::all().any(|shape| shape.write(base) == text)))
}

fn generate(base_image: &str, requirements: Option<&Requirements>) -> Result<String, Refusal> {
    if !is_image(base_image) {
        return Err(Refusal::other(
            "base_image_invalid",
            format!("The base image {} is no image reference.", quoted(base_image)),
            "Ask whoever runs this Hub to correct its base image.",
        ));
    }
    let shape = Shape {
        git: requirements.is_some_and(Requirements::needs_git),
        pip: match requirements {
            None => Pip::None,
            Some(requirements) if requirements.needs_package_files() => Pip::AfterPackage,
            Some(_) => Pip::BeforePackage,
        },
    };
    Ok(shape.write(base_image))
}

/// What varies in our Dockerfiles.
#[derive(Clone, Copy)]
struct Shape {
    git: bool,
    pip: Pip,
}

#[derive(Clone, Copy)]
enum Pip {
    /// There are no requirements.
    None,
    /// Requirements stand alone, so their layer is kept while only code changes.
    BeforePackage,
    /// Requirements refer to files of the package.
    AfterPackage,
}

impl Shape {
    fn all() -> impl Iterator<Item = Self> {
        [false, true]
            .into_iter()
            .flat_map(|git| [Pip::None, Pip::BeforePackage, Pip::AfterPackage].map(|pip| Self { git, pip }))
    }

    fn write(self, base_image: &str) -> String {
        const PACKAGE: &str = "COPY . /workspace\n";
        const GIT: &str = "RUN apt-get update && apt-get install --no-install-recommends -y git && rm -rf /var/lib/apt/lists/*\n";
        let pip =
            format!("RUN pip install --default-timeout=1000 --compile --no-cache-dir -r {REQUIREMENTS}\n");
        let steps = match self.pip {
            Pip::None => PACKAGE.to_owned(),
            Pip::BeforePackage => format!("COPY {REQUIREMENTS} /workspace/\n{pip}{PACKAGE}"),
            Pip::AfterPackage => format!("{PACKAGE}{pip}"),
        };
        let git = if self.git { GIT } else { "" };
        format!(
            "{HEAD}FROM {base_image}\nWORKDIR /workspace\n{git}{steps}ENTRYPOINT [\"jina\", \"executor\", \"--uses\", \"config.yml\"]\n"
        )
    }
}

/// Letters of an image reference only: nothing that could end the line or expand.
fn is_image(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 512
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b))
}
