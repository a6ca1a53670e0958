//! What speaks of a manifest: signatures, lists of parts? Whatever names it as its subject, as an index, page by page.

use axum::{body::Body, http::request::Parts, response::Response};
use serde_json::{Value, json};

use super::{Answer, Here, blobs::read_digest, header as ours, token::form_urlencoded};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Descriptors of one answer.
const PAGE: usize = 100;

pub(super) async fn list(here: Here<'_>, digest: &str, request: &Parts) -> Answer {
    let digest = read_digest(digest)?;
    let query = form_urlencoded(request.uri.query().unwrap_or_default().as_bytes());
    let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (kind, after) = (field("artifactType"), field("last").unwrap_or_default());
    let images = here.app.images();
    let mut found = images.referrers(here.repository.id(), &digest, kind, after, PAGE + 1).await?;
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    let last = found.last().filter(|_| has_more).map(|one| one.digest.clone());
    let descriptors: Vec<Value> = found
        .into_iter()
        .map(|one| {
            let mut descriptor = json!({"mediaType": one.media_type, "digest": one.digest, "size": one.size});
            if let Some(kind) = one.artifact_type {
                descriptor["artifactType"] = kind.into();
            }
            if let Some(said) = one.annotations {
                descriptor["annotations"] = said;
            }
            descriptor
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}).to_string();
    let mut response = Response::new(Body::from(index));
    let headers = response.headers_mut();
    headers.extend([ours("content-type", INDEX)]);
    if kind.is_some() {
        headers.extend([ours("oci-filters-applied", "artifactType")]);
    }
    if let Some(last) = last {
        let encode = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let kind = kind.map(|kind| format!("artifactType={}&", encode(kind))).unwrap_or_default();
        let next =
            format!("</v2/{}/referrers/{digest}?{kind}last={}>; rel=\"next\"", here.name, encode(&last));
        headers.extend([ours("link", &next)]);
    }
    Ok(response)
}
