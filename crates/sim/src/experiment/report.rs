//! What an experiment found, next to what it should have found.

use serde::Serialize;

use crate::ring::Tally;

/// Where a reference comes from, as `pastry.md` tags it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Printed in a paper, or digitised from its figure.
    Published,
    /// Calculated with perfect tables.
    Oracle,
    /// Recalled, without certainty.
    Recalled,
    /// A line of our own.
    Chosen,
}

/// What a figure must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
    /// Between the two.
    Between(f64, f64),
}

/// One number.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// What it is counted in; empty for a plain number.
    pub unit: &'static str,
    /// What others found.
    pub reference: Option<f64>,
    /// Who.
    pub source: Option<Source>,
    /// What it must keep to.
    pub bound: Option<Bound>,
    /// Whether the whole run fails with it.
    pub firm: bool,
    /// Whether it keeps to its bound; `None` where it is only reported.
    pub pass: Option<bool>,
}

/// A curve.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// x and y.
    pub points: Vec<(f64, f64)>,
    /// Somebody else's.
    pub published: bool,
}

/// A picture of curves.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// The file's name without its ending.
    pub file: &'static str,
    /// The heading.
    pub title: String,
    /// What lies along x.
    pub x: &'static str,
    /// What lies along y.
    pub y: &'static str,
    /// Whether x grows by factors.
    pub log_x: bool,
    /// The curves.
    pub series: Vec<Series>,
}

/// What a run found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Every number.
    pub figures: Vec<Figure>,
    /// Every picture.
    pub charts: Vec<Chart>,
    /// What a reader must know besides.
    pub notes: Vec<String>,
    /// Happenings that the simulator worked through.
    pub events: u64,
    /// Seconds of virtual time that nodes lived, all together.
    pub node_seconds: f64,
}

impl Report {
    /// A number that is only reported.
    pub(crate) fn tell(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        let name = name.into();
        let (reference, source, bound, pass) = (None, None, None, None);
        let figure = Figure { name, value, unit, reference, source, bound, firm: false, pass };
        self.figures.push(figure);
    }

    /// The last number has a reference.
    pub(crate) fn beside(&mut self, reference: f64, source: Source) -> &mut Self {
        if let Some(figure) = self.figures.last_mut() {
            figure.reference = Some(reference);
            figure.source = Some(source);
        }
        self
    }

    /// The last number has a bound with which the run passes or fails.
    pub(crate) fn firm(&mut self, bound: Bound) {
        self.bound(bound, true);
    }

    /// The last number has a bound that is wished for.
    pub(crate) fn target(&mut self, bound: Bound) {
        self.bound(bound, false);
    }

    fn bound(&mut self, bound: Bound, firm: bool) {
        if let Some(figure) = self.figures.last_mut() {
            figure.keep_to(bound, firm);
        }
    }

    /// The number of this name has a bound.
    pub(crate) fn bound_of(&mut self, name: &str, bound: Bound, firm: bool) {
        for figure in self.figures.iter_mut().filter(|figure| figure.name == name) {
            figure.keep_to(bound, firm);
        }
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Adds what a world cost to simulate.
    pub(crate) fn count(&mut self, tally: &Tally) {
        self.events += tally.events;
        self.node_seconds += tally.node_seconds;
    }

    /// Whether a firm line does not hold.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.figures.iter().any(|figure| figure.firm && figure.pass == Some(false))
    }
}

impl Figure {
    fn keep_to(&mut self, bound: Bound, firm: bool) {
        self.bound = Some(bound);
        self.firm = firm;
        self.pass = Some(bound.holds(self.value));
    }
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Bound::AtMost(most) => value <= most,
            Bound::AtLeast(least) => value >= least,
            Bound::Between(least, most) => value >= least && value <= most,
        }
    }
}
