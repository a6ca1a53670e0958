//! How are bytes served from a signed address? By HEAD, GET and Range, always with their length, without redirects,
//! compression or credentials: what old clients resume by and cannot do without (PROTOCOL.md G and J).

use std::ops::Range;

use axum::{
    body::Body,
    extract::{Query, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use crate::{
    app::App,
    error::{Error, ErrorKind},
    hub::download::{Content, DownloadAddress, Purpose, Reader},
};

/// What an address says besides its digest.
#[derive(Debug, Deserialize)]
pub(super) struct Signed {
    size: u64,
    expires: i64,
    signature: String,
    item: Option<String>,
    by: Option<String>,
}

/// The query of an address.
pub(super) fn query(address: &DownloadAddress) -> String {
    let DownloadAddress { size, expires, signature, .. } = address;
    let text = format!("size={size}&expires={expires}&signature={signature}");
    match &address.reader {
        None => text,
        Some(Reader { item, by }) => format!("{text}&item={item}&by={by}"),
    }
}

/// The bytes with this digest, if the address was made for them; the caller says what kind of bytes they are and adds
/// what they are to be taken for.
pub(super) async fn serve(
    app: &App,
    content: Content,
    digest: Option<&str>,
    signed: Result<Query<Signed>, QueryRejection>,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let unknown = || {
        Error::new(
            ErrorKind::NotFound,
            "download_gone",
            "There is no such download.",
            "Ask again for a new address.",
        )
    };
    let sha256 = digest.and_then(|digest| digest.parse().ok()).ok_or_else(unknown)?;
    let Query(Signed { size, expires, signature, item, by }) = signed.map_err(|_| unknown())?;
    let reader = item.zip(by).map(|(item, by)| Reader { item, by });
    let address = DownloadAddress { content, sha256, size, expires, reader, signature };
    let purpose = if method == Method::HEAD { Purpose::Look } else { Purpose::Fetch };
    app.hub().check_download(&address, purpose).await?;
    let etag = format!("\"{sha256}\"");
    let Ok(range) = wanted_range(headers, size, &etag) else {
        let headers = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, headers).into_response());
    };
    // HEAD answers what GET would, so it looks for the bytes as well; it reads none of them.
    let wanted = if method == Method::HEAD { Some(0..0) } else { range.clone() };
    let stream = app.hub().download(&address, wanted).await?;
    let body = if method == Method::HEAD { Body::empty() } else { Body::from_stream(stream) };
    let mut response = body.into_response();
    let length = range.as_ref().map_or(size, |range| range.end - range.start);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if let Some(range) = range {
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header::CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

pub(super) struct NotSatisfiable;

/// The one range that was asked for; `None` means everything. Several ranges, other units and nonsense count as no range,
/// as RFC 9110 allows.
pub(super) fn wanted_range(
    headers: &HeaderMap,
    size: u64,
    etag: &str,
) -> Result<Option<Range<u64>>, NotSatisfiable> {
    if headers.get(header::IF_RANGE).is_some_and(|value| value.as_bytes() != etag.as_bytes()) {
        return Ok(None);
    }
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = text
        .and_then(|text| text.trim().strip_prefix("bytes="))
        .filter(|spec| !spec.contains(','))
        .and_then(|spec| spec.split_once('-'))
    else {
        return Ok(None);
    };
    let range = match (first.trim(), last.trim()) {
        ("", count) => match count.parse::<u64>() {
            Ok(0) => return Err(NotSatisfiable),
            Ok(count) => size.saturating_sub(count)..size,
            Err(_) => return Ok(None),
        },
        (first, last) => {
            let Ok(first) = first.parse::<u64>() else { return Ok(None) };
            let end = match last {
                "" => size,
                last => match last.parse::<u64>() {
                    Ok(last) if last >= first => last.saturating_add(1).min(size),
                    _ => return Ok(None),
                },
            };
            first..end
        }
    };
    if range.start < range.end { Ok(Some(range)) } else { Err(NotSatisfiable) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_clients_send_them() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static(text));
            wanted_range(&headers, 100, "\"x\"").ok()
        };
        assert_eq!(read("bytes=10-"), Some(Some(10..100)));
        assert_eq!(read("bytes=0-0"), Some(Some(0..1)));
        assert_eq!(read("bytes=-5"), Some(Some(95..100)));
        assert_eq!(read("bytes=90-1000"), Some(Some(90..100)));
        assert_eq!(read("bytes=100-"), None);
        assert_eq!(read("bytes=-0"), None);
        for nonsense in ["bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "bytes="] {
            assert_eq!(read(nonsense), Some(None), "{nonsense}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_not_given() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_static("bytes=10-"));
        headers.insert(header::IF_RANGE, HeaderValue::from_static("\"old\""));
        assert!(matches!(wanted_range(&headers, 100, "\"new\""), Ok(None)));
    }
}
