//! How does the kernel keep a step within its bounds? By the control group in which BuildKit put it: limits are written
//! from here, outside the step's box, and the step can neither see nor change them.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::{AccessFlags, Pid, access},
};

/// Where this machine keeps its control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hierarchy {
    /// One tree for each controller.
    V1(PathBuf),
    /// One tree for all.
    V2(PathBuf),
}

impl Hierarchy {
    /// The hierarchy below `root` (`/sys/fs/cgroup`), when this process may write to it.
    pub fn find(root: &Path) -> Result<Self, String> {
        let unified = root.join("cgroup.controllers");
        let (found, written) = match fs::read_to_string(&unified) {
            Ok(controllers) => {
                let has = |name: &str| controllers.split_whitespace().any(|one| one == name);
                if !has("memory") || !has("pids") {
                    return Err("this machine has no control groups for memory and processes".into());
                }
                (Self::V2(root.to_owned()), vec![root.to_owned()])
            }
            Err(_) => (Self::V1(root.to_owned()), vec![root.join("memory"), root.join("pids")]),
        };
        for folder in written {
            access(&folder, AccessFlags::W_OK).map_err(|error| match error {
                Errno::ENOENT => "this machine has no control groups for memory and processes".to_owned(),
                _ => "this process may not write to the control groups of this machine".to_owned(),
            })?;
        }
        Ok(found)
    }

    /// The group that a container's description names: `/docker/buildkit/x`, or `system.slice:docker:x` with systemd.
    pub fn group(&self, named: &str) -> Option<Group> {
        let relative = match named.split(':').collect::<Vec<_>>().as_slice() {
            [path] => PathBuf::from(path.trim_start_matches('/')),
            [slice, prefix, name] => slice_path(slice)?.join(format!("{prefix}-{name}.scope")),
            _ => return None,
        };
        // Only names: anything else would lead to another group.
        let is_plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || relative.components().count() < 2 {
            return None;
        }
        Some(match self {
            Self::V1(root) => Group {
                memory: root.join("memory").join(&relative),
                processes: root.join("pids").join(&relative),
                unified: false,
            },
            Self::V2(root) => {
                Group { memory: root.join(&relative), processes: root.join(&relative), unified: true }
            }
        })
    }
}

/// `a-b.slice` lies in `a.slice`.
fn slice_path(slice: &str) -> Option<PathBuf> {
    let name = slice.strip_suffix(".slice")?;
    let ends = name.match_indices('-').map(|(at, _)| at).chain([name.len()]);
    ends.map(|end| name.get(..end).map(|part| format!("{part}.slice"))).collect()
}

/// The control group of one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    memory: PathBuf,
    processes: PathBuf,
    unified: bool,
}

/// What became of the attempt to bound a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounded {
    /// It is bounded.
    Yes,
    /// It already uses more memory than it may.
    TooLate,
    /// It is not there (yet, or any more).
    Gone,
}

impl Group {
    /// Whether the step has begun and not ended.
    pub fn exists(&self) -> bool {
        self.memory.is_dir() && self.processes.is_dir()
    }

    /// Bounds bytes of memory (swap included) and number of processes and threads.
    pub fn bound(&self, memory: u64, processes: u64) -> io::Result<Bounded> {
        if !self.exists() {
            return Ok(Bounded::Gone);
        }
        let (limit, with_swap, swap) = if self.unified {
            ("memory.max", "memory.swap.max", 0)
        } else {
            ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", memory)
        };
        let written = write(&self.processes.join("pids.max"), processes)
            .and_then(|()| write(&self.memory.join(limit), memory));
        match written {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(Errno::EBUSY as i32) => return Ok(Bounded::TooLate),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Bounded::Gone),
            Err(error) => return Err(error),
        }
        // Kernels without swap accounting have no such file.
        let _ = write(&self.memory.join(with_swap), swap);
        if self.unified {
            let _ = write(&self.memory.join("memory.oom.group"), 1);
        }
        Ok(Bounded::Yes)
    }

    /// Whether the kernel killed a process of the group for want of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        let file = if self.unified { "memory.events" } else { "memory.oom_control" };
        counter(&self.memory.join(file), "oom_kill") > 0
    }

    /// Whether the kernel refused the group another process.
    pub fn ran_out_of_processes(&self) -> bool {
        counter(&self.processes.join("pids.events"), "max") > 0
    }

    /// The processes in the group.
    pub fn processes(&self) -> Vec<i32> {
        let list = fs::read_to_string(self.processes.join("cgroup.procs")).unwrap_or_default();
        list.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 1).collect()
    }

    /// Ends all its processes. None can be added meanwhile, so that a fork bomb cannot outrun this.
    pub fn kill(&self) {
        let _ = write(&self.processes.join("pids.max"), 0);
        if self.unified && write(&self.processes.join("cgroup.kill"), 1).is_ok() {
            return;
        }
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// Opened without creating: in a group that has just gone there is nothing to make.
fn write(file: &Path, value: u64) -> io::Result<()> {
    use io::Write as _;
    fs::OpenOptions::new().write(true).open(file)?.write_all(value.to_string().as_bytes())
}

fn counter(file: &Path, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        }
        folder
    }

    #[test]
    fn groups_are_found_under_both_names_and_both_versions() {
        let v2 = Hierarchy::V2("/c".into());
        let of = |name: &str| v2.group(name).map(|group| group.memory.display().to_string());
        assert_eq!(of("/docker/buildkit/x").as_deref(), Some("/c/docker/buildkit/x"));
        assert_eq!(of("system.slice:docker:x").as_deref(), Some("/c/system.slice/docker-x.scope"));
        assert_eq!(of("a-b.slice:docker:x").as_deref(), Some("/c/a.slice/a-b.slice/docker-x.scope"));
        for elsewhere in ["/", "/x", "/docker/../x", "../x/y", "x:y", "bare:docker:x", ""] {
            assert_eq!(of(elsewhere), None, "{elsewhere}");
        }
        let v1 = Hierarchy::V1("/c".into()).group("/docker/buildkit/x").expect("a group");
        assert_eq!(v1.memory, Path::new("/c/memory/docker/buildkit/x"));
        assert_eq!(v1.processes, Path::new("/c/pids/docker/buildkit/x"));
    }

    #[test]
    fn a_group_is_bounded_by_the_files_of_its_version() {
        let folder = folder_with(&[
            ("cgroup.controllers", "cpu memory pids\n"),
            ("a/b/memory.max", "max"),
            ("a/b/memory.swap.max", "max"),
            ("a/b/pids.max", "max"),
            ("a/b/memory.events", "oom 1\noom_kill 2\n"),
            ("a/b/pids.events", "max 0\n"),
        ]);
        let hierarchy = Hierarchy::find(folder.path()).expect("a hierarchy");
        let group = hierarchy.group("/a/b").expect("a group");
        assert_eq!(group.bound(64, 7).expect("written"), Bounded::Yes);
        let read = |name: &str| fs::read_to_string(folder.path().join("a/b").join(name)).expect("a file");
        assert!(read("memory.max").starts_with("64") && read("memory.swap.max").starts_with('0'));
        assert!(read("pids.max").starts_with('7'));
        assert!(group.ran_out_of_memory() && !group.ran_out_of_processes());
        let gone = hierarchy.group("/a/c").expect("a name");
        assert_eq!(gone.bound(64, 7).expect("nothing to do"), Bounded::Gone);
    }

    #[test]
    fn a_machine_without_the_controllers_is_refused() {
        let folder = folder_with(&[("cgroup.controllers", "cpu\n")]);
        assert!(Hierarchy::find(folder.path()).is_err());
        assert!(Hierarchy::find(tempfile::tempdir().expect("a folder").path()).is_err());
    }
}
