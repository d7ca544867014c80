//! The walk to a place worth seeing: from the whole set, again and again towards a busy spot.

use base::Rng;

use super::appeal::{Preview, WALK_SIZE};
use crate::engine::Engine;
use crate::formula::{Family, Formula};
use crate::view::View;

/// Steps after which a point counts as inside, while walking.
const WALK_ITER: u32 = 1_500;

/// A part of a picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    formula: Formula,
    c: (f64, f64),
    re: f64,
    im: f64,
    zoom: f64,
}

impl Place {
    /// The whole of a formula's picture.
    fn whole(formula: Formula, c: (f64, f64)) -> Place {
        let (re, im) = formula.centre();
        let number = |text: &str| text.parse().unwrap_or(0.0);
        Place { formula, c, re: number(re), im: number(im), zoom: 1.0 }
    }

    /// The view of this place; its size is whoever's who asks.
    pub(super) fn view(&self) -> View {
        View {
            formula: self.formula,
            re: self.re.to_string(),
            im: self.im.to_string(),
            zoom: self.zoom.to_string(),
            c_re: self.c.0.to_string(),
            c_im: self.c.1.to_string(),
            max_iter: WALK_ITER,
            ..View::default()
        }
    }

    /// Towards a busy spot of this place, a few times nearer.
    fn nearer(self, engine: &'static dyn Engine, rng: &mut Rng) -> Place {
        let preview = Preview::new(engine, &self.view(), WALK_SIZE);
        let Some((x, y)) = preview.and_then(|preview| preview.busy_spot(rng)) else { return self };
        let width = 4.0 / self.zoom;
        Place {
            re: self.re + x * width,
            im: self.im + y * width,
            zoom: self.zoom * (2.0 + 4.0 * rng.unit()),
            ..self
        }
    }
}

/// A place that may please.
pub(super) fn candidate(engine: &'static dyn Engine, rng: &mut Rng, formula: Formula) -> Place {
    let c = if formula.is_julia() { constant(engine, rng, formula) } else { (0.0, 0.0) };
    let mut place = Place::whole(formula, c);
    let steps = match formula.family() {
        Family::Newton => rng.below(3),
        _ if formula.is_julia() => rng.below(4),
        // Whole sets are the same picture each time.
        _ => 4 + rng.below(9),
    };
    for _ in 0..steps {
        place = place.nearer(engine, rng);
    }
    if steps == 0 {
        place.zoom = 0.9 + 0.3 * rng.unit();
    }
    // Square numbers in the middle look like a target: a little aside.
    let aside = |rng: &mut Rng| (rng.unit() - 0.5) * 0.8 / place.zoom;
    if steps > 0 {
        (place.re, place.im) = (place.re + aside(rng), place.im + aside(rng));
    }
    place
}

/// A constant near the edge of the family's other set: there its Julia sets are at their richest.
fn constant(engine: &'static dyn Engine, rng: &mut Rng, formula: Formula) -> (f64, f64) {
    let Ok(parent) = Formula::new(formula.family(), formula.power() as u8, false) else {
        return (0.0, 0.0);
    };
    let mut place = Place::whole(parent, (0.0, 0.0));
    for _ in 0..2 + rng.below(4) {
        place = place.nearer(engine, rng);
    }
    (place.re, place.im)
}
