//! For which platforms does an engine build? Its BuildKit knows: the engine's own, those that its processor runs as well, and
//! those for which somebody installed an emulator.

use bollard::moby::buildkit::v1::{ListWorkersRequest, control_client::ControlClient};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::transport::{Endpoint, Uri};

use super::session::{SessionError, upgrade};
use crate::builds::platforms::platform;

/// Asks over `stream`, a fresh connection to the engine.
pub async fn offered<S>(mut stream: S) -> Result<Vec<String>, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    upgrade(&mut stream, "/grpc", "").await?;
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_: Uri| {
        // There is one connection; whoever asks for another asks in vain.
        let stream = stream.take().ok_or_else(|| std::io::Error::other("the engine hung up"));
        async move { stream }
    });
    let broken =
        |error: &dyn std::fmt::Display| SessionError::Broken(std::io::Error::other(error.to_string()));
    let channel = Endpoint::from_static("http://docker")
        .connect_with_connector(connector)
        .await
        .map_err(|error| broken(&error))?;
    let answer = ControlClient::new(channel).list_workers(ListWorkersRequest::default()).await;
    let workers = answer.map_err(|status| broken(&status))?.into_inner().record;
    let platforms = workers.into_iter().flat_map(|worker| worker.platforms);
    Ok(platforms.map(|found| platform(&found.os, &found.architecture, &found.variant)).collect())
}
