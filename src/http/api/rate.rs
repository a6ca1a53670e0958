//! May this request be answered just now? Counted by person, or without a sign-in by address; every answer says where its
//! sender stands (`RateLimit`, `RateLimit-Policy`), and one too many is answered with 429 and `Retry-After`.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{
    app::App,
    auth::Caller,
    http::{address::ClientAddress, caller, problem::Problem},
    hub::rates::Allowance,
};

pub(super) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    if !app.hub().counts_requests() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    // A token that is not good is the handler's to refuse; until then its sender counts as an address.
    let caller = app.auth().caller(&caller::credentials(&parts.headers)).await.unwrap_or(Caller::Anonymous);
    let ClientAddress(address) = ClientAddress::of(&parts, &app);
    let Some(allowance) = app.hub().count_request(&caller, address) else {
        return next.run(Request::from_parts(parts, body)).await;
    };
    let mut response = if allowance.is_over {
        Problem::from(app.hub().too_many_requests(allowance)).into_response()
    } else {
        next.run(Request::from_parts(parts, body)).await
    };
    tell(&mut response, allowance);
    response
}

fn tell(response: &mut Response, Allowance { most, left, reset, .. }: Allowance) {
    let texts = [
        ("ratelimit-policy", format!("\"requests\";q={most};w=60")),
        ("ratelimit", format!("\"requests\";r={left};t={reset}")),
    ];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}
