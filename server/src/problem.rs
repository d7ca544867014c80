//! Refusals as programs read them: RFC 9457.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::callers::Refusal;

/// A status with the reason in words.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
    });
    (status, [(CONTENT_TYPE, "application/problem+json")], format!("{body}\n")).into_response()
}

/// A problem that time mends.
pub(crate) fn later(status: StatusCode, detail: &str, seconds: u64) -> Response {
    let mut response = problem(status, detail);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// A caller that is turned away.
pub(crate) fn refusal(refusal: Refusal) -> Response {
    const FULL_SECONDS: u64 = 30;
    match refusal {
        Refusal::Address => {
            let detail = "this address holds as many connections as one may";
            later(StatusCode::TOO_MANY_REQUESTS, detail, FULL_SECONDS)
        }
        Refusal::Network => {
            let detail = "this network holds as many connections as one may";
            later(StatusCode::TOO_MANY_REQUESTS, detail, FULL_SECONDS)
        }
        Refusal::Rate(seconds) => {
            let detail = "this address asks too fast";
            let mut response = later(StatusCode::TOO_MANY_REQUESTS, detail, seconds);
            // draft-ietf-httpapi-ratelimit-headers: nothing remains, until then.
            let left = format!("\"address\";r=0;t={seconds}");
            if let Ok(left) = HeaderValue::from_str(&left) {
                response.headers_mut().insert(HeaderName::from_static("ratelimit"), left);
            }
            response
        }
        Refusal::Full => later(StatusCode::SERVICE_UNAVAILABLE, "the server is full", FULL_SECONDS),
    }
}
