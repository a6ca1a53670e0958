//! What do proxies do that nobody wants of them? A small one before a Hub, with one bad habit at a time.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use http_body_util::BodyExt as _;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

/// A bad habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    None,
    HoldsAnswersBack,
    TakesRangesAway,
    Compresses,
    RefusesLargeBodies,
    SaysWhoAsks,
    SendsElsewhere,
    ServesSomethingElse,
}

#[derive(Clone)]
struct Front {
    hub: String,
    habit: Habit,
}

/// Starts one; where it listens.
pub async fn start(hub: &str, habit: Habit) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let front = Front { hub: hub.to_owned(), habit };
    let router = Router::new().fallback(pass_on).with_state(front);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn pass_on(State(front): State<Front>, mut request: Request) -> Response {
    let length: Option<u64> =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match front.habit {
        Habit::RefusesLargeBodies if length.unwrap_or(0) > 1 << 20 => {
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
        Habit::SendsElsewhere => {
            return (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "https://elsewhere.example/")])
                .into_response();
        }
        Habit::ServesSomethingElse => return "It works!".into_response(),
        Habit::TakesRangesAway => {
            request.headers_mut().remove(header::RANGE);
        }
        Habit::SaysWhoAsks => {
            request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("198.51.100.7"));
        }
        _ => {}
    }
    let wants_gzip = request.headers().contains_key(header::ACCEPT_ENCODING);
    *request.uri_mut() = format!("{}{}", front.hub, request.uri()).parse::<Uri>().unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let Ok(answer) = client.request(request).await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (mut head, body) = answer.into_parts();
    match front.habit {
        Habit::HoldsAnswersBack => {
            let whole: Bytes = body.collect().await.unwrap().to_bytes();
            // Its length is known now.
            head.headers.remove(header::TRANSFER_ENCODING);
            Response::from_parts(head, Body::from(whole))
        }
        Habit::Compresses if wants_gzip => {
            head.headers.remove(header::CONTENT_LENGTH);
            head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(head, Body::new(body))
        }
        _ => Response::from_parts(head, Body::new(body)),
    }
}
