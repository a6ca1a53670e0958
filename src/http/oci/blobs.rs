//! How are layers and configurations fetched? Whole or by range, straight from where they lie.

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};

use super::{Answer, Here, header as ours};
use crate::{
    domain::image::ImageDigest,
    error::Error,
    http::downloads,
    images::{StoredBlob, blob_unknown},
};

pub(super) fn read_digest(text: &str) -> Result<ImageDigest, Error> {
    text.parse().map_err(|_| {
        Error::invalid(
            "digest_invalid",
            "This is no digest.",
            "Digests are `sha256:` or `sha512:` and hexadecimal digits.",
        )
    })
}

pub(super) async fn get(here: Here<'_>, digest: &str, request: &Parts) -> Answer {
    let digest = read_digest(digest)?;
    let images = here.app.images();
    let blob = images.knows_blob(here.repository.id(), &digest).await?.ok_or_else(blob_unknown)?;
    let is_look = request.method == Method::HEAD;
    let etag = format!("\"{digest}\"");
    let Ok(range) = downloads::wanted_range(&request.headers, blob.size, &etag) else {
        let range = ours("content-range", &format!("bytes */{}", blob.size));
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [range]).into_response());
    };
    if !is_look {
        here.app.hub().note_image_pull(here.visitor, here.repository, &digest.to_string()).await?;
        if let Some(response) = elsewhere(here, &blob).await? {
            return Ok(response);
        }
    }
    // HEAD answers what GET would, so it looks for the bytes as well; it reads none of them.
    let wanted = if is_look { Some(0..0) } else { range.clone() };
    let stream = images.read(&blob, wanted).await?;
    let mut response = if is_look { Body::empty() } else { Body::from_stream(stream) }.into_response();
    let length = range.as_ref().map_or(blob.size, |range| range.end - range.start);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.extend([ours("etag", &etag), ours("docker-content-digest", &digest.to_string())]);
    if let Some(range) = range {
        let text = format!("bytes {}-{}/{}", range.start, range.end - 1, blob.size);
        headers.extend([ours("content-range", &text)]);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The answer that sends the client to the bucket, where the operator wants that and the store can sign addresses.
async fn elsewhere(here: Here<'_>, blob: &StoredBlob) -> Result<Option<Response>, Error> {
    if !here.app.settings().images.redirect {
        return Ok(None);
    }
    let address = here.app.images().signed_address(blob).await?;
    Ok(address.map(|address| (StatusCode::TEMPORARY_REDIRECT, [ours("location", &address)]).into_response()))
}

pub(super) async fn delete(here: Here<'_>, digest: &str) -> Answer {
    let digest = read_digest(digest)?;
    here.app.hub().delete_image_blob(here.visitor, here.repository, &digest).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
