//! Which tags lead to an image? All of them, or page by page, in the order of their bytes.

use axum::{Json, http::request::Parts, response::IntoResponse as _};
use serde_json::json;

use super::{Answer, Here, header as ours, token::form_urlencoded};

/// The most tags of one answer; the others follow on further pages.
const MOST: i64 = 10_000;

pub(super) async fn list(here: Here<'_>, request: &Parts) -> Answer {
    let query = form_urlencoded(request.uri.query().unwrap_or_default().as_bytes());
    let field = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let wanted = field("n").and_then(|n| n.parse::<i64>().ok()).unwrap_or(MOST).clamp(0, MOST);
    let after = field("last").unwrap_or_default();
    let mut tags = here.app.hub().image_tags(here.repository, after, wanted + 1).await?;
    let has_more = i64::try_from(tags.len()).is_ok_and(|count| count > wanted);
    tags.truncate(usize::try_from(wanted).unwrap_or(0));
    let last = tags.last().filter(|_| has_more).cloned();
    let mut response = Json(json!({"name": here.name, "tags": tags})).into_response();
    if let Some(last) = last {
        // Tags need no escaping in an address.
        let next = format!("</v2/{}/tags/list?n={wanted}&last={last}>; rel=\"next\"", here.name);
        response.headers_mut().extend([ours("link", &next)]);
    }
    Ok(response)
}
