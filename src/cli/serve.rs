//! `executor-hub serve`: everything in one process, from nothing to the last request.

use std::{sync::Arc, time::Duration};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{database::Database, failure::Failure, observe, reload, supervisor::Supervisor};
use crate::{
    app::{App, DataDirLock},
    auth::setup::Setup,
    builds::{
        docker::{DockerEngine, DockerSettings, Network, Pruned, Unbounded},
        worker::Worker,
    },
    config::{BuildMode, BuildNetwork, ConfigError, Environment, Overrides, Settings, UnkeptLimits},
    domain::SystemClock,
    http::{server, tls::Tls},
    inspect::PythonParser,
};

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port to listen on (`server.listen`)
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<std::net::SocketAddr>,
}

impl Serve {
    /// Its flags as settings, so that what is shown as effective is what counts.
    pub(super) fn set(&self) -> impl Iterator<Item = String> {
        self.listen.iter().map(|listen| format!("server.listen={listen}"))
    }

    pub(super) async fn run(
        self,
        mut settings: Settings,
        environment: &Environment,
        overrides: Overrides,
    ) -> Result<(), Failure> {
        // Before anything that must be stopped cleanly is started.
        let mut stop = Stop::new()?;
        let lock = DataDirLock::take(&settings.server.data_dir, "server")?;
        let tls = tls_of(&settings)?;
        let listener = match Environment::inherited_listener().map_err(anyhow::Error::from)? {
            Some(listener) => tokio::net::TcpListener::from_std(listener).map_err(anyhow::Error::from)?,
            None => server::bind(settings.server.listen).await.map_err(|error| {
                anyhow::anyhow!(
                    "cannot listen on {}: {error}; choose another `server.listen`",
                    settings.server.listen
                )
            })?,
        };
        settings.server.listening_on(listener.local_addr().map_err(anyhow::Error::from)?);
        let supervisor = Supervisor::of(environment);
        let alive = tokio::spawn(supervisor.clone().stay_alive());
        let configured = reload::Configured::of(&settings, environment, overrides);
        let reloading = tokio::spawn(reload::on_hangup(tls.clone(), configured)?);
        let mut database = tokio::select! {
            database = Database::own(&settings, environment) => database?,
            () = stop.requested() => return Ok(()),
        };
        let door = Door { listener, tls, supervisor };
        let served = serve(&settings, environment, &mut database, &lock, door, &mut stop).await;
        database.close().await;
        reloading.abort();
        alive.abort();
        served
    }
}

/// Where requests come in, and who wants to know when they may.
struct Door {
    listener: tokio::net::TcpListener,
    tls: Option<Tls>,
    supervisor: Supervisor,
}

fn tls_of(settings: &Settings) -> Result<Option<Tls>, Failure> {
    if !settings.server.has_tls() {
        return Ok(None);
    }
    let tls = Tls::load(&settings.server.tls_certificate, &settings.server.tls_key);
    Ok(Some(tls.map_err(|error| ConfigError::Value {
        key: "server.tls_certificate".into(),
        why: error.to_string(),
    })?))
}

async fn serve(
    settings: &Settings,
    environment: &Environment,
    database: &mut Database,
    lock: &DataDirLock,
    door: Door,
    stop: &mut Stop,
) -> Result<(), Failure> {
    let parser = PythonParser::Child { program: Environment::own_program().map_err(anyhow::Error::from)? };
    let app = App::new(settings.clone(), database.store.clone(), Arc::new(SystemClock), parser)?;
    app.hub().write_rules().await?;
    let stopping = app.stopping();
    let observed = observe::begin(&app).await?;
    let known = tokio::spawn(app.clone().stay_known("server", lock.place(&Environment::host_name())));
    let listening = tokio::spawn(app.clone().listen());
    let housekeeping = tokio::spawn(app.clone().keep_house());
    let working = start_worker(&app, lock).await?.map(|worker| tokio::spawn(worker.run()));
    let address = &settings.server.external_url;
    tracing::info!(address, data_dir = %settings.server.data_dir.display(), "the Hub is ready");
    eprintln!("Executor Hub is ready at {address}");
    say_how_to_set_up(&app).await?;
    let Door { listener, tls, supervisor } = door;
    let serving = tokio::spawn(server::serve_with(
        listener,
        tls,
        crate::http::router(&app),
        server::Bounds::of(&settings.server),
        stopping.clone(),
    ));
    supervisor.ready();
    tokio::select! {
        () = stop.requested() => {}
        never = database.keep_running(settings, environment) => match never {},
    }
    tracing::info!("stopping");
    supervisor.stopping();
    stopping.cancel();
    let wind_down = async {
        let _ = serving.await;
        if let Some(working) = working {
            let _ = working.await;
        }
        let _ = listening.await;
        let _ = housekeeping.await;
        let _ = known.await;
        if let Some(observed) = observed {
            let _ = observed.await;
        }
    };
    tokio::select! {
        () = wind_down => {}
        () = stop.requested() => Stop::at_once(),
        // What is left to be written needs it as well.
        never = database.keep_running(settings, environment) => match never {},
    }
    Ok(())
}

/// Shows the setup code of a Hub that nobody uses yet: once, here, and never in the log, which others may read.
async fn say_how_to_set_up(app: &App) -> Result<(), Failure> {
    let page = format!("{}/setup", app.settings().server.external_url);
    let file = app.auth().rules().setup_file.display();
    match app.auth().offer_setup().await? {
        Setup::Done => {}
        Setup::Offered(code) => eprintln!(
            "Nobody uses this Hub yet. Become its first admin at {page} with the setup code\n\n    {}\n\n\
             It is good for an hour and kept in {file}.",
            code.expose()
        ),
        Setup::OfferedBefore => eprintln!(
            "Nobody uses this Hub yet. Become its first admin at {page} with the setup code that was shown less than an \
             hour ago; the process that showed it keeps it in a file like {file}. Or make one here with \
             `executor-hub user create LOGIN --admin --invite`."
        ),
    }
    Ok(())
}

/// A worker of this process, unless it shall have none: registered, so that the first push knows whether it is built.
pub(super) async fn start_worker(app: &App, lock: &DataDirLock) -> Result<Option<Arc<Worker>>, Failure> {
    let settings = app.settings();
    if settings.builds.mode == BuildMode::Off || settings.builds.slots == 0 {
        return Ok(None);
    }
    let ca = &settings.builds.ca_certificates;
    let engine = DockerEngine::new(DockerSettings {
        host: Some(settings.builds.engine.clone()),
        allowed_images: settings.builds.allowed_images.clone(),
        own_image_prefix: settings.builds.image_prefix.clone(),
        network: match settings.builds.network {
            BuildNetwork::Default => Network::Default,
            BuildNetwork::None => Network::None,
        },
        unbounded: match settings.builds.unkept_limits {
            UnkeptLimits::Warn => Unbounded::Warned,
            UnkeptLimits::Refuse => Unbounded::Refused,
        },
        environment: settings.builds.environment.clone(),
        ca_certificates: (!ca.as_os_str().is_empty()).then(|| ca.clone()),
    });
    let tidied = engine.clone();
    let place = lock.place(&Environment::host_name());
    let worker = app.worker(Arc::new(engine), place, settings.build_limits());
    worker.register().await?;
    let age = settings.builds.cache_age.0;
    if !age.is_zero() {
        tokio::spawn(tidy_engine(tidied, age, app.stopping()));
    }
    Ok(Some(worker))
}

/// Removes from the engine what no build has used for `age`, soon after the start and then every hour, until the process
/// is asked to stop. An engine that is away is asked again.
async fn tidy_engine(engine: DockerEngine, age: Duration, stopping: CancellationToken) {
    const FIRST: Duration = Duration::from_mins(10);
    const THEN: Duration = Duration::from_hours(1);
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = THEN;
        match engine.prune(age).await {
            Ok(pruned) if pruned == Pruned::default() => {}
            Ok(pruned) => tracing::info!(
                image_bytes = pruned.image_bytes,
                cache_bytes = pruned.cache_bytes,
                "removed unused images and build cache from the engine"
            ),
            Err(fault) => tracing::warn!(%fault, "cannot clean up the engine"),
        }
    }
}

/// The signals that ask the process to end.
pub(super) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    pub(super) fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(anyhow::Error::from);
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Resolves at the next SIGTERM or Ctrl-C.
    pub(super) async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The second signal: whoever sent it does not want to wait. Everything accepted is durable already.
    pub(super) fn at_once() {
        tracing::warn!("stopping at once");
        std::process::exit(130);
    }
}

/// Runs `work` until it ends or the process is asked to stop; then tells it by `stopping`.
pub(super) async fn until_stopped(
    stop: &mut Stop,
    stopping: &CancellationToken,
    work: impl Future<Output = ()>,
) {
    tokio::pin!(work);
    tokio::select! {
        () = &mut work => return,
        () = stop.requested() => stopping.cancel(),
    }
    tokio::select! {
        () = work => {}
        () = stop.requested() => Stop::at_once(),
    }
}
