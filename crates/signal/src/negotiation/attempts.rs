//! One attempt: whose offer it is and how far it has come.

use alloc::string::{String, ToString as _};

use base::{Card, NodeId, Time};

use super::{ATTEMPT_PATIENCE, ATTEMPTS_MAX, Attempt, Negotiator, Path};

/// An attempt under way.
#[derive(Debug)]
pub(super) struct Dialogue {
    pub(super) peer: NodeId,
    /// As the offer says; the answer repeats it.
    pub(super) permit: u64,
    /// The way of the offer, and back.
    pub(super) path: Path,
    pub(super) role: Role,
    pub(super) stage: Stage,
    /// Whether the server introduced the two and this side is the newcomer.
    pub(super) introduced: bool,
    pub(super) deadline: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Offerer,
    Answerer {
        /// The offerer's name for the attempt.
        number: u64,
        /// Who offers, proved.
        card: Card,
    },
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The driver makes the local description.
    Describing,
    /// The node's key signs it.
    Signing { sdp: String },
    /// The offer is sent.
    Offered,
    /// Both descriptions are exchanged; the peer is proved.
    Connecting { card: Card },
}

impl Dialogue {
    /// The offerer's name for this attempt, which both sides put into their messages.
    pub(super) fn number(&self, attempt: Attempt) -> u64 {
        match self.role {
            Role::Offerer => attempt.0,
            Role::Answerer { number, .. } => number,
        }
    }

    /// Whether this side's offer is not answered yet.
    pub(super) fn is_open_offer(&self) -> bool {
        self.role == Role::Offerer && !matches!(self.stage, Stage::Connecting { .. })
    }
}

impl Negotiator {
    /// Whether [`ATTEMPTS_MAX`] are under way.
    pub(super) fn is_full(&self) -> bool {
        self.attempts.len() as u64 >= u64::from(ATTEMPTS_MAX)
    }

    /// Begins an attempt; the caller made sure that there is room.
    pub(super) fn begin(
        &mut self,
        now: Time,
        (peer, permit, path): (NodeId, u64, Path),
        role: Role,
        introduced: bool,
    ) -> Attempt {
        let attempt = Attempt(self.next_attempt);
        self.next_attempt += 1;
        let deadline = now + ATTEMPT_PATIENCE;
        let stage = Stage::Describing;
        let dialogue = Dialogue { peer, permit, path, role, stage, introduced, deadline };
        self.attempts.insert(attempt, dialogue);
        attempt
    }
}

/// A peer's words, cut to what is shown.
pub(super) fn cut(words: &str, bytes_max: u32) -> String {
    let mut end = words.len().min(usize::try_from(bytes_max).unwrap_or(usize::MAX));
    while !words.is_char_boundary(end) {
        end -= 1;
    }
    words[..end].to_string()
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn words_are_cut_between_characters() {
        assert_eq!(cut("über", 1), "");
        assert_eq!(cut("über", 2), "ü");
        assert_eq!(cut("über", 200), "über");
    }
}
