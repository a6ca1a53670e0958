//! What does the process's environment say? Read once, at the start, so that tests can bring their own.

use std::{collections::BTreeMap, io::IsTerminal, path::PathBuf};

/// The environment variables of this process, and what else only the process itself can tell.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Those of this process. Values that are no Unicode are left out: no setting takes them.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { variables: std::env::vars_os().filter_map(text).collect() }
    }

    /// The given ones.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: variables.into_iter().collect() }
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// All variables whose name starts with `prefix`.
    pub fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.variables
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The folders of `PATH`.
    pub fn search_path(&self) -> Vec<PathBuf> {
        self.get("PATH").map(|path| std::env::split_paths(path).collect()).unwrap_or_default()
    }

    /// This machine's name, for telling workers apart.
    pub fn host_name() -> String {
        nix::unistd::gethostname()
            .ok()
            .and_then(|name| name.into_string().ok())
            .unwrap_or_else(|| "unknown host".to_owned())
    }

    /// The program that is running, to start it again as a child.
    pub fn own_program() -> std::io::Result<PathBuf> {
        std::env::current_exe()
    }

    /// The listener that systemd opened for this process (`LISTEN_FDS`), if it did.
    pub fn inherited_listener() -> std::io::Result<Option<std::net::TcpListener>> {
        let listener = listenfd::ListenFd::from_env().take_tcp_listener(0)?;
        if let Some(listener) = &listener {
            listener.set_nonblocking(true)?;
        }
        Ok(listener)
    }

    /// Whether people read standard error.
    pub fn stderr_is_terminal() -> bool {
        std::io::stderr().is_terminal()
    }

    /// `/var/lib/executor-hub` for root, whose home other users cannot enter; else below the person's own data folder.
    pub fn default_data_dir(&self) -> PathBuf {
        if nix::unistd::Uid::effective().is_root() {
            return PathBuf::from("/var/lib/executor-hub");
        }
        let absolute = |name: &str| self.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .unwrap_or_default()
            .join("executor-hub")
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}
