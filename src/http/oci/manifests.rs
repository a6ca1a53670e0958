//! How are manifests fetched, pushed and deleted? By tag or by digest, byte for byte as they came.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::IntoResponse as _,
};

use super::{Answer, Here, blobs::read_digest, header as ours, token::form_urlencoded};
use crate::{
    domain::{Tag, image::commit_of_tag},
    error::{Error, ErrorKind},
    hub::repositories::ImageRef,
    images::{MANIFEST_BYTES, NewImageManifest, manifest_unknown},
};

/// What a reference means; a text that is neither tag nor digest leads nowhere.
fn read(reference: &str) -> Result<ImageRef, Error> {
    if reference.contains(':') {
        return Ok(ImageRef::Digest(read_digest(reference)?));
    }
    match commit_of_tag(reference) {
        Some(commit) => Ok(ImageRef::Commit(commit)),
        None => Ok(ImageRef::Tag(reference.parse().map_err(|_| manifest_unknown())?)),
    }
}

pub(super) async fn get(here: Here<'_>, reference: &str, request: &Parts) -> Answer {
    let found = here.app.hub().find_image(here.repository, &read(reference)?).await?;
    let is_look = request.method == Method::HEAD;
    if !is_look {
        here.app.hub().note_image_pull(here.visitor, here.repository, &found.digest).await?;
    }
    let etag = format!("\"{}\"", found.digest);
    let has_it =
        request.headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let length = found.content.len();
    let status = if has_it { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let body = if is_look || has_it { Body::empty() } else { Body::from(found.content) };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.extend([
        ours("content-type", &found.media_type),
        ours("docker-content-digest", &found.digest),
        ours("etag", &etag),
    ]);
    if !has_it {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(response)
}

pub(super) async fn put(here: Here<'_>, reference: &str, request: Request) -> Answer {
    let tag_invalid = || {
        Error::invalid(
            "tag_invalid",
            "This is no tag.",
            "A tag has up to 128 letters, digits, '_', '.' and '-'.",
        )
    };
    let (tag, digest) = if reference.contains(':') {
        (None, Some(read_digest(reference)?))
    } else {
        (Some(reference.parse::<Tag>().map_err(|_| tag_invalid())?), None)
    };
    let query = form_urlencoded(request.uri().query().unwrap_or_default().as_bytes());
    // With `?digest=` somebody says by which algorithm a manifest that they push by tag shall be known.
    let named =
        query.iter().find(|(key, _)| key == "digest").map(|(_, value)| read_digest(value)).transpose()?;
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.map(str::to_owned);
    let timeout = here.app.settings().server.read_timeout.0;
    let body = axum::body::to_bytes(request.into_body(), MANIFEST_BYTES + 1);
    let content = match tokio::time::timeout(timeout, body).await {
        Ok(Ok(content)) => content,
        Ok(Err(error)) if is_too_long(&error) => {
            let cause = format!("A manifest has at most {MANIFEST_BYTES} bytes.");
            return Err(Error::new(ErrorKind::TooLarge, "manifest_too_large", cause, "").into());
        }
        Ok(Err(_)) | Err(_) => {
            return Err(
                Error::invalid("manifest_invalid", "The manifest broke off.", "Send it again.").into()
            );
        }
    };
    let new =
        NewImageManifest { content: &content, media_type: media_type.as_deref(), digest: digest.or(named) };
    let stored = here.app.hub().push_image(here.visitor, here.repository, tag.as_ref(), new).await?;
    let digest = stored.digest.to_string();
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    headers.extend([
        ours("location", &format!("/v2/{}/manifests/{digest}", here.name)),
        ours("docker-content-digest", &digest),
    ]);
    if let Some(subject) = stored.subject {
        headers.extend([ours("oci-subject", &subject.to_string())]);
    }
    if let Some(tag) = &tag {
        headers.extend([ours("oci-tag", tag.as_str())]);
    }
    Ok(response)
}

fn is_too_long(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if cause.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = cause.source();
    }
    false
}

pub(super) async fn delete(here: Here<'_>, reference: &str) -> Answer {
    here.app.hub().delete_image(here.visitor, here.repository, &read(reference)?).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
