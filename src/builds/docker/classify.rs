//! Whose fault is it that a build failed, and what should they do? Judged by the engine's last word and the last
//! lines of the step; the texts are those of BuildKit in Docker 20.10 and since, and of pip.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

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

/// What a dead network never makes pip say.
const CONTRADICTION: [&str; 17] = [
    "ResolutionImpossible",
    "conflicting dependencies",
    "Invalid requirement",
    "Could not open requirements file",
    "No such file or directory: 'requirements.txt'",
    "requires a different Python",
    "Cannot find command 'git'",
    // Versions that it was told of, whatever went wrong on the way there.
    "(from versions: 0",
    "(from versions: 1",
    "(from versions: 2",
    "(from versions: 3",
    "(from versions: 4",
    "(from versions: 5",
    "(from versions: 6",
    "(from versions: 7",
    "(from versions: 8",
    "(from versions: 9",
];

const NOT_FOUND: [&str; 4] = [
    "No matching distribution found",
    "Could not find a version that satisfies",
    "Unable to locate package",
    "has no installation candidate",
];

/// A package whose own build failed.
const WHEEL: [&str; 7] = [
    "Failed building wheel for",
    "Could not build wheels for",
    "Failed to build installable wheels",
    "metadata-generation-failed",
    "subprocess-exited-with-error",
    "did not run successfully",
    "legacy-install-failure",
];

/// Python's words, and those of the usual shells.
const SYNTAX: [&str; 7] = [
    "SyntaxError:",
    "IndentationError:",
    "TabError:",
    "Syntax error:",
    "syntax error near unexpected token",
    "syntax error: unexpected",
    "unexpected EOF while looking for matching",
];

const MISSING_MODULE: [&str; 2] = ["ModuleNotFoundError:", "ImportError:"];

const MEMORY: [&str; 6] = [
    "MemoryError",
    "std::bad_alloc",
    "Cannot allocate memory",
    "Killed signal terminated program",
    "virtual memory exhausted",
    "out of memory allocating",
];

const PROCESSES: [&str; 4] =
    ["Cannot fork", "fork: Resource temporarily unavailable", "fork: retry:", "can't start new thread"];

const NETWORK: [&str; 16] = [
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
    "No route to host",
    "Connection reset by peer",
    "nodename nor servname provided",
    "Failed to establish a new connection",
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
            FaultKind::Dockerfile,
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
    let image = step.and_then(|step| step.name.strip_prefix("load metadata for "));
    if image.is_some() || has(&BASE_IMAGE) {
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
    // A dead network makes pip say that nothing matches, and a build of a package fails of both: causes first.
    let (kind, told): (_, fn(&str, &str) -> String) = match () {
        () if mentions(step, &MEMORY) => (FaultKind::Memory, |name, line| {
            format!("The step `{name}` ran out of memory: {line}. Let it use less at a time.")
        }),
        () if mentions(step, &PROCESSES) => (FaultKind::Processes, |name, line| {
            format!("The step `{name}` could start no further process: {line}. Let it do less at a time.")
        }),
        () if mentions(step, &CONTRADICTION) => (FaultKind::Dependency, unmet),
        () if mentions(step, &NETWORK) => (FaultKind::Network, |name, line| {
            format!(
                "The step `{name}` could not reach a host: {line}. Check the address, and whether builds may reach it."
            )
        }),
        () if mentions(step, &NOT_FOUND) => (FaultKind::Dependency, unmet),
        () if mentions(step, &WHEEL) => (FaultKind::Wheel, |name, line| {
            format!(
                "A requirement could not be built in the step `{name}`: {line}. Choose a version that has a wheel for this Python, or install what its build needs in a Dockerfile."
            )
        }),
        () if mentions(step, &SYNTAX) => (FaultKind::Syntax, |name, line| {
            format!("A source could not be read in the step `{name}`: {line}. Correct it and push again.")
        }),
        () if mentions(step, &MISSING_MODULE) => (FaultKind::Dependency, |name, line| {
            format!(
                "A module is missing in the step `{name}`: {line}. Add its package to the requirements and push again."
            )
        }),
        () => {
            let remedy = match code {
                126 => "A command in it cannot be run: make it executable.",
                127 => "A command in it is not installed: install it, or correct its name.",
                _ => "Its last lines say why.",
            };
            return (FaultKind::Step, format!("The step `{name}` ended with exit code {code}. {remedy}"));
        }
    };
    (kind, told(name, &telling_line(step, kind)))
}

fn unmet(name: &str, line: &str) -> String {
    format!(
        "A requirement cannot be met in the step `{name}`: {line}. Correct the requirements and push again."
    )
}

/// The last line that speaks for `kind`.
fn telling_line(step: &FailedStep, kind: FaultKind) -> String {
    let signs: Vec<&str> = match kind {
        FaultKind::Memory => MEMORY.to_vec(),
        FaultKind::Processes => PROCESSES.to_vec(),
        FaultKind::Network => NETWORK.to_vec(),
        FaultKind::Wheel => WHEEL.to_vec(),
        FaultKind::Syntax => SYNTAX.to_vec(),
        _ => [CONTRADICTION.as_slice(), &NOT_FOUND, &MISSING_MODULE].concat(),
    };
    let line = step.lines.iter().rev().find(|line| signs.iter().any(|sign| line.contains(sign)));
    let line = line.map_or("", |line| line.trim()).trim_end_matches('.');
    line.chars().take(300).collect()
}

/// Every sign, and what programs write before their errors.
static TELLING: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let written_before = ["Error: ", "Exception: ", "error: ", "ERROR: ", "E: ", "fatal: "];
    let signs = [
        CONTRADICTION.as_slice(),
        &NOT_FOUND,
        &WHEEL,
        &SYNTAX,
        &MISSING_MODULE,
        &MEMORY,
        &PROCESSES,
        &NETWORK,
        &written_before,
    ];
    AhoCorasick::new(signs.concat()).ok()
});

/// Whether a line of a step's output is worth keeping when many follow it.
pub fn is_telling(line: &str) -> bool {
    TELLING.as_ref().is_some_and(|signs| signs.is_match(line))
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

/// The engine's last word without what is around it: it wraps causes in layers of its own; the innermost ones say what happened.
pub fn last_cause(error: &str) -> String {
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
        let listed = "ERROR: Could not find a version that satisfies the requirement six== (from versions: 0.9.0, 1.0)";
        assert_eq!(
            kind(error, Some(&step("RUN pip", error, &[refused, listed, missing]))),
            FaultKind::Dependency
        );
        let conflict = "ERROR: ResolutionImpossible: for help visit …";
        assert_eq!(kind(error, Some(&step("RUN pip", error, &[conflict]))), FaultKind::Dependency);
    }

    #[test]
    fn causes_beat_what_follows_from_them() {
        let error = "executor failed running [x]: exit code: 1";
        for (lines, expected) in [
            (
                &["Retrying … Read timed out", "ERROR: ResolutionImpossible: for help visit …"][..],
                FaultKind::Dependency,
            ),
            (
                &[
                    "NewConnectionError",
                    "ERROR: No matching distribution found for x",
                    "did not run successfully",
                ],
                FaultKind::Network,
            ),
            (
                &[
                    "  File \"setup.py\", line 1",
                    "SyntaxError: invalid syntax",
                    "error: metadata-generation-failed",
                ],
                FaultKind::Wheel,
            ),
            (
                &["cc1plus: Killed signal terminated program", "ERROR: Failed building wheel for x"],
                FaultKind::Memory,
            ),
            (&["IndentationError: unexpected indent"], FaultKind::Syntax),
            (&["ModuleNotFoundError: No module named 'torch'"], FaultKind::Dependency),
            (&["/bin/sh: 0: Cannot fork"], FaultKind::Processes),
            (&["ValueError: no"], FaultKind::Step),
        ] {
            assert_eq!(kind(error, Some(&step("RUN x", error, lines))), expected, "{lines:?}");
            assert!(lines.iter().any(|line| is_telling(line)), "{lines:?}");
        }
        assert!(!is_telling("Collecting numpy") && !is_telling("0 errors"));
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
        let refused = "failed to solve with frontend dockerfile.v0: failed to create LLB definition: failed to do request: Head \
                       \"http://127.0.0.1:1/v2/a/manifests/1\": dial tcp 127.0.0.1:1: connect: connection refused";
        let looking = step("load metadata for 127.0.0.1:1/a:1", refused, &[]);
        assert_eq!(kind(refused, Some(&looking)), FaultKind::BaseImage);
        let copy = "failed to compute cache key: \"/nope\" not found: not found";
        let copying = step("COPY nope /x", copy, &[]);
        assert_eq!(kind(copy, Some(&copying)), FaultKind::Dockerfile);
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
