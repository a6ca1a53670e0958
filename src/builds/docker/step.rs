//! Which steps does BuildKit run on this machine, and whose are they? Read from what the engine itself wrote for each
//! step, so that nothing that a step does to its own box can make it look like another's.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use bollard::Docker;
use serde::Deserialize;
use tokio::net::UnixStream;

use super::{
    cgroup::{Group, Hierarchy},
    connection::Host,
    provision::Provision,
};

/// Descriptions of containers are some 10 KiB; a larger one is no such thing.
const MAX_DESCRIPTION: u64 = 4 << 20;

/// Where an engine on this machine keeps what it runs.
#[derive(Debug, Clone)]
pub struct Place {
    /// Before every path that the engine names: its own view of the file system.
    root: PathBuf,
    mounts: PathBuf,
    bundles: PathBuf,
    hierarchy: Hierarchy,
}

/// What is known of a step that runs.
#[derive(Debug)]
pub enum Found {
    /// Its description is not whole yet, or not there any more.
    Nothing,
    /// It is of another build.
    Foreign,
    /// It is of this build.
    Own(Step),
}

/// A step that runs.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its control group.
    pub group: Group,
    /// Folders into which it can write.
    pub folders: Vec<PathBuf>,
}

impl Place {
    /// Finds the place of the engine at `host`; says what is missing when there is none.
    pub async fn find(host: &Host, docker: &Docker) -> Result<Self, String> {
        let Host::Unix(socket) = host else { return Err("the engine may be on another machine".into()) };
        let engine = host.answer(docker.info()).await.map_err(|fault| fault.message)?;
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        if engine.kernel_version.as_deref() != Some(kernel.trim()) {
            return Err("the engine is on another machine".into());
        }
        let process = UnixStream::connect(socket)
            .await
            .ok()
            .and_then(|stream| stream.peer_cred().ok()?.pid())
            .map(|pid| PathBuf::from(format!("/proc/{pid}")));
        let data = engine.docker_root_dir.unwrap_or_default();
        let hierarchy = Hierarchy::find(Path::new("/sys/fs/cgroup"))?;
        // The engine may see another file system than we do; its process shows which.
        let own = (PathBuf::from("/"), PathBuf::from("/proc/self/mountinfo"));
        let views =
            process.map(|process| (process.join("root"), process.join("mountinfo"))).into_iter().chain([own]);
        for (root, mounts) in views {
            let bundles = below(&root, &data).join("buildkit/executor");
            if !data.is_empty() && fs::read_dir(&bundles).is_ok() {
                return Ok(Self { root, mounts, bundles, hierarchy });
            }
        }
        Err("this process may not read the engine's files".into())
    }

    /// Names of the steps that run now, other people's included. Blocks.
    pub fn running(&self) -> Vec<String> {
        let folders = fs::read_dir(&self.bundles).into_iter().flatten().flatten();
        let folders = folders.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Reads the description of the step `name`, which is of this build when it carries `mark`. Blocks.
    pub fn read(&self, name: &str, mark: &str) -> Found {
        self.describe(name, mark).unwrap_or(Found::Nothing)
    }

    fn describe(&self, name: &str, mark: &str) -> Option<Found> {
        let bundle = self.bundles.join(name);
        let mut text = String::new();
        let file = fs::File::open(bundle.join("config.json")).ok()?;
        file.take(MAX_DESCRIPTION).read_to_string(&mut text).ok()?;
        let description: Description = serde_json::from_str(&text).ok()?;
        // An author may mount something at the same place, so one of several is enough.
        let marks = description.mounts.iter().filter(|mount| mount.destination == Provision::MARK_FILE);
        let marks: Vec<_> = marks.map(|mount| fs::read_to_string(below(&self.root, &mount.source))).collect();
        if !marks.iter().flatten().any(|known| known == mark) {
            return marks.iter().all(Result::is_ok).then_some(Found::Foreign);
        }
        let group = self.hierarchy.group(&description.linux.cgroups_path)?;
        let mounted = fs::read_to_string(&self.mounts).unwrap_or_default();
        let mut folders = vec![self.written(&mounted, &description.root.path)];
        for mount in &description.mounts {
            // Caches; everything else of that kind is read-only, or in memory.
            if mount.kind == "bind" && !mount.options.iter().any(|option| option == "ro") {
                folders.push(self.written(&mounted, &mount.source));
            }
        }
        Some(Found::Own(Step { group, folders }))
    }

    /// Where writes below `path` end up: in the uppermost folder of an overlay, else in the place itself.
    fn written(&self, mounted: &str, path: &str) -> PathBuf {
        let upper = mounted.lines().rev().find_map(|line| {
            let (mount, device) = line.split_once(" - ")?;
            let mut fields = mount.split(' ').skip(3);
            let (root, place) = (fields.next()?, fields.next()?);
            let mut device = device.split(' ');
            let (kind, options) = (device.next()?, device.nth(1)?);
            if kind != "overlay" || unescaped(place) != path {
                return None;
            }
            let upper = options.split(',').find_map(|option| option.strip_prefix("upperdir="))?;
            Some(below(&below(&self.root, &unescaped(upper)), &unescaped(root)))
        });
        upper.unwrap_or_else(|| below(&self.root, path))
    }
}

fn below(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// `/proc/…/mountinfo` writes spaces and the like as octal numbers.
fn unescaped(text: &str) -> String {
    text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[derive(Debug, Deserialize)]
struct Description {
    root: Root,
    mounts: Vec<Mount>,
    linux: Linux,
}

#[derive(Debug, Deserialize)]
struct Root {
    path: String,
}

#[derive(Debug, Deserialize)]
struct Mount {
    destination: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    options: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Linux {
    #[serde(rename = "cgroupsPath", default)]
    cgroups_path: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(root: &Path) -> Place {
        Place {
            root: root.to_owned(),
            mounts: root.join("mountinfo"),
            bundles: root.join("executor"),
            hierarchy: Hierarchy::V2("/c".into()),
        }
    }

    fn description(mark: &str) -> String {
        serde_json::json!({
            "root": {"path": "/executor/a/rootfs"},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/etc/hosts", "type": "bind", "source": "/hosts", "options": ["rbind", "ro"]},
                {"destination": "/cache", "type": "bind", "source": "/snapshots/c", "options": ["rbind"]},
                {"destination": "/run/hub/build", "type": "bind", "source": "/executor/hosts", "options": ["ro"]},
                {"destination": "/run/hub/build", "type": "bind", "source": mark, "options": ["ro"]},
            ],
            "linux": {"cgroupsPath": "/docker/buildkit/a"},
        })
        .to_string()
    }

    #[test]
    fn a_step_is_known_by_its_mark_and_by_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir_all(root.join("executor/a")).expect("a bundle");
        fs::write(root.join("executor/hosts"), "").expect("no bundle");
        fs::write(root.join("mark"), "me").expect("a mark");
        let mounts = "1 2 0:1 / / rw - ext4 /dev/x rw\n3 2 0:2 / /executor/a/rootfs rw - overlay overlay rw,lowerdir=/l,upperdir=/up\\040per,workdir=/w\n";
        fs::write(root.join("mountinfo"), mounts).expect("mounts");
        let place = place(root);
        assert_eq!(place.running(), ["a"]);
        assert!(matches!(place.read("a", "me"), Found::Nothing), "there is no description yet");
        fs::write(root.join("executor/a/config.json"), "{").expect("half a description");
        assert!(matches!(place.read("a", "me"), Found::Nothing));
        fs::write(root.join("executor/a/config.json"), description("/mark")).expect("a description");
        assert!(matches!(place.read("a", "other"), Found::Foreign));
        let Found::Own(step) = place.read("a", "me") else { panic!("it is ours") };
        assert_eq!(step.folders, [root.join("up per"), root.join("snapshots/c")]);
    }
}
