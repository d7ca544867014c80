//! How long a job was without an owner: from the moment the owner was killed or stopped to the first
//! lease that another granted or confirmed, by what the native peers print. Where a tab took over,
//! nobody prints it, and the loss does not count.

use std::time::Instant;

use serde_json::{Value, json};
use tests::Peer;

/// Heartbeats are what the pass lines count in.
const HEARTBEAT_S: f64 = 2.0;

/// What the peers said of the job under way.
#[derive(Default)]
pub(crate) struct Recovery {
    job: String,
    /// In the highest epoch that anybody spoke of.
    owner: Option<(u64, String)>,
    /// Since when the owner is gone, and in which epoch it was.
    lost: Option<(Instant, u64)>,
    losses: u32,
    /// In heartbeats.
    waits: Vec<f64>,
}

impl Recovery {
    /// Another job is under way.
    pub(crate) fn begin(&mut self, job: &str) {
        (self.owner, self.lost) = (None, None);
        job.clone_into(&mut self.job);
    }

    /// Whether this peer owns the job, as far as was heard.
    pub(crate) fn is_owner(&self, peer: &Peer) -> bool {
        self.owner.as_ref().is_some_and(|(_, owner)| *owner == peer.id)
    }

    /// Whether nobody has acted since the owner was lost.
    pub(crate) fn is_awaited(&self) -> bool {
        self.lost.is_some()
    }

    /// Owners lost so far.
    pub(crate) fn losses(&self) -> u32 {
        self.losses
    }

    /// A peer is about to be killed or stopped.
    pub(crate) fn strikes(&mut self, peer: &Peer) {
        if let Some((epoch, _)) = self.owner.as_ref().filter(|(_, owner)| *owner == peer.id) {
            self.lost = Some((Instant::now(), *epoch));
            self.losses += 1;
        }
    }

    /// Takes note of what a peer printed.
    pub(crate) fn listen(&mut self, peer: &Peer) {
        for (at, line) in peer.process.lines.drain_with_times() {
            if line["job"] != self.job {
                continue;
            }
            match line["event"].as_str() {
                Some("owner_changed") => self.on_owner(&line),
                Some("recovered") => self.on_recovered(at, peer),
                _ => {}
            }
        }
    }

    fn on_owner(&mut self, line: &Value) {
        let (Some(epoch), Some(owner)) = (line["epoch"].as_u64(), line["owner"].as_str()) else {
            return;
        };
        if self.owner.as_ref().is_none_or(|(known, _)| *known < epoch) {
            self.owner = Some((epoch, owner.to_owned()));
        }
    }

    fn on_recovered(&mut self, at: Instant, peer: &Peer) {
        let Some((lost_at, epoch)) = self.lost.filter(|(lost_at, _)| *lost_at < at) else { return };
        // Nobody else took over in between.
        let is_next =
            self.owner.as_ref().is_some_and(|(now, owner)| *now == epoch + 1 && *owner == peer.id);
        if is_next {
            self.waits.push(at.duration_since(lost_at).as_secs_f64() / HEARTBEAT_S);
            self.lost = None;
        }
    }

    /// What was measured.
    pub(crate) fn tell(&mut self) -> Value {
        self.waits.sort_by(f64::total_cmp);
        let round = |wait: &f64| (wait * 100.0).round() / 100.0;
        let waits: Vec<f64> = self.waits.iter().map(round).collect();
        json!({
            "owners_lost": self.losses,
            "heartbeats_until_another_acted": waits,
            "median": waits.get(waits.len() / 2),
            "longest": waits.last(),
        })
    }
}
