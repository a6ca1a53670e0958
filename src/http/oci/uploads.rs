//! How are layers pushed? In one piece, in several that may be hours apart, or not at all where another repository that the
//! caller may read has them.

use std::{io, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures_util::{Stream, StreamExt as _};

use super::{Answer, Here, blobs::read_digest, header as ours, token::form_urlencoded};
use crate::{
    auth::policy::Action,
    domain::{
        ImageUploadId,
        image::{ImageDigest, RepositoryName},
    },
    error::Error,
    hub::repositories::Closed,
    images::{Appended, Begin, StoredBlob},
};

pub(super) async fn begin(here: Here<'_>, request: Request) -> Answer {
    let query = form_urlencoded(request.uri().query().unwrap_or_default().as_bytes());
    let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if let (Some(digest), Some(from)) = (field("mount"), field("from"))
        && let Some(blob) = mounted(here, digest, from).await?
    {
        return Ok(created(here, &blob));
    }
    let whole = field("digest").map(read_digest).transpose()?;
    let (images, repository) = (here.app.images(), here.repository.id());
    let id = images.begin_upload(repository).await?;
    let Some(digest) = whole else { return Ok(state(here, id, 0, StatusCode::ACCEPTED)) };
    let taken = take(here, id, Begin::Here, request).await;
    match taken {
        Ok(_) => finished(here, id, digest).await,
        Err(error) => {
            // Nobody was told of this upload, so nobody comes back to it.
            images.cancel_upload(repository, id).await?;
            Err(error.into())
        }
    }
}

/// The blob of another repository, if the caller may read that.
async fn mounted(here: Here<'_>, digest: &str, from: &str) -> Result<Option<StoredBlob>, Error> {
    let Ok(name) = from.parse::<RepositoryName>() else { return Ok(None) };
    let digest = read_digest(digest)?;
    match here.app.hub().open_repository(here.visitor, &name, Action::Read).await {
        Ok(from) => here.app.images().mount(from.id(), here.repository.id(), &digest).await,
        Err(Closed::Failed(error)) => Err(error),
        Err(Closed::Scope | Closed::Hidden | Closed::Forbidden) => Ok(None),
    }
}

pub(super) async fn status(here: Here<'_>, id: &str) -> Answer {
    let id = read_id(id)?;
    let size = here.app.images().upload_size(here.repository.id(), id).await?;
    Ok(state(here, id, size, StatusCode::NO_CONTENT))
}

pub(super) async fn append(here: Here<'_>, id: &str, request: Request) -> Answer {
    let id = read_id(id)?;
    let Ok(begin) = wanted_begin(request.headers()) else {
        let size = here.app.images().upload_size(here.repository.id(), id).await?;
        return Ok(state(here, id, size, StatusCode::RANGE_NOT_SATISFIABLE));
    };
    Ok(match take(here, id, begin, request).await? {
        Appended::Now(size) => state(here, id, size, StatusCode::ACCEPTED),
        Appended::OutOfOrder(size) => state(here, id, size, StatusCode::RANGE_NOT_SATISFIABLE),
    })
}

pub(super) async fn finish(here: Here<'_>, id: &str, request: Request) -> Answer {
    let id = read_id(id)?;
    let query = form_urlencoded(request.uri().query().unwrap_or_default().as_bytes());
    let digest = query.iter().find(|(key, _)| key == "digest").map_or("", |(_, value)| value.as_str());
    let digest = read_digest(digest)?;
    let images = here.app.images();
    let Ok(begin) = wanted_begin(request.headers()) else {
        let size = images.upload_size(here.repository.id(), id).await?;
        return Ok(state(here, id, size, StatusCode::RANGE_NOT_SATISFIABLE));
    };
    if let Appended::OutOfOrder(size) = take(here, id, begin, request).await? {
        return Ok(state(here, id, size, StatusCode::RANGE_NOT_SATISFIABLE));
    }
    finished(here, id, digest).await
}

async fn finished(here: Here<'_>, id: ImageUploadId, digest: ImageDigest) -> Answer {
    let blob = here.app.images().finish_upload(here.repository.id(), id, digest).await?;
    Ok(created(here, &blob))
}

pub(super) async fn cancel(here: Here<'_>, id: &str) -> Answer {
    here.app.images().cancel_upload(here.repository.id(), read_id(id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes the body of a request to an upload.
async fn take(here: Here<'_>, id: ImageUploadId, begin: Begin, request: Request) -> Result<Appended, Error> {
    let timeout = here.app.settings().server.read_timeout.0;
    let pieces = in_time(request.into_body(), timeout);
    here.app.images().append(here.repository.id(), id, begin, pieces).await
}

/// The pieces of a body, each within its time: whoever stops sending holds the upload for no longer.
fn in_time(body: Body, timeout: Duration) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let body = body.into_data_stream();
    futures_util::stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match tokio::time::timeout(timeout, body.next()).await {
            Ok(None) => None,
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(body))),
            Ok(Some(Err(error))) => Some((Err(io::Error::other(error)), None)),
            Err(_) => Some((Err(io::ErrorKind::TimedOut.into()), None)),
        }
    })
}

/// Where the piece of a request is to begin. `Err` for a range that cannot be, or that has another length than the body.
fn wanted_begin(headers: &HeaderMap) -> Result<Begin, ()> {
    let Some(value) = headers.get(header::CONTENT_RANGE) else { return Ok(Begin::Here) };
    let text = value.to_str().map_err(|_| ())?.trim();
    let text = text.strip_prefix("bytes").map_or(text, |rest| rest.trim_start_matches(['=', ' ']));
    let text = text.split('/').next().unwrap_or(text);
    let (first, last) = text.split_once('-').ok_or(())?;
    let (first, last): (u64, u64) =
        (first.trim().parse().map_err(|_| ())?, last.trim().parse().map_err(|_| ())?);
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let count = last.checked_add(1).and_then(|end| end.checked_sub(first)).ok_or(())?;
    match length {
        Some(length) if length != count => Err(()),
        _ => Ok(Begin::At(first)),
    }
}

/// How far an upload is.
fn state(here: Here<'_>, id: ImageUploadId, size: u64, status: StatusCode) -> Response {
    let headers = [
        ours("location", &format!("/v2/{}/blobs/uploads/{id}", here.name)),
        ours("range", &format!("0-{}", size.saturating_sub(1))),
        ours("docker-upload-uuid", &id.to_string()),
    ];
    (status, headers).into_response()
}

fn created(here: Here<'_>, blob: &StoredBlob) -> Response {
    let headers = [
        ours("location", &format!("/v2/{}/blobs/{}", here.name, blob.digest)),
        ours("docker-content-digest", &blob.digest.to_string()),
    ];
    (StatusCode::CREATED, headers).into_response()
}

fn read_id(text: &str) -> Result<ImageUploadId, Error> {
    text.parse().map_err(|_| crate::images::upload_unknown())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn ranges_of_pieces_are_read_as_clients_send_them() {
        let read = |range: &'static str, length: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_RANGE, HeaderValue::from_static(range));
            if let Some(length) = length {
                headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            }
            wanted_begin(&headers)
        };
        assert_eq!(wanted_begin(&HeaderMap::new()), Ok(Begin::Here));
        assert_eq!(read("0-9", Some(10)), Ok(Begin::At(0)));
        assert_eq!(read("bytes 10-19", None), Ok(Begin::At(10)));
        assert_eq!(read("bytes=10-19/100", Some(10)), Ok(Begin::At(10)));
        for (range, length) in [("0-9", Some(11)), ("9-0", None), ("a-b", None), ("5", None)] {
            assert_eq!(read(range, length), Err(()), "{range}");
        }
        assert_eq!(read("0-18446744073709551615", None), Err(()));
    }
}
