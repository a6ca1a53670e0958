//! `executor-hub inspect`: what will the Hub see in this folder or zip? The same code that a push goes through, so that
//! authors know before they push.

use std::{fmt::Write as _, fs::File, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use crate::{
    config::{Environment, Settings},
    domain::{
        build_env::is_variable_name,
        package::{Dockerfile, Endpoint, Package, Parameter, ParameterKind},
    },
    inspect::{self, InspectError, Inspection, PythonParser, Refusal},
};

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A folder, packed as `jina hub push` packs it; or a zip
    path: PathBuf,
    /// The name of a variable that will be pushed with `--build-env`; may be repeated
    #[arg(long, value_name = "NAME", value_parser = variable_name)]
    build_env: Vec<String>,
    /// The Dockerfile to build with, relative to the folder
    #[arg(long, value_name = "PATH")]
    dockerfile: Option<String>,
    /// Print the description, or the refusal, as JSON
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(super) fn run(&self, settings: &Settings) -> Result<(), Failure> {
        match self.inspect(settings) {
            Ok(inspection) if self.json => {
                let text = serde_json::to_string_pretty(&inspection.package).map_err(anyhow::Error::from)?;
                println!("{text}");
                Ok(())
            }
            Ok(inspection) => {
                print!("{}", described(&inspection));
                Ok(())
            }
            Err(InspectError::Refused(refusal)) => {
                if self.json {
                    println!("{:#}", as_json(&refusal));
                }
                Err(Failure::Refused(refusal))
            }
            Err(InspectError::Io(error)) => {
                Err(anyhow::anyhow!("{} cannot be read: {error}", self.path.display()).into())
            }
        }
    }

    fn inspect(&self, settings: &Settings) -> Result<Inspection, InspectError> {
        let builds = &settings.builds;
        let base_image = builds
            .base_image
            .replace("{jina}", &builds.default_jina)
            .replace("{python}", &builds.default_python)
            .replace("{docarray}", &builds.default_docarray);
        let request = inspect::Request {
            dockerfile: self.dockerfile.as_deref(),
            build_env_names: &self.build_env,
            base_image: &base_image,
            limits: settings.package_limits(),
        };
        let parser = PythonParser::Child { program: Environment::own_program()? };
        let upload = if self.path.is_dir() {
            let packed = tempfile::tempfile()?;
            inspect::pack(&self.path, &packed, &request.limits)?;
            packed
        } else {
            File::open(&self.path)?
        };
        inspect::inspect(&upload, &tempfile::tempfile()?, &request, &parser)
    }
}

/// Takes `NAME=VALUE` too, since that is what a push is given; the value is not looked at.
fn variable_name(text: &str) -> Result<String, String> {
    let name = text.split('=').next().unwrap_or_default();
    if is_variable_name(name) {
        Ok(name.to_owned())
    } else {
        Err("a name holds A to Z, 0 to 9 and '_', and does not start with '_'".into())
    }
}

fn as_json(refusal: &Refusal) -> serde_json::Value {
    json!({"error": {"code": refusal.code, "message": refusal.message, "remedy": refusal.remedy}})
}

/// A description for people. Authors' texts are cut to their first line, without what could steer a terminal.
fn described(inspection: &Inspection) -> String {
    let Inspection { package, zip, .. } = inspection;
    let executor = &package.executor;
    let mut page = Page::default();
    page.row("Name", package.name.as_deref().unwrap_or("none: the push makes an id"));
    let file = package.filepath.as_deref().unwrap_or_default();
    page.row("Class", &format!("{} in {file}", executor.name));
    for text in [&package.description, &executor.docstring].into_iter().flatten().take(1) {
        page.row("About", text.lines().next().unwrap_or_default());
    }
    if !package.keywords.is_empty() {
        page.row("Keywords", &package.keywords.join(", "));
    }
    if let Some(url) = &package.url {
        page.row("Address", url);
    }
    let arguments = executor.init.iter().flat_map(|init| init.parameters.iter().skip(1)).map(argument);
    page.rows("Arguments", arguments);
    page.rows("Endpoints", executor.endpoints.iter().map(endpoint));
    page.rows("Dependencies", package.requirements.iter().map(|requirement| requirement.line.clone()));
    page.rows("Build env", package.required_variables.iter().cloned());
    page.row("Dockerfile", &dockerfile(package));
    if package.readme.is_none() {
        page.row("Readme", "none");
    }
    let unpacked: u64 = package.files.iter().map(|file| file.size).sum();
    let files = format!("{} files, {}; packed {}", package.files.len(), size(unpacked), size(zip.size));
    page.row("Package", &files);
    page.rows("Notices", package.notices.iter().cloned());
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn row(&mut self, label: &str, text: &str) {
        let shown: String = text.chars().map(|c| if inspect::misleads(c) { '?' } else { c }).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{label:<13} {shown}");
    }

    fn rows(&mut self, label: &str, texts: impl Iterator<Item = String>) {
        for (at, text) in texts.enumerate() {
            self.row(if at == 0 { label } else { "" }, &text);
        }
    }
}

fn argument(parameter: &Parameter) -> String {
    let stars = match parameter.kind {
        ParameterKind::VarPositional => "*",
        ParameterKind::VarKeyword => "**",
        _ => "",
    };
    let annotation = parameter.annotation.as_ref().map_or_else(String::new, |text| format!(": {text}"));
    let default = parameter.default.as_ref().map_or_else(String::new, |text| format!(" = {text}"));
    format!("{stars}{}{annotation}{default}", parameter.name)
}

fn endpoint(endpoint: &Endpoint) -> String {
    let name = &endpoint.function.name;
    match &endpoint.on {
        Some(paths) => format!("{} ({name})", paths.join(", ")),
        None => format!("every other path ({name})"),
    }
}

fn dockerfile(package: &Package) -> String {
    match &package.dockerfile {
        Dockerfile::Generated => "written by the Hub".into(),
        Dockerfile::Author { path } => path.clone(),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
