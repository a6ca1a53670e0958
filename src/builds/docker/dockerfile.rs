//! What does the engine get to read instead of the author's Dockerfile? The same instructions at the same lines, each
//! on one line, with the Hub's mounts on every `RUN`; or a refusal that names the line. What was checked is what is
//! written, so the engine cannot read a line otherwise than we did.

use std::collections::BTreeMap;

use super::{
    images::ImageRule,
    instruction::{Heredocs, Instruction, Rejected, Script, exec_form, read},
    permissions::Permissions,
    provision::Provision,
    variables::{assignments, expand},
};

/// What the rewriting needs to know.
#[derive(Debug)]
pub struct Rules<'r> {
    /// Which images may be used.
    pub images: &'r ImageRule,
    /// What every `RUN` is given.
    pub provision: &'r Provision,
    /// Whether the engine reads heredocs.
    pub heredocs: Heredocs,
    /// `ARG` values from outside, and the platform's own (`TARGETARCH` …): what `FROM` may use.
    pub args: BTreeMap<String, String>,
}

/// A Dockerfile for the engine.
#[derive(Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Its text.
    pub text: String,
    /// At most so many layers, the last ones, are made by this Dockerfile; those below come from its base image.
    pub layers: usize,
}

/// Checks and rewrites the author's Dockerfile.
pub fn rewrite(text: &str, rules: &Rules<'_>) -> Result<Rewritten, Rejected> {
    let script = read(text, rules.heredocs)?;
    let mut writer = Writer::new(&script, rules);
    for instruction in &script.instructions {
        writer.write(instruction)?;
    }
    Ok(Rewritten { layers: writer.stages.last().map_or(0, |stage| stage.layers), text: writer.finish() })
}

struct Stage {
    name: Option<String>,
    layers: usize,
    shell: Vec<String>,
}

/// An instruction as the engine gets it.
struct Written {
    line: String,
    /// The bodies of its heredocs, where they change.
    bodies: Option<Vec<Vec<String>>>,
}

impl From<String> for Written {
    fn from(line: String) -> Self {
        Self { line, bodies: None }
    }
}

struct Writer<'w> {
    rules: &'w Rules<'w>,
    lines: Vec<String>,
    stages: Vec<Stage>,
    args: BTreeMap<String, String>,
    shell: Vec<String>,
    permissions: Permissions<'w>,
}

impl<'w> Writer<'w> {
    fn new(script: &Script, rules: &'w Rules<'w>) -> Self {
        // The directive itself stood on one of the first lines, so writing it moves no other line.
        let lines =
            if script.escape == '\\' { Vec::new() } else { vec![format!("# escape={}", script.escape)] };
        let shell = default_shell();
        let permissions = Permissions {
            images: rules.images,
            cache_prefix: rules.provision.cache_prefix(),
            escape: script.escape,
            stages: Vec::new(),
        };
        Self { rules, lines, stages: Vec::new(), args: rules.args.clone(), shell, permissions }
    }

    fn finish(self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }

    fn write(&mut self, instruction: &Instruction) -> Result<(), Rejected> {
        let flags_and_rest = || self.permissions.flags(instruction, &instruction.rest);
        let written = match instruction.keyword.as_str() {
            "FROM" => self.from(instruction)?,
            "RUN" => self.run(instruction)?,
            "COPY" | "ADD" => {
                let (flags, rest) = flags_and_rest()?;
                self.permissions.check_copy(instruction, &instruction.keyword, &flags, rest)?;
                plain(instruction)
            }
            "ONBUILD" => {
                self.permissions.check_trigger(instruction)?;
                plain(instruction)
            }
            "SHELL" => {
                self.shell = exec_form(instruction, &instruction.rest)?
                    .filter(|shell| !shell.is_empty())
                    .ok_or_else(|| {
                        Rejected::new(instruction.line, "has no list such as SHELL [\"/bin/sh\", \"-c\"].")
                    })?;
                if let Some(stage) = self.stages.last_mut() {
                    stage.shell.clone_from(&self.shell);
                }
                plain(instruction)
            }
            "ARG" if self.stages.is_empty() => {
                for (name, value) in assignments(&instruction.rest) {
                    let value = value.and_then(|value| expand(&value, &self.args));
                    // A value from outside beats the default, as with `docker build --build-arg`.
                    if let (Some(value), false) = (value, self.rules.args.contains_key(&name)) {
                        self.args.insert(name, value);
                    }
                }
                plain(instruction)
            }
            _ => plain(instruction),
        };
        if matches!(instruction.keyword.as_str(), "RUN" | "COPY" | "ADD" | "WORKDIR")
            && let Some(stage) = self.stages.last_mut()
        {
            stage.layers += 1;
        }
        if written.line.trim_end().ends_with(self.permissions.escape) {
            return Err(Rejected::new(
                instruction.line,
                "ends in an open continuation. Write the command on one line.",
            ));
        }
        self.place(instruction, written);
        Ok(())
    }

    /// Keeps the line numbers of the author's file, which the engine's messages name.
    fn place(&mut self, instruction: &Instruction, written: Written) {
        while self.lines.len() + 1 < instruction.line {
            self.lines.push(String::new());
        }
        self.lines.push(written.line);
        let bodies = written
            .bodies
            .unwrap_or_else(|| instruction.heredocs.iter().map(|heredoc| heredoc.body.clone()).collect());
        for (body, heredoc) in bodies.into_iter().zip(&instruction.heredocs) {
            self.lines.extend(body);
            self.lines.push(heredoc.terminator.clone());
        }
    }

    fn from(&mut self, instruction: &Instruction) -> Result<Written, Rejected> {
        let reject = |reason: String| Rejected::new(instruction.line, reason);
        let (flags, rest) = self.permissions.flags(instruction, &instruction.rest)?;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let (image, name) = match words.as_slice() {
            [image] => (*image, None),
            [image, word, name] if word.eq_ignore_ascii_case("as") => (*image, Some(name.to_lowercase())),
            _ => return Err(reject("is no FROM of the form FROM image AS name.".into())),
        };
        let image = expand(image, &self.args).ok_or_else(|| {
            reject(format!("uses '{image}', of which the Hub cannot tell what it means. Write the name."))
        })?;
        let base = self.stage(&image);
        if base.is_none() && image != "scratch" {
            self.rules.images.check(&image).map_err(reject)?;
        }
        let layers = base.map_or(0, |stage| stage.layers);
        // A stage goes on with the shell of the stage that it builds upon.
        self.shell = base.map_or_else(default_shell, |stage| stage.shell.clone());
        let mut line = [&["FROM"], flags.as_slice(), &[image.as_str()]].concat().join(" ");
        if let Some(name) = &name {
            line = format!("{line} AS {name}");
        }
        self.permissions.stages.extend(name.clone());
        self.stages.push(Stage { name, layers, shell: self.shell.clone() });
        Ok(line.into())
    }

    fn stage(&self, name: &str) -> Option<&Stage> {
        let name = name.to_lowercase();
        self.stages.iter().rev().find(|stage| stage.name.as_deref() == Some(name.as_str()))
    }

    /// A `RUN` with the Hub's mounts, and with a line before the command that reads the variables in.
    fn run(&self, instruction: &Instruction) -> Result<Written, Rejected> {
        let (flags, command) = self.permissions.flags(instruction, &instruction.rest)?;
        let flags = self.permissions.run_flags(instruction, &flags)?;
        let arguments = exec_form(instruction, command)?;
        let provision = self.rules.provision;
        let head = format!("RUN {}{flags}", provision.mounts());
        if !provision.has_variables() || command.is_empty() {
            return Ok(format!("{head}{command}").into());
        }
        if let Some(arguments) = arguments {
            return Ok(format!("{head}{}", Provision::wrap(&arguments)).into());
        }
        if !is_posix(&self.shell) {
            if !instruction.heredocs.is_empty() {
                let reason = "carries a heredoc for a shell that is none of the usual ones. Put the commands into a file.";
                return Err(Rejected::new(instruction.line, reason));
            }
            let arguments: Vec<String> = self.shell.iter().cloned().chain([command.to_owned()]).collect();
            return Ok(format!("{head}{}", Provision::wrap(&arguments)).into());
        }
        match instruction.heredocs.as_slice() {
            // Only `RUN <<EOF` alone makes the body the script itself.
            [script] if command.split_whitespace().count() == 1 => {
                let body = self.script(instruction, &script.body)?;
                Ok(Written { line: format!("{head}{command}"), bodies: Some(vec![body]) })
            }
            _ => Ok(format!("{head}{}{command}", Provision::PRELUDE).into()),
        }
    }

    /// The body of `RUN <<EOF`, its first line made to read the variables in, so that no line moves.
    fn script(&self, instruction: &Instruction, body: &[String]) -> Result<Vec<String>, Rejected> {
        let mut body = body.to_vec();
        let Some(first) = body.first_mut() else { return Ok(body) };
        if !first.starts_with("#!") {
            first.insert_str(0, Provision::PRELUDE);
        } else if self.rules.provision.carries_secrets() {
            let reason = "begins a script with '#!', which cannot be given the build variables. Put it into a file and \
                          RUN that.";
            return Err(Rejected::new(instruction.line, reason));
        }
        Ok(body)
    }
}

fn plain(instruction: &Instruction) -> Written {
    format!("{} {}", instruction.keyword, instruction.rest).into()
}

fn default_shell() -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned()]
}

/// Whether this shell understands the line that reads the variables in.
fn is_posix(shell: &[String]) -> bool {
    let program = shell.first().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
    matches!(program, "sh" | "bash" | "ash" | "dash" | "ksh" | "zsh")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{builds::docker::provision::Ingredients, domain::BuildEnv};

    const MOUNT: &str = "--mount=type=secret,id=hubenv-s,target=/run/hub/env,mode=0444,required=true ";

    fn attempt(text: &str, build_env: &str, heredocs: Heredocs) -> Result<Rewritten, Rejected> {
        let build_env = BuildEnv::parse(build_env).expect("good variables");
        let ingredients = Ingredients {
            environment: Vec::new(),
            certificates: None,
            build_env: &build_env,
            scope: "s",
            mark: None,
        };
        let rules = Rules {
            images: &ImageRule::new(Vec::new(), "executor-hub/"),
            provision: &Provision::new(ingredients),
            heredocs,
            args: BTreeMap::from([("TARGETARCH".to_owned(), "amd64".to_owned())]),
        };
        rewrite(text, &rules)
    }

    fn with_secret(text: &str) -> String {
        attempt(text, r#"{"TOKEN": "x"}"#, Heredocs::Known).expect("a good Dockerfile").text
    }

    fn without_secret(text: &str) -> Result<Rewritten, Rejected> {
        attempt(text, "", Heredocs::Known)
    }

    #[test]
    fn every_run_is_given_the_variables() {
        let prelude = Provision::PRELUDE;
        let text = "# syntax=docker/dockerfile:1\nFROM a AS x\nRUN pip install -r r.txt\nrun --mount=type=bind,target=/c \\\n  # inner\n  pip install\nONBUILD RUN x\n";
        assert_eq!(
            with_secret(text),
            format!(
                "\nFROM a AS x\nRUN {MOUNT}{prelude}pip install -r r.txt\nRUN {MOUNT}--mount=type=bind,target=/c {prelude}pip install\n\n\nONBUILD RUN x\n"
            )
        );
    }

    #[test]
    fn lists_and_foreign_shells_are_wrapped() {
        let text =
            "FROM a\nRUN [\"pip\", \"a b\"]\nSHELL [\"python3\", \"-c\"]\nRUN print(1)\nFROM b\nRUN x\n";
        let rewritten = with_secret(text);
        let wrapped = |arguments: &[&str]| {
            Provision::wrap(&arguments.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
        };
        assert!(rewritten.contains(&format!("RUN {MOUNT}{}\n", wrapped(&["pip", "a b"]))));
        assert!(rewritten.contains(&format!("RUN {MOUNT}{}\n", wrapped(&["python3", "-c", "print(1)"]))));
        assert!(rewritten.ends_with(&format!("RUN {MOUNT}{}x\n", Provision::PRELUDE)));
    }

    #[test]
    fn a_stage_keeps_the_shell_of_the_stage_below_it() {
        let rewritten =
            with_secret("FROM a AS x\nSHELL [\"python3\", \"-c\"]\nFROM b\nFROM x\nRUN print(1)\n");
        assert!(rewritten.contains("\"python3\",\"-c\",\"print(1)\"]"), "{rewritten}");
    }

    #[test]
    fn a_list_that_hides_a_heredoc_is_refused_without_variables_too() {
        let text = "FROM a\nRUN --network=none [\"a\"] <<EOF\nCOPY --from=executor-hub/x / /\nEOF\n";
        assert_eq!(without_secret(text).unwrap_err().line, 2);
    }

    #[test]
    fn heredocs_are_given_the_variables_too() {
        let rewritten =
            with_secret("FROM a\nRUN <<EOF\npip install a\nEOF\nRUN cat <<E > /x\ntext\nE\nCMD x\n");
        let prelude = Provision::PRELUDE;
        assert_eq!(
            rewritten,
            format!(
                "FROM a\nRUN {MOUNT}<<EOF\n{prelude}pip install a\nEOF\nRUN {MOUNT}{prelude}cat <<E > /x\ntext\nE\nCMD x\n"
            )
        );
        let script = "FROM a\nRUN <<EOF\n#!/usr/bin/env python3\nEOF\n";
        assert!(attempt(script, r#"{"TOKEN": "x"}"#, Heredocs::Known).is_err());
        assert!(without_secret(script).is_ok());
    }

    #[test]
    fn without_anything_to_give_commands_stay_as_they_are() {
        let text = "FROM a\nRUN pip install x\nRUN [\"a\"]\nCOPY . /app\n";
        assert_eq!(without_secret(text).expect("fine").text, text);
    }

    #[test]
    fn the_escape_directive_is_kept() {
        assert_eq!(
            without_secret("# escape=`\nFROM a\nRUN x `\n y\n").expect("fine").text,
            "# escape=`\nFROM a\nRUN x  y\n"
        );
    }

    #[test]
    fn what_leaves_the_box_is_refused_with_its_line() {
        for line in [
            "RUN --network=host true",
            "RUN --security=insecure true",
            "RUN --device=x true",
            "RUN --mo\"unt\"=type=bind,from=executor-hub/a true",
            "RUN --mount=type=bind,from=executor-hub/a:1,target=/x true",
            "RUN --mount=from=$IMAGE,target=/x true",
            "RUN --mount=type=tmpfs,target=/run//hub/build true",
            "COPY --from=executor-hub/a:1 / /",
            "COPY --from=docker.io/executor-hub/a / /",
            "ONBUILD COPY --from=executor-hub/a / /",
            "ONBUILD RUN --network=host x",
            "ADD http://10.0.0.1/x /x",
            "ADD --chown=1 HTTPS://a/x /x",
            "ADD [\"http:\\u002f\\u002fa/x\", \"/x\"]",
            "ADD $URL /x",
            "ADD ht\"t\"p://a /x",
            "ADD git@github.com:a/b.git /x",
            "ADD me/b.git /x",
            "ADD a \\\n http://a /x",
            "FROM executor-hub/a:1",
            "FROM ${UNKNOWN}",
            "FROM \"executor-hub/a\"",
        ] {
            let refused = without_secret(&format!("FROM a AS first\n{line}\n"));
            assert_eq!(refused.expect_err(line).line, 2, "{line}");
        }
    }

    #[test]
    fn ordinary_copies_and_stages_pass() {
        let text = "ARG BASE=python ARG\nARG TAG=3\nFROM ${BASE}:${TAG} AS Build\nRUN a\nFROM build AS last\nCOPY --from=Build /a /b\nCOPY --from=0 /a /b\nCOPY --from=debian:12 /a /b\nADD x.tar.gz .gitignore /x\nWORKDIR /w\nFROM base-$TARGETARCH\nENV a=b\n";
        let rewritten = without_secret(text).expect("fine");
        assert!(rewritten.text.contains("\nFROM python:3 AS build\n"));
        assert!(rewritten.text.contains("\nFROM base-amd64\n"));
        assert_eq!(rewritten.layers, 0);
        assert_eq!(without_secret(text.split("FROM base").next().unwrap()).expect("fine").layers, 6);
    }

    #[test]
    fn caches_belong_to_one_owner() {
        let rewritten = without_secret(
            "FROM a\nRUN --mount=type=cache,target=/c x\nRUN --mount=id=me,type=cache,target=/c x\nRUN --mount=type=secret,id=T x\n",
        );
        let text = rewritten.expect("fine").text;
        assert!(text.contains("--mount=type=cache,target=/c,id=hub-s-/c x"));
        assert!(text.contains("--mount=type=cache,target=/c,id=hub-s-me x"));
        assert!(text.contains("--mount=type=secret,id=T x"));
    }
}
