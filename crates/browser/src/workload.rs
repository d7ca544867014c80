//! The one workload of this driver: fractal pictures, as the page describes them.

use std::rc::Rc;

use fractal::{Formula, Frames, Gallery, Palette, Series, View, Zoom, presets};
use wasm_bindgen::prelude::*;

use crate::host::{Host, Note, list};

#[wasm_bindgen]
extern "C" {
    /// A view as the page writes it; see `web/view.js`.
    pub type ViewObject;
    #[wasm_bindgen(method, getter)]
    fn formula(this: &ViewObject) -> String;
    #[wasm_bindgen(method, getter)]
    fn re(this: &ViewObject) -> String;
    #[wasm_bindgen(method, getter)]
    fn im(this: &ViewObject) -> String;
    #[wasm_bindgen(method, getter)]
    fn zoom(this: &ViewObject) -> String;
    #[wasm_bindgen(method, getter)]
    fn c_re(this: &ViewObject) -> String;
    #[wasm_bindgen(method, getter)]
    fn c_im(this: &ViewObject) -> String;
    #[wasm_bindgen(method, getter)]
    fn max_iter(this: &ViewObject) -> f64;
    #[wasm_bindgen(method, getter)]
    fn width(this: &ViewObject) -> f64;
    #[wasm_bindgen(method, getter)]
    fn height(this: &ViewObject) -> f64;
    /// `zoom` or `gallery`, for many frames.
    #[wasm_bindgen(method, getter)]
    fn series(this: &ViewObject) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn frames(this: &ViewObject) -> Option<f64>;
    /// Of a gallery, in digits.
    #[wasm_bindgen(method, getter)]
    fn seed(this: &ViewObject) -> Option<String>;
}

/// The iteration limit of a zoom's first frame at most: the whole needs no more.
const WHOLE_ITER: u32 = 1000;

/// What a job computes: a picture, or many frames of one size.
pub(crate) struct Picture {
    frames: Frames,
    pub(crate) params: Rc<[u8]>,
}

impl Picture {
    /// What the page asks for, or in words why there is none. A zoom comes from the whole of the
    /// family's plane.
    pub(crate) fn from_page(asked: &ViewObject) -> Result<Self, String> {
        let view = View {
            formula: asked.formula().parse::<Formula>().map_err(|error| error.to_string())?,
            re: asked.re(),
            im: asked.im(),
            zoom: asked.zoom(),
            c_re: asked.c_re(),
            c_im: asked.c_im(),
            max_iter: whole(asked.max_iter()),
            width: whole(asked.width()),
            height: whole(asked.height()),
        };
        let count = whole(asked.frames().unwrap_or_default());
        let series = match asked.series().as_deref() {
            None => Series::Picture(view),
            Some("zoom") => Series::Zoom(Box::new(way_to(view, count))),
            Some("gallery") => {
                let seed = asked.seed().unwrap_or_default();
                let seed = seed.parse().map_err(|_| format!("{seed:?} is no seed"))?;
                let View { width, height, .. } = view;
                Series::Gallery(Gallery { seed, first: 0, count, width, height })
            }
            Some(other) => return Err(format!("no job is a {other}")),
        };
        series.validate().map(Picture::new).map_err(|error| error.to_string())
    }

    /// What a job computes, or in words why it cannot be computed here.
    pub(crate) fn from_job(kind: u16, params: &[u8], tasks: u32) -> Result<Self, String> {
        fractal::appraise(kind, params, tasks).map(Picture::new).map_err(|error| error.to_string())
    }

    fn new(frames: Frames) -> Self {
        Picture { params: frames.series().encode().into(), frames }
    }

    /// The kind of its job.
    pub(crate) fn kind(&self) -> u16 {
        self.frames.series().kind()
    }

    pub(crate) fn tasks(&self) -> u32 {
        self.frames.task_count()
    }

    /// Gives a tile's numbers to the page, with their place in the picture of this name. The frame
    /// is 0 in a single picture; the formula of a gallery's frame is not known here.
    pub(crate) fn post_tile(
        &self,
        host: &Host,
        name: &str,
        worker: &str,
        task: u32,
        payload: &[u8],
    ) {
        let mut note = Note::new("tile").with("picture", name).with("worker", worker);
        if let Some(formula) = self.formula() {
            note = note.with("formula", formula.to_string().as_str());
        }
        if let (Some((frame, _)), Some(rect)) = (self.frames.place(task), self.frames.rect(task)) {
            note = note
                .with("task", task)
                .with("frame", frame)
                .with("x", rect.x)
                .with("y", rect.y)
                .with("width", rect.width)
                .with("height", rect.height);
        }
        note.post_with_bytes(host, "payload", payload);
    }

    /// That of every frame, if it is one.
    fn formula(&self) -> Option<Formula> {
        match self.frames.series() {
            Series::Picture(view) => Some(view.formula),
            Series::Zoom(zoom) => Some(zoom.to.formula),
            Series::Gallery(_) => None,
        }
    }

    /// The view as the page writes it; of a zoom its last frame. What a frame of a gallery shows is
    /// for the kernel to say (`look`); here is only its size.
    pub(crate) fn describe(&self) -> Note {
        match self.frames.series() {
            Series::Picture(view) => view_note(view),
            Series::Zoom(zoom) => view_note(&zoom.to),
            Series::Gallery(gallery) => {
                Note::plain().with("width", gallery.width).with("height", gallery.height)
            }
        }
    }

    /// What the frames of a job are, as the page writes it; `None` for a single picture.
    pub(crate) fn describe_frames(&self) -> Option<Note> {
        let note = match self.frames.series() {
            Series::Picture(_) => return None,
            Series::Gallery(Gallery { seed, first, .. }) => Note::plain()
                .with("kind", "gallery")
                .with("seed", seed.to_string().as_str())
                .with("first", *first),
            Series::Zoom(zoom) => Note::plain()
                .with("kind", "zoom")
                .with("from", view_note(&zoom.from))
                .with("to", view_note(&zoom.to))
                .with("frames", zoom.frames)
                .with("first", zoom.first),
        };
        let tiles = self.frames.tiles().count();
        Some(note.with("count", self.frames.count()).with("tiles", tiles))
    }
}

/// From the whole of a family's plane to a view.
fn way_to(to: View, frames: u32) -> Zoom {
    let (re, im) = to.formula.centre();
    let from = View {
        re: re.to_owned(),
        im: im.to_owned(),
        zoom: "1".to_owned(),
        max_iter: to.max_iter.min(WHOLE_ITER),
        ..to.clone()
    };
    Zoom { from, to, frames, first: 0, count: frames }
}

fn view_note(view: &View) -> Note {
    Note::plain()
        .with("formula", view.formula.to_string().as_str())
        .with("re", view.re.as_str())
        .with("im", view.im.as_str())
        .with("zoom", view.zoom.as_str())
        .with("c_re", view.c_re.as_str())
        .with("c_im", view.c_im.as_str())
        .with("max_iter", view.max_iter)
        .with("width", view.width)
        .with("height", view.height)
}

/// Presets, palettes and families, for the page's menus.
pub(crate) fn catalogue() -> Note {
    let preset = |preset: &fractal::Preset| {
        Note::plain()
            .with("name", preset.name)
            .with("title", preset.title)
            .with("formula", preset.formula.to_string().as_str())
            .with("re", preset.centre.0)
            .with("im", preset.centre.1)
            .with("zoom", preset.zoom)
            .with("c_re", preset.c.0)
            .with("c_im", preset.c.1)
            .with("max_iter", preset.max_iter)
            .with("palette", preset.palette.name())
            .with("density", preset.colouring.density)
            .with("offset", preset.colouring.offset)
    };
    let palette = |palette: Palette| {
        let stops = palette.stops().iter().map(|stop| format!("#{stop:06x}"));
        Note::plain()
            .with("name", palette.name())
            .with("title", palette.title())
            .with("stops", list(stops))
    };
    let formula = |formula: Formula| {
        let (re, im) = formula.centre();
        Note::plain().with("name", formula.to_string().as_str()).with("re", re).with("im", im)
    };
    Note::new("catalogue")
        .with("presets", list(presets().iter().map(preset)))
        .with("palettes", list(Palette::ALL.map(palette)))
        .with("formulas", list(Formula::all().map(formula)))
}

/// A count from the page; what is not one becomes 0, which a view refuses in words.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn whole(number: f64) -> u32 {
    number as u32
}
