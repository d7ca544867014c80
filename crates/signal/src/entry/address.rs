//! Where the server is, as its URL says.

use core::net::IpAddr;

/// Whether a URL names this very machine: `localhost`, or an address of the loopback.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_several_names() {
        for url in
            ["ws://127.0.0.1:80/v1/ws", "http://LOCALHOST/", "ws://[::1]:1/", "http://127.9.9.9"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in ["ws://192.0.2.1/", "http://localhost.example/", "ws://[2001:db8::1]/", "", "x"]
        {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
