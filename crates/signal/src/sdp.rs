//! Session descriptions, as far as a node that carries them must look into them: how long, how
//! many media, and at which addresses their candidates aim. What else they say is the driver's
//! business.

use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr};

/// Bytes of a description; a longer one is refused. The offer around it stays below the message
/// limit.
pub const SDP_BYTES_MAX: u32 = 12 * 1024;
/// Candidates of a description: one's own beyond them are left out, a peer's description with
/// more is refused, so that nobody aims many checks at a victim (hostile.md T7).
pub const CANDIDATES_MAX: u32 = 20;
/// A link is one data channel section; audio or video would cost a page more than it admitted.
const SECTIONS_MAX: u32 = 1;
/// The names that browsers give to addresses they do not tell; any other name would have peers
/// look up what a stranger chose.
const HIDDEN: &str = ".local";

/// Where a candidate aims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// At a machine in a network.
    Machine,
    /// At whoever reads it.
    Loopback,
    /// Where no link of two peers can be: groups, devices of the local segment, addresses in
    /// disguise, names.
    Forbidden,
}

/// Whether a description is one that a link may be built with.
pub(crate) fn is_acceptable(sdp: &str) -> bool {
    passes(sdp, |_| true)
}

/// Whether a server may pass it on: acceptable, and no candidate aims where none may. It is signed,
/// so it passes whole or not at all; honest peers leave such candidates out ([`cleaned`]).
pub(crate) fn is_forwardable(sdp: &str) -> bool {
    passes(sdp, |candidate| aim(candidate) != Aim::Forbidden)
}

/// One pass over the lines: a server looks into every description.
fn passes(sdp: &str, may_aim: impl Fn(&str) -> bool) -> bool {
    if sdp.len() as u64 > u64::from(SDP_BYTES_MAX) {
        return false;
    }
    let (mut candidates, mut sections) = (0, 0);
    lines(sdp).all(|line| {
        let is_candidate = is_candidate(line);
        candidates += u32::from(is_candidate);
        sections += u32::from(line.starts_with("m="));
        candidates <= CANDIDATES_MAX && sections <= SECTIONS_MAX && (!is_candidate || may_aim(line))
    })
}

/// A description with the first [`CANDIDATES_MAX`] candidates that aim where one may. `loopback`:
/// whether peers on this very machine are meant.
pub(crate) fn cleaned(sdp: &str, loopback: bool) -> String {
    let mut candidates = 0;
    let mut stays = |line: &str| {
        if !is_candidate(line) {
            return true;
        }
        let may_be = match aim(line) {
            Aim::Machine => true,
            Aim::Loopback => loopback,
            Aim::Forbidden => false,
        };
        candidates += u32::from(may_be);
        may_be && candidates <= CANDIDATES_MAX
    };
    lines(sdp).filter(|line| stays(line)).collect()
}

/// Lines with their ends. A lone carriage return ends a line for some parsers.
fn lines(mut sdp: &str) -> impl Iterator<Item = &str> {
    core::iter::from_fn(move || {
        let end = match sdp.bytes().position(|byte| byte == b'\r' || byte == b'\n') {
            Some(at) if sdp[at..].starts_with("\r\n") => at + 2,
            Some(at) => at + 1,
            None => sdp.len(),
        };
        let line;
        (line, sdp) = sdp.split_at(end);
        (!line.is_empty()).then_some(line)
    })
}

/// `a=candidate:FOUNDATION COMPONENT TRANSPORT PRIORITY ADDRESS PORT typ TYPE …`
fn aim(line: &str) -> Aim {
    let Some(address) = line.split_whitespace().nth(4) else { return Aim::Forbidden };
    match address.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => Aim::Loopback,
        Ok(address) if is_forbidden(address) => Aim::Forbidden,
        Ok(_) => Aim::Machine,
        Err(_) if address.to_ascii_lowercase().ends_with(HIDDEN) => Aim::Machine,
        Err(_) => Aim::Forbidden,
    }
}

fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            // 240/4 is reserved and holds the broadcast address.
            first == 0 || v4.is_link_local() || first >= 224
        }
        IpAddr::V6(v6) => {
            // Mapped, compatible, unspecified: an IPv4 address that no filter for IPv4 saw.
            let disguised = v6.to_ipv4().is_some();
            disguised || v6.is_multicast() || is_link_local(v6)
        }
    }
}

fn is_link_local(v6: Ipv6Addr) -> bool {
    v6.segments()[0] & 0xffc0 == 0xfe80
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString as _;

    fn with_addresses<'a>(addresses: impl IntoIterator<Item = &'a str>) -> String {
        let head = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
        let line = |at| format!("a=candidate:1 1 udp 1 {at} 9 typ host\r\n");
        let lines: String = addresses.into_iter().map(line).collect();
        head.to_string() + &lines + "a=end-of-candidates\r\n"
    }

    fn with_candidates(count: usize) -> String {
        with_addresses(std::iter::repeat_n("192.0.2.1", count))
    }

    #[test]
    fn twenty_candidates_are_enough() {
        assert!(is_acceptable(&with_candidates(20)));
        assert!(!is_acceptable(&with_candidates(21)));
        assert!(!is_acceptable(&with_candidates(21).replace("\r\n", "\r")));
        assert_eq!(cleaned(&with_candidates(30), false), with_candidates(20));
        assert_eq!(cleaned(&with_candidates(3), false), with_candidates(3));
    }

    #[test]
    fn one_section_and_twelve_kilobytes() {
        assert!(is_acceptable("a description of the simulator"));
        assert!(!is_acceptable(&(with_candidates(1) + "m=audio 9 RTP/AVP 0\r\n")));
        assert!(!is_acceptable(&"x".repeat(SDP_BYTES_MAX as usize + 1)));
    }

    #[test]
    fn candidates_aim_at_machines() {
        let good = [
            "192.0.2.1",
            "10.0.0.1",
            "2001:db8::1",
            "fd00::2",
            "64:ff9b::c000:201",
            "4c2a9c83-0b5c-4b0e-9d1c-0d3e5a2f7b11.local",
        ];
        assert!(is_forwardable(&with_addresses(good)));
        assert_eq!(cleaned(&with_addresses(good), false), with_addresses(good));
        for bad in [
            "::ffff:127.0.0.1",
            "::ffff:192.0.2.1",
            "::10.0.0.1",
            "::",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "fe80::1",
            "ff02::1",
            "victim.example",
            "0x7f.1",
        ] {
            let sdp = with_addresses([bad, "192.0.2.1"]);
            assert!(!is_forwardable(&sdp), "{bad}");
            for sdp in [sdp.clone(), sdp.replace("\r\n", "\n"), sdp.replace("\r\n", "\r")] {
                assert!(!cleaned(&sdp, true).contains(bad), "{bad}");
                assert!(cleaned(&sdp, true).contains("192.0.2.1"), "{bad}");
            }
        }
        assert!(!is_forwardable("a=candidate:1 1 udp"));
    }

    #[test]
    fn the_loopback_is_for_peers_of_one_machine() {
        let sdp = with_addresses(["127.0.0.1", "::1", "192.0.2.1"]);
        assert!(is_forwardable(&sdp));
        assert_eq!(cleaned(&sdp, true), sdp);
        assert_eq!(cleaned(&sdp, false), with_addresses(["192.0.2.1"]));
    }
}
