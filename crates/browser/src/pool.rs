//! The tile workers: which exist, who computes what, what waits.
//!
//! A worker computes one tile at a time and looks for orders every few milliseconds, so stopping
//! takes effect at once. What a person waits for comes before what a peer waits for.

use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Reflect, Uint8Array};
use node::WorkId;
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Worker};

use crate::host::{Host, Note};
use crate::listener::Listener;
use crate::mailbox::{Happening, Mailbox};

/// Tiles that may wait. A screen of previews needs a few dozen; more are refused.
const WAITING_MAX: usize = 1024;

/// Failures in a row after which a broken worker is not replaced: something is wrong for good.
const BREAKDOWNS_MAX: u32 = 4;

/// Why this tab renders nothing itself, once [`Pool::is_gone`].
pub(crate) const NOBODY_LEFT: &str =
    "the tile workers of this tab broke down; set the number of cores to try again";

/// What a tile is computed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A computation of the node.
    Grid(WorkId),
    /// A tile of the job that this tab renders alone.
    Solo(u32),
    /// A tile of a picture that only this page shows.
    Preview {
        /// The page's name for the picture.
        picture: Rc<str>,
        /// Which tile.
        task: u32,
    },
}

/// What a breakdown cost.
pub(crate) struct Breakdown {
    /// Another worker took the place of the broken one.
    pub(crate) replaced: bool,
    /// What nobody computes now: the broken worker's tile, and everything once nobody is left.
    pub(crate) lost: Vec<Errand>,
}

struct Order {
    errand: Errand,
    params: Rc<[u8]>,
    task: u32,
}

struct Member {
    number: u32,
    worker: Worker,
    /// The ticket and purpose of the tile under way.
    busy: Option<(f64, Errand)>,
    _listeners: [Listener; 2],
}

/// The workers.
pub(crate) struct Pool {
    host: Rc<Host>,
    mailbox: Mailbox,
    size: u16,
    /// The share of its time that a worker computes, in percent.
    intensity: u8,
    members: Vec<Member>,
    next_number: u32,
    next_ticket: f64,
    breakdowns: u32,
    /// Of a person who looks.
    urgent: VecDeque<Order>,
    /// Everything else.
    waiting: VecDeque<Order>,
}

impl Pool {
    pub(crate) fn new(host: Rc<Host>, mailbox: Mailbox) -> Self {
        Pool {
            host,
            mailbox,
            size: 0,
            intensity: 100,
            members: Vec::new(),
            next_number: 0,
            next_ticket: 0.0,
            breakdowns: 0,
            urgent: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Workers now, and how many of them compute.
    pub(crate) fn count(&self) -> (u32, u32) {
        let busy = self.members.iter().filter(|member| member.busy.is_some()).count();
        (u32::try_from(self.members.len()).unwrap_or(0), u32::try_from(busy).unwrap_or(0))
    }

    /// Has `size` workers from now on. Those that are busy end when their tile does.
    pub(crate) fn resize(&mut self, size: u16) {
        self.size = size;
        self.breakdowns = 0;
        self.release();
        while self.members.len() < usize::from(size) {
            self.hire();
        }
        self.assign();
    }

    /// Workers compute `intensity` percent of their time from now on, but for what a person waits for.
    pub(crate) fn pace(&mut self, intensity: u8) {
        self.intensity = intensity;
        for member in &self.members {
            post(&member.worker, self.pace_note());
        }
    }

    fn pace_note(&self) -> Note {
        Note::new("intensity").with("percent", self.intensity)
    }

    /// Whether an errand of these is under way or waits.
    pub(crate) fn has(&self, wanted: impl Fn(&Errand) -> bool) -> bool {
        let busy = self.members.iter().filter_map(|member| member.busy.as_ref());
        let waiting = self.urgent.iter().chain(&self.waiting).map(|order| &order.errand);
        busy.map(|(_, errand)| errand).chain(waiting).any(wanted)
    }

    /// Whether the workers broke down for good. A resize tries new ones.
    pub(crate) fn is_gone(&self) -> bool {
        self.size > 0 && self.members.is_empty()
    }

    /// Computes a tile as soon as a worker is free. False when too many wait already, or when there
    /// is nobody whom it could wait for.
    pub(crate) fn order(
        &mut self,
        errand: Errand,
        params: Rc<[u8]>,
        task: u32,
        urgent: bool,
    ) -> bool {
        if self.is_gone() || self.urgent.len() + self.waiting.len() >= WAITING_MAX {
            return false;
        }
        let queue = if urgent { &mut self.urgent } else { &mut self.waiting };
        queue.push_back(Order { errand, params, task });
        self.assign();
        true
    }

    /// Forgets every tile of these errands; their answers do not come.
    pub(crate) fn abandon(&mut self, unwanted: impl Fn(&Errand) -> bool) {
        self.urgent.retain(|order| !unwanted(&order.errand));
        self.waiting.retain(|order| !unwanted(&order.errand));
        for member in &mut self.members {
            if member.busy.as_ref().is_some_and(|(_, errand)| unwanted(errand)) {
                member.busy = None;
                post(&member.worker, Note::new("abandon"));
            }
        }
        self.release();
        self.assign();
    }

    /// A worker answered this ticket; the errand, unless it was abandoned meanwhile.
    pub(crate) fn answered(&mut self, number: u32, ticket: f64) -> Option<Errand> {
        let member = self.members.iter_mut().find(|member| member.number == number)?;
        let (_, errand) = member.busy.take_if(|(current, _)| *current == ticket)?;
        self.breakdowns = 0;
        self.release();
        self.assign();
        Some(errand)
    }

    /// A worker broke down: a fresh one takes its place, unless breaking down is all they do.
    pub(crate) fn broke(&mut self, number: u32) -> Option<Breakdown> {
        let place = self.members.iter().position(|member| member.number == number)?;
        let member = self.members.swap_remove(place);
        member.worker.terminate();
        self.breakdowns += 1;
        let replaced =
            self.breakdowns < BREAKDOWNS_MAX && self.members.len() < usize::from(self.size);
        if replaced {
            self.hire();
        }
        self.assign();
        let mut lost: Vec<Errand> = member.busy.map(|(_, errand)| errand).into_iter().collect();
        if self.is_gone() {
            let waiting = self.urgent.drain(..).chain(self.waiting.drain(..));
            lost.extend(waiting.map(|order| order.errand));
        }
        Some(Breakdown { replaced, lost })
    }

    fn release(&mut self) {
        let mut surplus = self.members.len().saturating_sub(usize::from(self.size));
        self.members.retain(|member| {
            if surplus == 0 || member.busy.is_some() {
                return true;
            }
            surplus -= 1;
            member.worker.terminate();
            false
        });
    }

    fn hire(&mut self) {
        let number = self.next_number;
        self.next_number += 1;
        let worker = self.host.worker();
        post(&worker, self.pace_note());
        let mailbox = self.mailbox.clone();
        let on_message = Listener::new(&worker, "message", move |event| {
            let data = event.unchecked_ref::<MessageEvent>().data();
            mailbox.post(read_answer(number, &data));
        });
        let mailbox = self.mailbox.clone();
        let on_error = Listener::new(&worker, "error", move |event| {
            event.prevent_default();
            let text = crate::host::words(&event);
            mailbox.post(Happening::WorkerBroke(number, text));
        });
        self.members.push(Member {
            number,
            worker,
            busy: None,
            _listeners: [on_message, on_error],
        });
    }

    fn assign(&mut self) {
        for member in &mut self.members {
            if member.busy.is_some() {
                continue;
            }
            let urgent = self.urgent.pop_front();
            let is_urgent = urgent.is_some();
            let Some(order) = urgent.or_else(|| self.waiting.pop_front()) else { return };
            self.next_ticket += 1.0;
            let note = Note::new("compute")
                .with("ticket", self.next_ticket)
                .with("params", Uint8Array::from(&*order.params))
                .with("task", order.task)
                .with("urgent", is_urgent);
            post(&member.worker, note);
            member.busy = Some((self.next_ticket, order.errand));
        }
    }
}

fn post(worker: &Worker, note: Note) {
    // A plain object of numbers and bytes can always be cloned.
    let _ = worker.post_message(&note.into());
}

/// `{ticket, payload}` or `{ticket, error}`, from `web/tile-worker.js`.
fn read_answer(number: u32, data: &JsValue) -> Happening {
    let field = |key: &str| Reflect::get(data, &key.into()).unwrap_or(JsValue::UNDEFINED);
    let ticket = field("ticket").as_f64().unwrap_or(0.0);
    let outcome = match field("payload").dyn_into::<Uint8Array>() {
        Ok(payload) => Ok(payload.to_vec()),
        Err(_) => Err(field("error").as_string().unwrap_or_else(|| "no answer".into())),
    };
    Happening::WorkerAnswered(number, ticket, outcome)
}
