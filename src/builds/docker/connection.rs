//! Where is the Docker Engine, and does it answer? Every task connects anew, so a restarted engine is simply there.

use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, Docker, errors::Error};
use tokio::net::{TcpStream, UnixStream};

use crate::{
    builds::{engine::EngineInfo, fault::Fault, platforms::platform},
    domain::task::FaultKind,
};

use super::{
    instruction::Heredocs,
    offer,
    provision::Provision,
    session::{Session, SessionError},
};

/// The address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A socket in the file system.
    Unix(String),
    /// `host:port`, without TLS: for a private network or a tunnel.
    Tcp(String),
}

/// How long any short question to the engine may take.
pub const ANSWER_TIME: Duration = Duration::from_secs(4);
/// How long slow ones (export, prune, removal of a large image) may be silent.
const SLOW_ANSWER_TIME: Duration = Duration::from_mins(10);

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

impl Host {
    /// Reads `unix:///path`, a plain path, `tcp://host:port` or `http://host:port`; `None` means the usual socket.
    pub fn parse(host: Option<&str>) -> Result<Self, Fault> {
        let host = host.unwrap_or(DEFAULT_SOCKET);
        if host.starts_with('/') {
            return Ok(Self::Unix(host.to_owned()));
        }
        match host.split_once("://") {
            Some(("unix", path)) => Ok(Self::Unix(path.to_owned())),
            Some(("tcp" | "http", address)) if address.contains(':') => {
                Ok(Self::Tcp(address.trim_end_matches('/').to_owned()))
            }
            _ => Err(Fault::new(
                FaultKind::Engine,
                format!(
                    "'{host}' is no address of a Docker Engine. Use unix:///path/to/docker.sock or tcp://host:port."
                ),
            )),
        }
    }

    /// A client whose requests may take up to `patience` until the engine begins to answer.
    pub async fn connect(&self, patience: Duration) -> Result<Docker, Fault> {
        let seconds = patience.as_secs().max(SLOW_ANSWER_TIME.as_secs());
        let client = match self {
            Self::Unix(path) => Docker::connect_with_unix(path, seconds, API_DEFAULT_VERSION),
            Self::Tcp(address) => Docker::connect_with_http(address, seconds, API_DEFAULT_VERSION),
        };
        let client = client.map_err(|error| self.silent(&error))?;
        self.answer(client.negotiate_version()).await
    }

    /// The engine's answer to a short question.
    pub async fn answer<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, Fault> {
        match tokio::time::timeout(ANSWER_TIME, question).await {
            Ok(answer) => answer.map_err(|error| self.silent(&error)),
            Err(_) => Err(self.silent(&"it is silent")),
        }
    }

    /// Opens a session on a connection of its own.
    pub async fn open_session(&self, provision: &Provision) -> Result<Session, SessionOrFault> {
        let opening = async {
            match self {
                Self::Unix(path) => {
                    Session::open(UnixStream::connect(path).await?, provision.secrets()).await
                }
                Self::Tcp(address) => {
                    Session::open(TcpStream::connect(address).await?, provision.secrets()).await
                }
            }
        };
        match tokio::time::timeout(ANSWER_TIME, opening).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(SessionError::NoBuildKit(answer))) => Err(SessionOrFault::NoBuildKit(answer)),
            Ok(Err(SessionError::Broken(error))) => Err(SessionOrFault::Fault(self.silent(&error))),
            Err(_) => Err(SessionOrFault::Fault(self.silent(&"it is silent"))),
        }
    }

    /// The platforms that its BuildKit offers, in the engine's order.
    pub async fn offered_platforms(&self) -> Result<Vec<String>, SessionError> {
        let asking = async {
            match self {
                Self::Unix(path) => offer::offered(UnixStream::connect(path).await?).await,
                Self::Tcp(address) => offer::offered(TcpStream::connect(address).await?).await,
            }
        };
        let silent = |_| SessionError::Broken(std::io::Error::other("it is silent"));
        tokio::time::timeout(ANSWER_TIME, asking).await.map_err(silent)?
    }

    /// The fault of an engine that cannot be asked.
    pub fn silent(&self, error: &dyn std::fmt::Display) -> Fault {
        let place = match self {
            Self::Unix(path) => format!("unix://{path}"),
            Self::Tcp(address) => format!("tcp://{address}"),
        };
        Fault::new(
            FaultKind::Engine,
            format!(
                "The Docker Engine at {place} does not answer: {error}. Start it, or correct the address of the engine."
            ),
        )
    }
}

/// Why a build has no session.
#[derive(Debug)]
pub enum SessionOrFault {
    /// The engine answers, but has no BuildKit.
    NoBuildKit(String),
    /// The engine does not answer.
    Fault(Fault),
}

/// What an engine can do.
#[derive(Debug, Clone)]
pub struct Abilities {
    /// Version and platform.
    pub info: EngineInfo,
    /// Whether its Dockerfiles may carry heredocs.
    pub heredocs: Heredocs,
}

/// Asks a connected engine what it is, but not what else it builds for. `buildkit` is what the attempt to open a session
/// showed.
pub async fn abilities(host: &Host, docker: &Docker, buildkit: bool) -> Result<Abilities, Fault> {
    let version = host.answer(docker.version()).await?;
    let own =
        platform(version.os.as_deref().unwrap_or("linux"), version.arch.as_deref().unwrap_or("amd64"), "");
    // API 1.42 is Docker 23.0, the first whose BuildKit reads heredocs.
    let api = version.api_version.as_deref().and_then(|api| api.split_once('.'));
    let api = api.and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    let heredocs =
        if buildkit && api.is_some_and(|api| api >= (1, 42)) { Heredocs::Known } else { Heredocs::Unknown };
    let info = EngineInfo { version: version.version.unwrap_or_default(), platforms: vec![own], buildkit };
    Ok(Abilities { info, heredocs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        assert_eq!(Host::parse(None).expect("default"), Host::Unix("/var/run/docker.sock".into()));
        assert_eq!(Host::parse(Some("unix:///tmp/d.sock")).expect("unix"), Host::Unix("/tmp/d.sock".into()));
        assert_eq!(Host::parse(Some("tcp://engine:2375")).expect("tcp"), Host::Tcp("engine:2375".into()));
        for bad in ["ssh://me@engine", "engine", "tcp://engine", ""] {
            assert_eq!(Host::parse(Some(bad)).unwrap_err().kind, FaultKind::Engine, "{bad}");
        }
    }
}
