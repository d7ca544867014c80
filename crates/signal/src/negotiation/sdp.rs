//! Session descriptions, as far as a node that carries them must look into them: how long, how
//! many candidates, how many media. What they say is the driver's business.

use alloc::string::{String, ToString as _};

/// Bytes of a description; a longer one is refused. The offer around it stays below the message
/// limit.
pub const SDP_BYTES_MAX: u32 = 12 * 1024;
/// Candidates of a description: one's own beyond them are left out, a peer's description with
/// more is refused, so that nobody aims many checks at a victim (hostile.md T7).
pub const CANDIDATES_MAX: u32 = 20;
/// A link is one data channel section; audio or video would cost a page more than it admitted.
const SECTIONS_MAX: u32 = 1;

/// Whether a description is one that a link may be built with.
pub(super) fn is_acceptable(sdp: &str) -> bool {
    sdp.len() as u64 <= u64::from(SDP_BYTES_MAX)
        && count(sdp, is_candidate) <= u64::from(CANDIDATES_MAX)
        && count(sdp, |line| line.starts_with("m=")) <= u64::from(SECTIONS_MAX)
}

/// A description with its first [`CANDIDATES_MAX`] candidates.
pub(super) fn trimmed(sdp: &str) -> String {
    if count(sdp, is_candidate) <= u64::from(CANDIDATES_MAX) {
        return sdp.to_string();
    }
    let mut candidates = 0;
    sdp.split_inclusive('\n')
        .filter(|line| {
            candidates += u32::from(is_candidate(line));
            !is_candidate(line) || candidates <= CANDIDATES_MAX
        })
        .collect()
}

fn is_candidate(line: &str) -> bool {
    line.starts_with("a=candidate")
}

fn count(sdp: &str, which: impl Fn(&str) -> bool) -> u64 {
    // A lone carriage return ends a line for some parsers.
    sdp.split(['\r', '\n']).filter(|line| which(line)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn with_candidates(count: usize) -> String {
        let head = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
        let lines = (0..count).map(|n| format!("a=candidate:{n} 1 udp 1 192.0.2.1 9 typ host\r\n"));
        head.to_string() + &lines.collect::<String>() + "a=end-of-candidates\r\n"
    }

    #[test]
    fn twenty_candidates_are_enough() {
        assert!(is_acceptable(&with_candidates(20)));
        assert!(!is_acceptable(&with_candidates(21)));
        assert!(!is_acceptable(&with_candidates(21).replace("\r\n", "\r")));
        assert_eq!(trimmed(&with_candidates(30)), with_candidates(20));
        assert_eq!(trimmed(&with_candidates(3)), with_candidates(3));
    }

    #[test]
    fn one_section_and_twelve_kilobytes() {
        assert!(is_acceptable("a description of the simulator"));
        assert!(!is_acceptable(&(with_candidates(1) + "m=audio 9 RTP/AVP 0\r\n")));
        assert!(!is_acceptable(&"x".repeat(SDP_BYTES_MAX as usize + 1)));
    }
}
