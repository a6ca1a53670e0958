//! How does BuildKit come by the secrets of a build? It asks over a session that this process opened: the values are
//! in memory here, travel over the engine's socket, and never touch a disk.

use std::collections::HashMap;

use bollard::{
    health::{
        HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
        health_check_response::ServingStatus,
        health_server::{Health, HealthServer},
    },
    moby::buildkit::secrets::v1::{
        GetSecretRequest, GetSecretResponse,
        secrets_server::{Secrets, SecretsServer},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::oneshot,
};
use tokio_stream::StreamExt;
use tonic::{Request, Response, Status, transport::server::Connected};
use zeroize::Zeroizing;

/// An open session. Dropping it closes the connection and forgets the secrets.
#[derive(Debug)]
pub struct Session {
    id: String,
    _closes_when_dropped: oneshot::Sender<()>,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The engine has no BuildKit: it does not know the request.
    #[error("the engine has no BuildKit: {0}")]
    NoBuildKit(String),
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] std::io::Error),
}

/// Largest answer head that is read.
const MAX_HEAD: usize = 8 << 10;

impl Session {
    /// Opens a session over `stream`, a fresh connection to the engine, and serves `secrets` by their id.
    pub async fn open<S>(
        mut stream: S,
        secrets: HashMap<String, Zeroizing<Vec<u8>>>,
    ) -> Result<Self, SessionError>
    where
        S: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let id = hex::encode(crate::domain::id::random_bytes::<16>());
        // The engine takes over the connection and speaks HTTP/2 on it, with itself as the client.
        let offered = format!(
            "X-Docker-Expose-Session-Uuid: {id}\r\nX-Docker-Expose-Session-Name: executor-hub\r\n\
             X-Docker-Expose-Session-Sharedkey: \r\n\
             X-Docker-Expose-Session-Grpc-Method: /grpc.health.v1.Health/Check\r\n\
             X-Docker-Expose-Session-Grpc-Method: /moby.buildkit.secrets.v1.Secrets/GetSecret\r\n"
        );
        upgrade(&mut stream, "/session", &offered).await?;
        let (closer, owner_gone) = oneshot::channel();
        let server = tonic::transport::Server::builder()
            .add_service(HealthServer::new(Alive))
            .add_service(SecretsServer::new(Vault(secrets)));
        let connections = tokio_stream::once(Ok::<_, std::io::Error>(stream)).chain(tokio_stream::pending());
        tokio::spawn(async move {
            let ended = server
                .serve_with_incoming_shutdown(connections, async {
                    let _ = owner_gone.await;
                })
                .await;
            if let Err(error) = ended {
                tracing::debug!(%error, "a build session ended badly");
            }
        });
        Ok(Self { id, _closes_when_dropped: closer })
    }

    /// What a build names to use this session.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Lets the engine take over a connection for HTTP/2. `headers` are whole lines.
pub async fn upgrade<S>(stream: &mut S, path: &str, headers: &str) -> Result<(), SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{headers}\
         Content-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let head = read_head(stream).await?;
    let status = head.lines().next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 101") {
        return Err(SessionError::NoBuildKit(status.chars().take(100).collect()));
    }
    Ok(())
}

/// Byte by byte, so that nothing of what follows the head is swallowed.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<String, std::io::Error> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD {
            return Err(std::io::Error::other("the engine's answer has no end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

struct Vault(HashMap<String, Zeroizing<Vec<u8>>>);

#[tonic::async_trait]
impl Secrets for Vault {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = &request.get_ref().id;
        let value = self.0.get(id).ok_or_else(|| Status::not_found(format!("there is no secret '{id}'")))?;
        Ok(Response::new(GetSecretResponse { data: value.to_vec() }))
    }
}

/// The engine ends a session that does not answer this.
struct Alive;

#[tonic::async_trait]
impl Health for Alive {
    type WatchStream = tokio_stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn check(&self, _: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse { status: ServingStatus::Serving.into() }))
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("one service, no list"))
    }

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("ask again instead"))
    }
}
