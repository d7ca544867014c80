//! The one workload of this driver: fractal pictures, as the page describes them.

use std::rc::Rc;

use fractal::{Formula, Palette, Rect, Spec, View, presets};
use wasm_bindgen::prelude::*;

use crate::host::{Host, Note, list};

pub(crate) use fractal::KIND;

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
}

/// A picture that can be computed.
pub(crate) struct Picture {
    pub(crate) view: View,
    pub(crate) params: Rc<[u8]>,
    rects: Vec<Rect>,
}

impl Picture {
    /// The picture that the page asks for, or in words why there is none.
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
        let spec = view.validate().map_err(|error| error.to_string())?;
        Ok(Picture::new(view, &spec))
    }

    /// The picture of a job, or in words why it cannot be computed here.
    pub(crate) fn from_job(kind: u16, params: &[u8], tasks: u32) -> Result<Self, String> {
        let (view, spec) =
            fractal::appraise(kind, params, tasks).map_err(|error| error.to_string())?;
        Ok(Picture::new(view, &spec))
    }

    fn new(view: View, spec: &Spec) -> Self {
        let rects = spec.tiles().rects().collect();
        Picture { params: view.encode().into(), view, rects }
    }

    pub(crate) fn tasks(&self) -> u32 {
        u32::try_from(self.rects.len()).unwrap_or(u32::MAX)
    }

    /// Gives a tile's numbers to the page, with their place in the picture of this name.
    pub(crate) fn post_tile(
        &self,
        host: &Host,
        name: &str,
        worker: &str,
        task: u32,
        payload: &[u8],
    ) {
        let mut note = Note::new("tile")
            .with("picture", name)
            .with("worker", worker)
            .with("formula", self.view.formula.to_string().as_str());
        if let Some(rect) = usize::try_from(task).ok().and_then(|task| self.rects.get(task)) {
            note = note
                .with("task", task)
                .with("x", rect.x)
                .with("y", rect.y)
                .with("width", rect.width)
                .with("height", rect.height);
        }
        note.post_with_bytes(host, "payload", payload);
    }

    /// The view as the page writes it.
    pub(crate) fn describe(&self) -> Note {
        let view = &self.view;
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
