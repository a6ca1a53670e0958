//! Which `postgres` fits? For a cluster that exists, only the major version that made it; for a new one, the newest.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;

use super::{Launch, LaunchError, program, run_as::Account};

/// The oldest major version that the Hub is tested with.
pub(super) const OLDEST: u32 = 15;

/// How long `postgres -V` may take: generous, for a cold disk.
const PATIENCE: Duration = Duration::from_secs(30);

/// The folder of the binaries for the cluster in `data`, which need not exist yet.
///
/// A system upgrade that replaced the major version is told apart from a missing Postgres: the data are still good then.
pub(super) fn find(launch: &Launch, data: &Path, account: Option<Account>) -> Result<PathBuf, LaunchError> {
    let found = match &launch.binaries {
        Some(dir) => vec![given(dir, account)?],
        None => installed(&launch.search_path, account),
    };
    fitting(found, data)
}

fn fitting(mut found: Vec<(u32, PathBuf)>, data: &Path) -> Result<PathBuf, LaunchError> {
    found.sort();
    match fs::read_to_string(data.join("PG_VERSION")) {
        Ok(made_by) => {
            let made_by = made_by.trim();
            let fits = found.iter().find(|(major, _)| major.to_string() == made_by);
            fits.map(|(_, dir)| dir.clone()).ok_or_else(|| LaunchError::WrongVersion {
                data: data.to_owned(),
                made_by: made_by.to_owned(),
                installed: list(&found),
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => match found.pop() {
            Some((major, dir)) if major >= OLDEST => Ok(dir),
            _ => Err(LaunchError::NoBinaries),
        },
        Err(error) => Err(LaunchError::io("read", data.join("PG_VERSION"))(error)),
    }
}

fn list(found: &[(u32, PathBuf)]) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    found.iter().map(|(major, _)| format!("PostgreSQL {major}")).collect::<Vec<_>>().join(" and ")
}

fn given(dir: &Path, account: Option<Account>) -> Result<(u32, PathBuf), LaunchError> {
    let bad = |why: String| LaunchError::BadBinaries { dir: dir.to_owned(), why };
    let real = real_dir(dir).ok_or_else(|| bad("they are not there".to_owned()))?;
    let major = major_version(&real, account).map_err(|error| bad(error.to_string()))?;
    Ok((major, real))
}

/// One installation that does not run is no reason to overlook the others.
fn installed(search_path: &[PathBuf], account: Option<Account>) -> Vec<(u32, PathBuf)> {
    let packages = ["/usr/lib/postgresql", "/usr/local/lib/postgresql", "/opt/homebrew/opt"];
    let mut dirs: Vec<PathBuf> = packages.iter().flat_map(|parent| children(parent, "")).collect();
    // Red Hat's own repository, then SUSE and Alpine.
    dirs.extend(children("/usr", "pgsql-"));
    dirs.extend(children("/usr/lib", "postgresql"));
    for dir in &mut dirs {
        dir.push("bin");
    }
    dirs.extend_from_slice(search_path);

    let mut real: Vec<PathBuf> = dirs.iter().filter_map(|dir| real_dir(dir)).collect();
    real.sort();
    real.dedup();
    real.into_iter().filter_map(|dir| Some((major_version(&dir, account).ok()?, dir))).collect()
}

fn children(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .collect()
}

/// Where `postgres` really lies (`PATH` has links to it), if `initdb` lies beside it.
fn real_dir(dir: &Path) -> Option<PathBuf> {
    let real = dir.join("postgres").canonicalize().ok()?.parent()?.to_owned();
    real.join("initdb").exists().then_some(real)
}

fn major_version(dir: &Path, account: Option<Account>) -> io::Result<u32> {
    let mut postgres = program::command(&dir.join("postgres"), account, Signal::SIGKILL);
    postgres.arg("-V");
    let output = program::output_within(postgres, PATIENCE)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    parse_major(&printed).ok_or_else(|| {
        let complaint = String::from_utf8_lossy(&output.stderr);
        io::Error::other(format!(
            "`postgres -V` printed '{}'",
            complaint.lines().chain(printed.lines()).next().unwrap_or("")
        ))
    })
}

/// Reads `postgres (Postgres) 15.18 (Debian 15.18-0+deb12u1)`, `… 18beta1` and the like.
fn parse_major(printed: &str) -> Option<u32> {
    let (_, version) = printed.split_once("(PostgreSQL) ")?;
    let digits = version.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_kinds_are_read() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_major("postgres (PostgreSQL) 17rc1"), Some(17));
        assert_eq!(parse_major("postgres (PostgreSQL) 16"), Some(16));
        assert_eq!(parse_major("something else 15"), None);
    }

    fn two_versions() -> Vec<(u32, PathBuf)> {
        vec![(17, PathBuf::from("/17")), (16, PathBuf::from("/16"))]
    }

    #[test]
    fn a_new_cluster_gets_the_newest_version() {
        let data = Path::new("/nonexistent");
        assert_eq!(fitting(two_versions(), data).unwrap(), Path::new("/17"));
        assert!(matches!(
            fitting(vec![(OLDEST - 1, PathBuf::from("/old"))], data),
            Err(LaunchError::NoBinaries)
        ));
        let nothing = fitting(Vec::new(), data).unwrap_err().to_string();
        assert!(nothing.contains("`apt-get install postgresql`") && !nothing.contains('\n'), "{nothing}");
    }

    #[test]
    fn an_existing_cluster_gets_the_version_that_made_it() {
        let data = tempfile::tempdir().unwrap();
        let made_by = |version| fs::write(data.path().join("PG_VERSION"), version).unwrap();
        made_by("16\n");
        assert_eq!(fitting(two_versions(), data.path()).unwrap(), Path::new("/16"));
        made_by("15\n");
        let refused = fitting(two_versions(), data.path()).unwrap_err().to_string();
        assert!(
            refused.contains("PostgreSQL 15, but here is only PostgreSQL 16 and PostgreSQL 17:"),
            "{refused}"
        );
    }
}
