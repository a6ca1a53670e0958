//! Which Executors lie in a folder? Zips, and folders with an Executor in them, in the order of their names; any other folder is
//! called like the owner of what lies in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Found, Import, Report};
use crate::{
    app::App,
    cli::failure::Failure,
    domain::{ExecutorName, Tag, Visibility},
    error::Error,
    hub::publish::Upload,
    inspect::{self, InspectError},
};

impl Import {
    pub(super) async fn take_folder(
        &self,
        app: &App,
        folder: &Path,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let cannot = |error: io::Error| anyhow::anyhow!("{} cannot be read: {error}", folder.display());
        for entry in sorted(folder).map_err(cannot)? {
            if is_package(&entry) {
                self.take_entry(app, folder, &entry, None, report).await?;
            } else if entry.is_dir() {
                let owner = entry.file_name().and_then(|name| name.to_str()).map(str::to_owned);
                for inner in sorted(&entry).map_err(cannot)? {
                    if is_package(&inner) {
                        self.take_entry(app, folder, &inner, owner.clone(), report).await?;
                    } else {
                        println!("{}\tno Executor", inner.display());
                    }
                }
            } else {
                println!("{}\tno Executor", entry.display());
            }
        }
        Ok(())
    }

    async fn take_entry(
        &self,
        app: &App,
        folder: &Path,
        entry: &Path,
        owner: Option<String>,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let place = entry.strip_prefix(folder).unwrap_or(entry).display().to_string();
        let said = match said_by_name(entry) {
            Ok(said) => said,
            Err(why) => {
                report.refused += 1;
                println!("{place}\trefused\t{why}");
                return Ok(());
            }
        };
        let tags = said.tag.map_or_else(|| self.tag.clone(), |tag| vec![tag]);
        let (tags, protected_tags) = match (self.protect, tags.is_empty()) {
            (true, true) => (Vec::new(), vec![Tag::latest()]),
            (true, false) => (Vec::new(), tags),
            (false, _) => (tags, Vec::new()),
        };
        let found = Found {
            place,
            owner,
            // A package that says its name is believed; the name of its folder is for those that do not.
            name: None,
            tags,
            protected_tags,
            visibility: self.private.then_some(Visibility::Private),
            sha256: None,
        };
        let (path, limits) = (entry.to_owned(), app.settings().package_limits());
        let hub = app.hub().clone();
        let fetch = async move || {
            let packed = tokio::task::spawn_blocking(move || -> Result<Upload, InspectError> {
                let file = hub.stage_upload()?;
                if path.is_dir() {
                    inspect::pack(&path, file.as_file(), &limits)?;
                } else {
                    io::copy(&mut fs::File::open(&path)?, &mut file.as_file())?;
                }
                Ok(Upload { file, claimed_md5: None })
            });
            match packed.await.map_err(anyhow::Error::from)? {
                Ok(upload) => Ok(upload),
                Err(InspectError::Refused(refusal)) => {
                    Err(Error::invalid(refusal.code, refusal.message, refusal.remedy).into())
                }
                Err(InspectError::Io(error)) => Err(anyhow::Error::from(error).into()),
            }
        };
        self.take(app, &found, report, fetch).await
    }
}

struct Said {
    tag: Option<Tag>,
}

/// What `NAME@TAG` or `NAME@TAG.zip` says; an `@` is in no name.
fn said_by_name(entry: &Path) -> Result<Said, String> {
    let name = if entry.is_dir() { entry.file_name() } else { entry.file_stem() };
    let name = name.and_then(|name| name.to_str()).ok_or("its name is no Unicode")?;
    let (name, tag) = match name.split_once('@') {
        None => (name, None),
        Some((name, tag)) => (name, Some(tag)),
    };
    name.parse::<ExecutorName>().map_err(|why| format!("'{name}' is no name for an Executor: {why}"))?;
    let tag = tag.map(|tag| tag.parse().map_err(|why| format!("'{tag}' is no tag: {why}"))).transpose()?;
    Ok(Said { tag })
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    entries.retain(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")));
    entries.sort();
    Ok(entries)
}

/// A zip, or a folder with what makes an Executor.
fn is_package(path: &Path) -> bool {
    if path.is_file() {
        return path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    }
    let Ok(entries) = fs::read_dir(path) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        matches!(&*name, "config.yml" | "manifest.yml" | "executor.py" | "setup.py" | "pyproject.toml")
            || (name.ends_with(".py") && entry.path().is_file())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_stands_behind_the_name() {
        let tag = |name: &str| said_by_name(Path::new(name)).map(|said| said.tag.map(|tag| tag.to_string()));
        assert_eq!(tag("/x/Hello.zip"), Ok(None));
        assert_eq!(tag("/x/Hello@v1.2.zip"), Ok(Some("v1.2".into())));
        assert!(tag("/x/Hel lo.zip").is_err());
        assert!(tag("/x/Hello@-.zip").is_err());
    }
}
