//! Does an operator learn what an engine can do, and whether it has the base image?

use executor_hub::builds::docker::{DockerEngine, DockerSettings, diagnosis::BaseImage};

use super::settings;
use crate::support::child::setting;

#[tokio::test]
async fn the_engine_tells_what_it_is_and_which_base_image_it_has() {
    let engine = DockerEngine::new(settings());
    let base = setting("EXECUTOR_HUB_TEST_BASE_IMAGE").expect("a base image");
    let diagnosis = engine.diagnose(&base).await.unwrap();
    assert!(!diagnosis.info.version.is_empty());
    assert_eq!(diagnosis.base_image, BaseImage::Present);
    let diagnosis = engine.diagnose("executor-hub.invalid/no/such:image").await.unwrap();
    assert!(matches!(diagnosis.base_image, BaseImage::Missing(why) if !why.is_empty()));
}

#[tokio::test]
async fn an_engine_that_is_away_is_told() {
    let host = Some("unix:///no/such.sock".to_owned());
    let engine = DockerEngine::new(DockerSettings { host, ..settings() });
    let fault = engine.diagnose("any").await.unwrap_err();
    assert!(fault.message.contains("/no/such.sock"), "{}", fault.message);
}
