//! The grid: its messages, groups, records and payloads, and what it asks of the driver.

use base::{NodeId, Time, codec};
use wire::Parcel;
use wire::groups::WalkId;
use wire::overlay::Target;

use super::Speech;
use crate::seal::Route;
use crate::{Event, Node, Output, RECORD_LIFETIME, RESULT_LIFETIME};

/// Why a link to a peer is worth its slot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    /// A job.
    pub(crate) job: bool,
    /// An edge of a tree.
    pub(crate) tree: bool,
}

impl Node {
    pub(super) fn on_grid(&mut self, now: Time, output: grid::Output) {
        match output {
            grid::Output::Send { to, class, message } => {
                self.say(now, &[to], class, Speech::Grid(message));
            }
            grid::Output::Route { key, message } => {
                let route = Route { key, target: Target::Root, via: None, class: message.class() };
                self.seal(route, &Parcel::Grid(message));
            }
            grid::Output::Follow { group } => {
                self.groups.handle(now, groups::Input::Join { group });
            }
            grid::Output::Unfollow { group } => {
                self.groups.handle(now, groups::Input::Leave { group });
            }
            grid::Output::Publish { group, message } => {
                let body = codec::encode(&message).into();
                self.groups.handle(now, groups::Input::Multicast { group, body });
            }
            grid::Output::Anycast { group, wanted, message } => {
                let walk = WalkId { origin: self.me, number: self.rng.next_u64() };
                let body = codec::encode(&message).into();
                self.groups.handle(now, groups::Input::Anycast { walk, group, wanted, body });
            }
            grid::Output::Answer { walk, accepted } => self.on_answer(now, walk, accepted),
            grid::Output::Record { job: key, delta } => {
                let lifetime = RECORD_LIFETIME;
                self.store.handle(now, store::Input::Merge { key, delta, lifetime });
            }
            grid::Output::Recall { job } => self.store.handle(now, store::Input::GetRecord(job)),
            grid::Output::Keep { payload: blob } => {
                let lifetime = RESULT_LIFETIME;
                self.store.handle(now, store::Input::Put { blob, lifetime });
            }
            grid::Output::Load { digest } => self.store.handle(now, store::Input::Get(digest)),
            grid::Output::SignCancel { job, bytes } => {
                let token = self.sealer.next_token();
                self.cancels.insert(token, job);
                self.outputs.push_back(Output::Sign { token, bytes });
            }
            grid::Output::Prefer(peer) => self.prefer(now, peer, |wish| &mut wish.job, true),
            grid::Output::Unprefer(peer) => self.prefer(now, peer, |wish| &mut wish.job, false),
            grid::Output::Appraise { job, kind, params, tasks } => {
                self.outputs.push_back(Output::Appraise { job, kind, params, tasks });
            }
            grid::Output::Compute { work, job, task, kind, params } => {
                self.outputs.push_back(Output::Compute { work, job, task, kind, params });
            }
            grid::Output::Audit(order) => self.outputs.push_back(Output::Audit(order)),
            grid::Output::Abandon(work) => self.outputs.push_back(Output::Abandon(work)),
            grid::Output::Event(event @ grid::Event::Misbehaved { peer, why }) => {
                self.on_misbehaviour(now, Event::Grid(event), peer, why);
            }
            grid::Output::Event(event) => {
                self.outputs.push_back(Output::Event(Event::Grid(event)));
            }
        }
    }

    /// A link to `peer` is wished for by one machine, or not any more; it is given up when none
    /// wishes for it.
    pub(super) fn prefer(
        &mut self,
        now: Time,
        peer: NodeId,
        whose: impl Fn(&mut Wish) -> &mut bool,
        is_wished: bool,
    ) {
        let wish = self.wishes.entry(peer).or_default();
        let was_wished = wish.job || wish.tree;
        *whose(wish) = is_wished;
        let is_wished = wish.job || wish.tree;
        if !is_wished {
            self.wishes.remove(&peer);
        }
        match (was_wished, is_wished) {
            (false, true) => self.overlay.handle(now, overlay::Input::Prefer { peer }),
            (true, false) => self.overlay.handle(now, overlay::Input::Unprefer { peer }),
            _ => {}
        }
    }
}
