//! Whose pages may connect: a page of another site would use its visitor's address and processor.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};

/// The allowed origins; an empty list stands for the pages of this server itself.
#[derive(Debug)]
pub(crate) struct Origins(Vec<String>);

impl Origins {
    /// Origins in lower case.
    pub(crate) fn new(listed: Vec<String>) -> Self {
        Origins(listed)
    }

    /// Whether a page that names its origin may connect. The list is exact. Without one, host and
    /// port must be those that the request is for; the scheme does not count then, since a proxy
    /// may speak TLS for this server.
    pub(crate) fn are_welcome(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = only(headers) else { return false };
        if !self.0.is_empty() {
            return self.has(origin);
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let own = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
        matches!((own, host), (Some(own), Some(host)) if own.eq_ignore_ascii_case(host))
    }

    /// The request's origin if it is on the list: its pages may read what is served.
    pub(crate) fn listed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        only(headers).filter(|origin| self.has(origin))?;
        headers.get(ORIGIN).cloned()
    }

    fn has(&self, origin: &str) -> bool {
        self.0.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
    }
}

/// The origin of a request that names one.
fn only(headers: &HeaderMap) -> Option<&str> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = origins.next()?.to_str().ok()?;
    origins.next().is_none().then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listed: &[&str], origin: &str, host: &str, welcome: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().expect("a value"));
        headers.insert(ORIGIN, origin.parse().expect("a value"));
        let origins = Origins::new(listed.iter().map(|&origin| origin.to_owned()).collect());
        assert_eq!(origins.are_welcome(&headers), welcome, "{origin} at {host}, {listed:?}");
    }

    #[test]
    fn a_list_is_exact() {
        let listed = ["https://ours.example", "https://friend.example"];
        check(&listed, "https://ours.example", "ours.example", true);
        check(&listed, "https://Friend.example", "ours.example", true);
        for foreign in [
            "http://ours.example",
            "https://ours.example:1",
            "https://ours.example.evil.example",
            "https://evil.example",
            "null",
            "ours.example",
        ] {
            check(&listed, foreign, "ours.example", false);
        }
    }

    #[test]
    fn without_a_list_the_own_host_is_welcome() {
        check(&[], "https://ours.example", "ours.example", true);
        check(&[], "http://OURS.example:8080", "ours.example:8080", true);
        for foreign in ["null", "https://ours.example.evil.example", "https://ours.example:1"] {
            check(&[], foreign, "ours.example", false);
        }
    }
}
