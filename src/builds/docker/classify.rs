//! Whose fault is it that a build failed, and what should they do? Judged by the engine's last word and the last
//! lines of the step; the texts are those of BuildKit in Docker 20.10 and since, and of pip.

use crate::domain::task::FaultKind;

use super::progress::FailedStep;

/// What is known of a failed build.
#[derive(Debug)]
pub struct Evidence<'e> {
    /// The engine's final error.
    pub error: &'e str,
    /// The step that failed, if one had begun.
    pub step: Option<&'e FailedStep>,
}

const DEPENDENCY: [&str; 7] = [
    "No matching distribution found",
    "Could not find a version that satisfies",
    "ResolutionImpossible",
    "conflicting dependencies",
    "Invalid requirement",
    "No such file or directory: 'requirements.txt'",
    "requires a different Python",
];

const NETWORK: [&str; 12] = [
    "Temporary failure in name resolution",
    "Temporary failure resolving",
    "Name or service not known",
    "Could not resolve host",
    "Network is unreachable",
    "Connection refused",
    "Connection timed out",
    "NewConnectionError",
    "ConnectTimeoutError",
    "Read timed out",
    "CERTIFICATE_VERIFY_FAILED",
    "TLS handshake timeout",
];

const BASE_IMAGE: [&str; 9] = [
    "pull access denied",
    "failed to resolve source metadata",
    "failed to load metadata",
    "failed to load cache key",
    "manifest unknown",
    "manifest for ",
    "repository does not exist",
    "no match for platform in manifest",
    "registry-1.docker.io",
];

const DOCKERFILE: [&str; 9] = [
    "dockerfile parse error",
    "Dockerfile parse error",
    "failed to read dockerfile",
    "no build stage in current context",
    "file with no instructions",
    "unknown instruction",
    "failed to create LLB definition",
    "invalid reference format",
    "requires BuildKit",
];

/// The kind of fault and a sentence each for cause and remedy.
pub fn classify(evidence: &Evidence<'_>) -> (FaultKind, String) {
    let Evidence { error, step } = evidence;
    let has = |signs: &[&str]| signs.iter().any(|sign| error.contains(sign));
    let full = "no space left on device";
    if error.to_lowercase().contains(full)
        || step.is_some_and(|step| mentions(step, &["No space left on device"]))
    {
        return (
            FaultKind::Engine,
            "The Docker Engine has no space left on its disk. Free some, then the build is tried again."
                .into(),
        );
    }
    if let Some((step, code)) =
        step.and_then(|step| Some((step, exit_code(&step.error).or_else(|| exit_code(error))?)))
    {
        return failed_command(step, code);
    }
    let cause = last_cause(error);
    if step.is_some_and(|step| is_copy(&step.name))
        || has(&["failed to compute cache key", "failed to calculate checksum"])
    {
        let name = step.map_or_else(|| "A COPY".to_owned(), |step| format!("The step `{}`", step.name));
        return (
            FaultKind::Step,
            format!(
                "{name} failed: {cause}. Check that the file is part of the package and not in .dockerignore."
            ),
        );
    }
    if let Some(step) = step.filter(|step| is_instruction(&step.name)) {
        return (
            FaultKind::Step,
            format!("The step `{}` failed: {cause}. Correct the step and push again.", step.name),
        );
    }
    if has(&BASE_IMAGE) {
        let image = step.and_then(|step| step.name.strip_prefix("load metadata for "));
        let image = image.map(|image| format!(" {image}")).unwrap_or_default();
        return (
            FaultKind::BaseImage,
            format!(
                "The base image{image} cannot be had: {cause}. Check its name and tag in FROM, and whether the engine may pull it."
            ),
        );
    }
    if has(&DOCKERFILE) {
        return (
            FaultKind::Dockerfile,
            format!("The Dockerfile cannot be read: {cause}. Correct it and push again."),
        );
    }
    (FaultKind::Engine, format!("The Docker Engine broke the build off: {cause}. It is tried again."))
}

fn failed_command(step: &FailedStep, code: u32) -> (FaultKind, String) {
    let name = &step.name;
    if code == 137 {
        return (
            FaultKind::Memory,
            format!(
                "The step `{name}` was killed (exit code 137), most likely for want of memory. Let it use less at a time."
            ),
        );
    }
    if mentions(step, &DEPENDENCY) {
        let line = step.lines.iter().rev().find(|line| DEPENDENCY.iter().any(|sign| line.contains(sign)));
        // A dead network makes pip say that nothing matches, too; its retries tell the two apart.
        if !mentions(step, &NETWORK) {
            let line = line.map_or("", |line| line.trim());
            return (
                FaultKind::Dependency,
                format!(
                    "A requirement cannot be met in the step `{name}`: {line}. Correct the requirements and push again."
                ),
            );
        }
    }
    if mentions(step, &NETWORK) {
        return (
            FaultKind::Network,
            format!(
                "The step `{name}` could not reach a host (exit code {code}). Check the address, and whether builds may reach it."
            ),
        );
    }
    (FaultKind::Step, format!("The step `{name}` ended with exit code {code}. Its last lines say why."))
}

/// The step of which the classic builder only says `The command '…' returned a non-zero code: 1`.
pub fn classic_step(error: &str, lines: Vec<String>) -> Option<FailedStep> {
    let (command, _) = error.strip_prefix("The command '")?.split_once("' returned a non-zero code: ")?;
    let command = command.strip_prefix("/bin/sh -c ").unwrap_or(command);
    Some(FailedStep { name: format!("RUN {command}"), error: error.to_owned(), lines })
}

fn mentions(step: &FailedStep, signs: &[&str]) -> bool {
    step.lines.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}

/// Whether a step is one of the author's, and not of BuildKit's own (`load metadata for …`, `exporting to image`).
fn is_instruction(name: &str) -> bool {
    ["RUN ", "WORKDIR ", "USER ", "ENV ", "COPY ", "ADD "].iter().any(|keyword| name.starts_with(keyword))
}

fn is_copy(name: &str) -> bool {
    name.starts_with("COPY ") || name.starts_with("ADD ")
}

/// The number after the last `exit code: ` or `non-zero code: `.
fn exit_code(error: &str) -> Option<u32> {
    let (_, after) = error.rsplit_once("exit code: ").or_else(|| error.rsplit_once("non-zero code: "))?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The engine wraps causes in layers of its own; the innermost ones say what happened.
fn last_cause(error: &str) -> String {
    const WRAPPERS: [&str; 8] = [
        "failed to solve with frontend dockerfile.v0: ",
        "failed to solve: ",
        "failed to build LLB: ",
        "failed to create LLB definition: ",
        "failed to compute cache key: ",
        "rpc error: code = Unknown desc = ",
        "Docker stream error: ",
        "failed to load cache key: ",
    ];
    let mut cause = error.trim();
    while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| cause.strip_prefix(wrapper)) {
        cause = rest.trim();
    }
    let first_line = cause.lines().next().unwrap_or_default();
    first_line.chars().take(600).collect::<String>().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(name: &str, error: &str, lines: &[&str]) -> FailedStep {
        FailedStep {
            name: name.into(),
            error: error.into(),
            lines: lines.iter().map(|line| (*line).into()).collect(),
        }
    }

    fn kind(error: &str, step: Option<&FailedStep>) -> FaultKind {
        classify(&Evidence { error, step }).0
    }

    #[test]
    fn a_command_that_fails_is_named_with_its_code() {
        let failed = step("RUN false", "executor failed running [/bin/sh -c false]: exit code: 1", &[]);
        let (kind, message) = classify(&Evidence { error: "executor failed running", step: Some(&failed) });
        assert_eq!(kind, FaultKind::Step);
        assert!(message.starts_with("The step `RUN false` ended with exit code 1."), "{message}");
        let newer = step(
            "RUN false",
            "process \"/bin/sh -c false\" did not complete successfully: exit code: 137",
            &[],
        );
        assert_eq!(classify(&Evidence { error: "failed to solve", step: Some(&newer) }).0, FaultKind::Memory);
    }

    #[test]
    fn pip_tells_missing_packages_from_a_missing_network() {
        let missing = "ERROR: No matching distribution found for nosuch==1";
        let error = "executor failed running [x]: exit code: 1";
        assert_eq!(kind(error, Some(&step("RUN pip", error, &[missing]))), FaultKind::Dependency);
        let refused = "WARNING: Retrying … NewConnectionError('Connection refused')";
        assert_eq!(kind(error, Some(&step("RUN pip", error, &[refused, missing]))), FaultKind::Network);
        let conflict = "ERROR: ResolutionImpossible: for help visit …";
        assert_eq!(kind(error, Some(&step("RUN pip", error, &[conflict]))), FaultKind::Dependency);
    }

    #[test]
    fn what_happens_before_a_step_has_its_own_kinds() {
        let missing = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: pull access denied, \
                       repository does not exist or may require authorization";
        assert_eq!(kind(missing, None), FaultKind::BaseImage);
        let syntax = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error \
                      line 2: FROM requires either one or three arguments";
        let (found, message) = classify(&Evidence { error: syntax, step: None });
        assert_eq!(found, FaultKind::Dockerfile);
        assert!(message.contains("read: dockerfile parse error line 2"), "{message}");
        let copy = "failed to compute cache key: \"/nope\" not found: not found";
        let copying = step("COPY nope /x", copy, &[]);
        assert_eq!(kind(copy, Some(&copying)), FaultKind::Step);
    }

    #[test]
    fn the_classic_builders_words_name_the_step_too() {
        let error = "The command '/bin/sh -c exit 3' returned a non-zero code: 3";
        let failed = classic_step(error, Vec::new()).expect("a step");
        let (found, message) = classify(&Evidence { error, step: Some(&failed) });
        assert_eq!(found, FaultKind::Step);
        assert!(message.starts_with("The step `RUN exit 3` ended with exit code 3."), "{message}");
    }

    #[test]
    fn the_engines_own_trouble_is_the_engines() {
        assert_eq!(kind("error writing layer: No space left on device", None), FaultKind::Engine);
        assert_eq!(kind("connection closed before message completed", None), FaultKind::Engine);
        let full = step("RUN x", "exit code: 1", &["OSError: [Errno 28] No space left on device"]);
        assert_eq!(kind("exit code: 1", Some(&full)), FaultKind::Engine);
    }
}
