//! `executor-hub import`: packages of a folder, or of another Hub, as if their owners had pushed them. Can be broken off and
//! begun again: what is there already is left as it is.

mod folder;
mod remote;

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{database::Database, failure::Failure};
use crate::{
    app::App,
    config::{Environment, Settings},
    domain::{
        BuildEnv, ExecutorName, SystemClock, Tag, Visibility,
        commit::ClientFacts,
        digest::Sha256,
        user::{Role, User},
    },
    error::{Error, ErrorKind},
    hub::{
        import::Imported,
        publish::{Push, Target, Upload},
    },
    inspect::PythonParser,
};

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Import {
    /// A folder of Executors: folders or zips, called NAME or NAME@TAG, or folders of these called like their owner
    #[arg(required_unless_present = "from_hub", conflicts_with = "from_hub")]
    folder: Option<PathBuf>,
    /// The address of another Hub, whose tagged commits are taken with their tags, owners and visibility
    #[arg(long, value_name = "URL")]
    from_hub: Option<String>,
    /// A file with a token of that Hub; without one, only what everybody may see is taken
    #[arg(long, value_name = "FILE", requires = "from_hub")]
    token_file: Option<PathBuf>,
    /// Whose they are; wins over what folder or Hub say
    #[arg(long, value_name = "LOGIN")]
    owner: Option<String>,
    /// Make accounts for owners that have none here; they choose a password by `executor-hub user set-password --invite`
    #[arg(long)]
    create_people: bool,
    /// A tag for packages of a folder that name none; may be repeated. Without one, `latest`
    #[arg(long, value_name = "TAG", conflicts_with = "from_hub")]
    tag: Vec<Tag>,
    /// Protect the tags that are set
    #[arg(long, conflicts_with = "from_hub")]
    protect: bool,
    /// Make new Executors of a folder private
    #[arg(long, conflicts_with = "from_hub")]
    private: bool,
    /// Tell what would be taken, and take nothing
    #[arg(long)]
    dry_run: bool,
}

/// A package that may be taken.
struct Found {
    /// What the report calls it.
    place: String,
    /// Login of whose it is; nobody's without one.
    owner: Option<String>,
    /// Its name; without one, the package says it.
    name: Option<ExecutorName>,
    tags: Vec<Tag>,
    protected_tags: Vec<Tag>,
    visibility: Option<Visibility>,
    /// Digest of its bytes as a Hub stores them, where that is known before they are fetched.
    sha256: Option<Sha256>,
}

/// What became of all packages.
#[derive(Default)]
struct Report {
    taken: u64,
    unchanged: u64,
    refused: u64,
}

impl Import {
    pub(super) async fn run(self, settings: Settings, environment: &Environment) -> Result<(), Failure> {
        let database = Database::beside(&settings, environment).await?;
        let parser =
            PythonParser::Child { program: Environment::own_program().map_err(anyhow::Error::from)? };
        let done = match App::beside_with(settings, database.store.clone(), Arc::new(SystemClock), parser) {
            Ok(app) => self.take_all(&app).await,
            Err(error) => Err(error.into()),
        };
        database.close().await;
        let report = done?;
        println!("taken\t{}\nunchanged\t{}\nrefused\t{}", report.taken, report.unchanged, report.refused);
        match report.refused {
            0 => Ok(()),
            refused => Err(anyhow::anyhow!("{refused} packages were not taken").into()),
        }
    }

    async fn take_all(&self, app: &App) -> Result<Report, Failure> {
        let mut report = Report::default();
        if let Some(folder) = &self.folder {
            self.take_folder(app, folder, &mut report).await?;
        }
        if let Some(url) = &self.from_hub {
            self.take_hub(app, url, &mut report).await?;
        }
        Ok(report)
    }

    /// Takes one package. `fetch` brings its bytes when they are needed. What is refused is told and passed over; what
    /// would refuse every other one as well ends the import.
    async fn take(
        &self,
        app: &App,
        found: &Found,
        report: &mut Report,
        fetch: impl AsyncFnOnce() -> Result<Upload, Failure>,
    ) -> Result<(), Failure> {
        let taken = self.try_to_take(app, found, fetch).await;
        let line = match taken {
            Ok(None) => {
                report.taken += 1;
                "would be taken".to_owned()
            }
            Ok(Some(Imported::Taken(accepted))) => {
                report.taken += 1;
                let tags: Vec<&str> = accepted.tags.iter().map(Tag::as_str).collect();
                format!("taken\t{}\t{}", accepted.executor.title(), tags.join(","))
            }
            Ok(Some(Imported::Unchanged(name))) => {
                report.unchanged += 1;
                format!("unchanged\t{name}")
            }
            Err(Failure::UseCase(error)) if !ends_everything(&error) => {
                report.refused += 1;
                format!("refused\t{}: {}", error.code, error.sentence())
            }
            Err(failure) => return Err(failure),
        };
        println!("{}\t{line}", found.place);
        Ok(())
    }

    async fn try_to_take(
        &self,
        app: &App,
        found: &Found,
        fetch: impl AsyncFnOnce() -> Result<Upload, Failure>,
    ) -> Result<Option<Imported>, Failure> {
        let owner = self.owner_of(app, found).await?;
        let tags: Vec<Tag> = found.tags.iter().chain(&found.protected_tags).cloned().collect();
        if let (Some(owner), Some(name), Some(sha256)) = (&owner, &found.name, found.sha256)
            && app.hub().has_under(owner, name, sha256, &tags).await?
        {
            return Ok(Some(Imported::Unchanged(name.clone())));
        }
        if self.dry_run {
            return Ok(None);
        }
        let owner = owner.ok_or_else(|| nobody(found))?;
        let push = Push {
            target: Target::Own { name: found.name.clone() },
            visibility: found.visibility,
            tags: found.tags.clone(),
            protected_tags: found.protected_tags.clone(),
            dockerfile: None,
            build_env: BuildEnv::default(),
            platforms: Vec::new(),
            no_cache: false,
            client: ClientFacts::default(),
        };
        Ok(Some(app.hub().import(&owner, push, fetch().await?).await?))
    }

    /// `None` only where nothing is taken anyway.
    async fn owner_of(&self, app: &App, found: &Found) -> Result<Option<User>, Error> {
        let login = self.owner.as_ref().or(found.owner.as_ref()).ok_or_else(|| nobody(found))?;
        match app.auth().find_user(login).await {
            Ok(user) => Ok(Some(user)),
            Err(error) if error.kind == ErrorKind::NotFound && self.create_people => {
                if self.dry_run {
                    return Ok(None);
                }
                app.auth().create_user(login, None, Role::Member).await.map(Some)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether the next package would fare no better.
fn ends_everything(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Internal)
}

fn nobody(found: &Found) -> Error {
    Error::invalid(
        "import_without_owner",
        format!("Nobody owns {}.", found.place),
        "Say whose it shall be with --owner LOGIN.",
    )
}
