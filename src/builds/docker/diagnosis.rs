//! What would keep an engine from building? Asked by operators, one question after the other, each with little time.

use std::time::Duration;

use bollard::errors::Error;

use super::{DockerEngine, connection::ANSWER_TIME, step::Place};
use crate::builds::{
    engine::{Engine as _, EngineInfo},
    fault::Fault,
};

/// How long a registry may take to say whether it has an image.
const REGISTRY_TIME: Duration = Duration::from_secs(20);

/// What an engine can do for the Hub.
#[derive(Debug)]
pub struct Diagnosis {
    /// What it says of itself.
    pub info: EngineInfo,
    /// Why memory, processes and disk of build steps are not bounded; `None` when they are.
    pub unbounded: Option<String>,
    /// Where the base image is.
    pub base_image: BaseImage,
}

/// Where an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseImage {
    /// The engine has it.
    Present,
    /// Its registry has it.
    Pullable,
    /// Nobody has it, or nobody can be asked.
    Missing(String),
}

impl DockerEngine {
    /// Asks the engine everything that a build would need to go well.
    pub async fn diagnose(&self, base_image: &str) -> Result<Diagnosis, Fault> {
        let info = self.ping().await?;
        let host = self.host()?;
        let docker = host.connect(ANSWER_TIME).await?;
        let unbounded = Place::find(&host, &docker).await.err();
        let base_image = match host.answer(docker.inspect_image(base_image)).await {
            Ok(_) => BaseImage::Present,
            Err(_) => {
                match tokio::time::timeout(REGISTRY_TIME, docker.inspect_registry_image(base_image, None))
                    .await
                {
                    Ok(Ok(_)) => BaseImage::Pullable,
                    Ok(Err(Error::DockerResponseServerError { message, .. })) => BaseImage::Missing(message),
                    Ok(Err(error)) => BaseImage::Missing(error.to_string()),
                    Err(_) => BaseImage::Missing("its registry does not answer".to_owned()),
                }
            }
        };
        Ok(Diagnosis { info, unbounded, base_image })
    }
}
