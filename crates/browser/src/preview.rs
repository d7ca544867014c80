//! Pictures that only this page shows: the explorer's layers, thumbnails, backdrops.
//!
//! They are computed by the same workers as everything else and never leave this tab. Which one is
//! wanted next, and when one is not wanted any more, is the page's business.

use base::SortedMap;
use std::rc::Rc;

use crate::host::{Host, Note};
use crate::pool::{Errand, NOBODY_LEFT, Pool};
use crate::workload::{Picture, ViewObject};

/// The previews that the page has not forgotten, by the page's names.
pub(crate) struct Previews {
    host: Rc<Host>,
    pictures: SortedMap<Rc<str>, Picture>,
}

impl Previews {
    pub(crate) fn new(host: Rc<Host>) -> Self {
        Previews { host, pictures: SortedMap::new() }
    }

    /// Orders one tile of a picture, or every one, or as many as may wait.
    pub(crate) fn order(
        &mut self,
        pool: &mut Pool,
        (name, view): (&str, &ViewObject),
        only: Option<u32>,
        urgent: bool,
    ) {
        let picture = match Picture::from_page(view) {
            Ok(picture) => picture,
            Err(reason) => return Note::refused(name, &reason).post(&self.host),
        };
        if pool.is_gone() {
            return Note::refused(name, NOBODY_LEFT).post(&self.host);
        }
        let name: Rc<str> = name.into();
        let tasks = only.map_or(0..picture.tasks(), |task| task..task.saturating_add(1));
        for task in tasks {
            let errand = Errand::Preview { picture: Rc::clone(&name), task };
            if !pool.order(errand, Rc::clone(&picture.params), task, urgent) {
                break;
            }
        }
        self.pictures.insert(name, picture);
    }

    /// Stops the pictures whose names begin with `prefix`.
    pub(crate) fn forget(&mut self, pool: &mut Pool, prefix: &str) {
        self.pictures.retain(|picture, _| !picture.starts_with(prefix));
        pool.abandon(|errand| match errand {
            Errand::Preview { picture, .. } => picture.starts_with(prefix),
            _ => false,
        });
    }

    /// A tile of a preview is done, or failed.
    pub(crate) fn on_computed(&self, name: &str, task: u32, outcome: Result<Vec<u8>, String>) {
        let Some(preview) = self.pictures.get(name) else { return };
        match outcome {
            Ok(payload) => preview.post_tile(&self.host, name, "", task, &payload),
            Err(reason) => Note::refused(name, &reason).post(&self.host),
        }
    }
}
