//! Proxies in front, and whom they speak for. Nobody else's word counts: `X-Forwarded-For` is the
//! sender's own claim.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// An address with the bits of it that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    address: IpAddr,
    bits: u32,
}

impl FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WORDS: &str = "expected an address or a prefix, such as 127.0.0.1 or 10.0.0.0/8";
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| WORDS)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| WORDS)?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        match bits.unwrap_or(all) {
            bits if bits <= all => Ok(Prefix { address, bits }),
            _ => Err(WORDS),
        }
    }
}

impl Prefix {
    fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

/// Whether the socket's other end is one of the proxies.
pub(crate) fn is_trusted(proxies: &[Prefix], peer: IpAddr) -> bool {
    proxies.iter().any(|proxy| proxy.contains(peer))
}

/// Who asks: the socket's other end or, if that is a proxy of ours, the last address it was asked by
/// that is none. What stands before that address is the caller's own claim.
pub(crate) fn caller(proxies: &[Prefix], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !is_trusted(proxies, peer) {
        return peer;
    }
    let lines = headers.get_all(FORWARDED_FOR).into_iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    let mut caller = peer;
    for hop in hops {
        let Ok(address) = hop.trim().parse() else { break };
        caller = address;
        if !is_trusted(proxies, address) {
            break;
        }
    }
    caller
}

/// Whether the request came over TLS to a proxy of ours.
pub(crate) fn is_secure(proxies: &[Prefix], peer: IpAddr, headers: &HeaderMap) -> bool {
    is_trusted(proxies, peer) && headers.get(FORWARDED_PROTO).is_some_and(|value| value == "https")
}

/// Whether a proxy stands in front of which nobody told the server.
pub(crate) fn is_unannounced(proxies: &[Prefix], peer: IpAddr, headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_FOR) && !is_trusted(proxies, peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(proxies: &[&str], peer: &str, forwarded: &[&str], expected: &str) {
        let proxies: Vec<Prefix> = proxies.iter().map(|text| text.parse().expect(text)).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().expect("a value"));
        }
        let caller = caller(&proxies, peer.parse().expect(peer), &headers);
        assert_eq!(caller.to_string(), expected, "{proxies:?} {peer} {forwarded:?}");
    }

    #[test]
    fn only_a_trusted_proxy_speaks_for_others() {
        check(&[], "192.0.2.1", &["203.0.113.9"], "192.0.2.1");
        check(&["127.0.0.1"], "192.0.2.1", &["203.0.113.9"], "192.0.2.1");
        check(&["127.0.0.1"], "127.0.0.1", &["203.0.113.9"], "203.0.113.9");
        check(&["127.0.0.1"], "127.0.0.1", &[], "127.0.0.1");
        check(&["127.0.0.1"], "127.0.0.1", &["rubbish"], "127.0.0.1");
    }

    #[test]
    fn the_last_address_that_is_no_proxy_counts() {
        check(&["127.0.0.1"], "127.0.0.1", &["10.9.9.9, 203.0.113.9"], "203.0.113.9");
        let chain = ["127.0.0.1", "10.0.0.0/8"];
        check(&chain, "127.0.0.1", &["1.1.1.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9");
        check(&chain, "127.0.0.1", &["1.1.1.1", "203.0.113.9", "10.1.2.3"], "203.0.113.9");
        check(&["2001:db8::/32"], "2001:db8::7", &["2001:db9::1"], "2001:db9::1");
    }

    #[test]
    fn prefixes_are_checked() {
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "host", "10.0.0.0/x"] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
        let all: Prefix = "0.0.0.0/0".parse().expect("a prefix");
        assert!(all.contains("203.0.113.9".parse().expect("an address")));
    }
}
