//! What is every `RUN` given? A file of variables and a bundle of certificates, both mounted from this process's
//! memory: nothing of them is ever an argument, a layer, or a line of history.

use std::{collections::HashMap, fmt::Write as _};

use zeroize::Zeroizing;

use crate::domain::BuildEnv;

/// The mounts of one build and what they hold.
pub struct Provision {
    mounts: String,
    has_variables: bool,
    secrets: HashMap<String, Zeroizing<Vec<u8>>>,
    carries_secrets: bool,
    cache_prefix: String,
}

/// What a [`Provision`] is made of.
#[derive(Debug)]
pub struct Ingredients<'i> {
    /// The operator's variables, as defaults: the image's own win.
    pub environment: Vec<(String, String)>,
    /// The operator's certificates in PEM.
    pub certificates: Option<Vec<u8>>,
    /// The author's variables: they win over everything.
    pub build_env: &'i BuildEnv,
    /// Keyed hash of owner and values. BuildKit's cache looks at the id of a secret and not at its value, so another
    /// scope must be another id.
    pub scope: &'i str,
    /// What tells the steps of this build from all others; without it they cannot be looked after. Like every secret
    /// it is not in the cache's key.
    pub mark: Option<&'i str>,
}

impl Provision {
    /// What a shell runs before the author's command.
    pub const PRELUDE: &'static str = "set -a; . /run/hub/env; set +a; ";

    /// Where a step's mark lies.
    pub const MARK_FILE: &'static str = "/run/hub/build";

    const ENV_FILE: &'static str = "/run/hub/env";
    const CERTIFICATES: &'static str = "/run/hub/ca.crt";
    /// What pip, requests, OpenSSL, curl and git look at.
    const CERTIFICATE_NAMES: [&'static str; 5] =
        ["PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"];
    /// What a step looks like whose command is no line for a POSIX shell.
    const WRAPPER: [&'static str; 4] =
        ["/bin/sh", "-c", "set -a; . /run/hub/env; set +a; exec \"$@\"", "hub"];

    /// Mounts for these ingredients; none at all when there is nothing to give.
    pub fn new(ingredients: Ingredients<'_>) -> Self {
        let Ingredients { mut environment, certificates, build_env, scope, mark } = ingredients;
        let mut secrets = HashMap::new();
        let mut mounts = String::new();
        if let Some(certificates) = certificates {
            for name in Self::CERTIFICATE_NAMES {
                if !environment.iter().any(|(known, _)| known == name) {
                    environment.push((name.to_owned(), Self::CERTIFICATES.to_owned()));
                }
            }
            mounts.push_str(&mount("hub-certificates", Self::CERTIFICATES));
            secrets.insert("hub-certificates".to_owned(), Zeroizing::new(certificates));
        }
        if let Some(mark) = mark {
            mounts.push_str(&mount("hub-build", Self::MARK_FILE));
            secrets.insert("hub-build".to_owned(), Zeroizing::new(mark.as_bytes().to_vec()));
        }
        let has_variables = !environment.is_empty() || !build_env.is_empty();
        if has_variables {
            let id = if build_env.is_empty() { "hubenv".to_owned() } else { format!("hubenv-{scope}") };
            mounts.push_str(&mount(&id, Self::ENV_FILE));
            secrets.insert(id, env_file(&environment, build_env));
        }
        for (name, value) in build_env.variables() {
            secrets.insert(name.to_owned(), Zeroizing::new(value.expose().as_bytes().to_vec()));
        }
        Self {
            mounts,
            has_variables,
            secrets,
            carries_secrets: !build_env.is_empty(),
            cache_prefix: format!("hub-{scope}-"),
        }
    }

    /// Nothing to give.
    pub fn none() -> Self {
        let build_env = &BuildEnv::default();
        Self::new(Ingredients {
            environment: Vec::new(),
            certificates: None,
            build_env,
            scope: "",
            mark: None,
        })
    }

    /// Whether there is a file of variables that a command has to read in.
    pub fn has_variables(&self) -> bool {
        self.has_variables
    }

    /// Whether the author gave variables.
    pub fn carries_secrets(&self) -> bool {
        self.carries_secrets
    }

    /// Flags for a `RUN`, with a space at the end.
    pub fn mounts(&self) -> &str {
        &self.mounts
    }

    /// What the id of every cache mount begins with.
    pub fn cache_prefix(&self) -> &str {
        &self.cache_prefix
    }

    /// An exec form that reads the variables in and then becomes `arguments`.
    pub fn wrap(arguments: &[String]) -> String {
        let all: Vec<&str> = Self::WRAPPER.into_iter().chain(arguments.iter().map(String::as_str)).collect();
        serde_json::Value::from(all).to_string()
    }

    /// What the session hands out, by id. The author's own `--mount=type=secret,id=NAME` find each variable.
    pub fn secrets(&self) -> HashMap<String, Zeroizing<Vec<u8>>> {
        self.secrets.clone()
    }

    /// `text` of the engine as the author wrote it: without what the Hub added.
    pub fn hide(&self, text: &str) -> String {
        let in_list = serde_json::Value::from(Self::WRAPPER.to_vec()).to_string();
        let in_list = format!("{},", in_list.trim_end_matches(']'));
        let in_words = format!("{} ", Self::WRAPPER.join(" "));
        // BuildKit shows a list after a shell's reading of it: without the backslashes.
        let in_shown_list = in_list.replace('\\', "");
        let mut text = text.replace(&in_list, "[").replace(&in_shown_list, "[").replace(&in_words, "");
        text = text.replace(Self::PRELUDE, "");
        if !self.mounts.is_empty() {
            text = text.replace(&self.mounts, "");
        }
        text.replace(&self.cache_prefix, "")
    }
}

impl std::fmt::Debug for Provision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provision").field("ids", &self.secrets.keys()).finish_non_exhaustive()
    }
}

/// Readable by every user of the step, since `USER` may have changed; it lies in memory only.
fn mount(id: &str, target: &str) -> String {
    format!("--mount=type=secret,id={id},target={target},mode=0444,required=true ")
}

fn env_file(environment: &[(String, String)], build_env: &BuildEnv) -> Zeroizing<Vec<u8>> {
    let mut file = Zeroizing::new(String::new());
    // Writing to a String cannot fail.
    for (name, value) in environment.iter().filter(|(name, _)| is_shell_name(name)) {
        let _ = writeln!(file, "[ -n \"${{{name}+x}}\" ] || {name}={}", quoted(value).as_str());
    }
    for (name, value) in build_env.variables().filter(|(name, _)| is_shell_name(name)) {
        let _ = writeln!(file, "{name}={}", quoted(value.expose()).as_str());
    }
    Zeroizing::new(file.as_bytes().to_vec())
}

/// Whether a shell can assign to `name`. The clients also allow names that begin with a digit.
pub fn is_shell_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

fn quoted(value: &str) -> Zeroizing<String> {
    Zeroizing::new(format!("'{}'", value.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provision(json: &str, certificates: Option<Vec<u8>>) -> Provision {
        let build_env = BuildEnv::parse(json).expect("good variables");
        let environment = vec![("PIP_INDEX_URL".to_owned(), "http://index/'x'".to_owned())];
        Provision::new(Ingredients {
            environment,
            certificates,
            build_env: &build_env,
            scope: "abc",
            mark: None,
        })
    }

    #[test]
    fn values_are_quoted_for_the_shell() {
        let provision = provision(r#"{"TOKEN": "it's $HOME", "1A": "x"}"#, None);
        let secrets = provision.secrets();
        let file = String::from_utf8(secrets["hubenv-abc"].to_vec()).expect("text");
        assert_eq!(
            file,
            "[ -n \"${PIP_INDEX_URL+x}\" ] || PIP_INDEX_URL='http://index/'\\''x'\\'''\nTOKEN='it'\\''s $HOME'\n"
        );
        assert_eq!(secrets["TOKEN"].as_slice(), b"it's $HOME");
        assert_eq!(secrets["1A"].as_slice(), b"x");
    }

    #[test]
    fn nothing_of_a_value_is_in_the_flags() {
        let provision = provision(r#"{"TOKEN": "hunter2"}"#, Some(b"PEM".to_vec()));
        assert!(!provision.mounts().contains("hunter2"));
        assert!(!format!("{provision:?}").contains("hunter2"));
        assert!(provision.mounts().contains("id=hub-certificates,"));
    }

    #[test]
    fn what_was_added_is_hidden_again() {
        let provision = provision(r#"{"TOKEN": "hunter2"}"#, None);
        let shell = format!("[2/3] RUN {}{}pip install x", provision.mounts(), Provision::PRELUDE);
        assert_eq!(provision.hide(&shell), "[2/3] RUN pip install x");
        let list = format!("RUN {}{}", provision.mounts(), Provision::wrap(&["pip".into(), "x".into()]));
        assert_eq!(provision.hide(&list), r#"RUN ["pip","x"]"#);
        assert_eq!(provision.hide(&list.replace('\\', "")), r#"RUN ["pip","x"]"#);
        let failed = "executor failed running [/bin/sh -c set -a; . /run/hub/env; set +a; exec \"$@\" hub pip x]: exit code: 1";
        assert_eq!(provision.hide(failed), "executor failed running [pip x]: exit code: 1");
    }
}
