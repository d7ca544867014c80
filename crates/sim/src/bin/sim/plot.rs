//! Charts as SVG: measured curves in colour, published ones in grey.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use sim::experiment::{Chart, Series};

const SIZE: (u32, u32) = (760, 460);
const COLOURS: [RGBColor; 4] =
    [RGBColor(20, 90, 180), RGBColor(200, 80, 20), RGBColor(20, 140, 80), RGBColor(130, 60, 160)];
const PUBLISHED: [RGBColor; 2] = [RGBColor(110, 110, 110), RGBColor(170, 170, 170)];

/// Points of x that are all labelled.
const TICKS_MAX: usize = 12;

/// Draws `charts` into `folder`, as `EXPERIMENT-CHART.svg`.
pub(crate) fn charts(folder: &Path, experiment: &str, charts: &[Chart]) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for chart in charts {
        let name = match chart.file == experiment {
            true => format!("{experiment}.svg"),
            false => format!("{experiment}-{}.svg", chart.file),
        };
        let path = folder.join(name);
        draw(chart, &path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn draw(chart: &Chart, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let points = || chart.series.iter().flat_map(|series| series.points.iter().copied());
    let (mut left, mut right) = span(points().map(|(x, _)| scale(chart, x)));
    let (low, high) = span(points().map(|(_, y)| y));
    let margin = ((right - left) * 0.04).max(if right > left { 0.0 } else { 0.5 });
    (left, right) = (left - margin, right + margin);
    let low = if low > 0.0 && low > high * 0.5 {
        low - (high - low) * 0.2 - high * 0.02
    } else {
        low.min(0.0)
    };
    let high = high + (high - low).max(1e-9) * 0.08;
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut canvas = ChartBuilder::on(&root)
        .caption(&chart.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(42)
        .y_label_area_size(64)
        .build_cartesian_2d(
            Axis { span: left..right, ticks: ticks(chart, left, right) },
            low..high,
        )?;
    canvas
        .configure_mesh()
        .x_desc(chart.x)
        .y_desc(chart.y)
        .light_line_style(WHITE)
        .x_label_formatter(&|x| label(if chart.log_x { libm::pow(10.0, *x) } else { *x }))
        .y_label_formatter(&|y| label(*y))
        .draw()?;
    let (mut ours, mut theirs) = (COLOURS.iter().cycle(), PUBLISHED.iter().cycle());
    for series in &chart.series {
        let colours = if series.published { &mut theirs } else { &mut ours };
        let colour = colours.next().copied().unwrap_or(BLACK);
        let line = curve(chart, series);
        canvas.draw_series(line.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        canvas
            .draw_series(LineSeries::new(line, colour.stroke_width(2)))?
            .label(&series.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    canvas
        .configure_series_labels()
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.2))
        .position(emptiest_corner(chart, (left, right), (low, high)))
        .draw()?;
    root.present()?;
    Ok(())
}

/// The x axis, labelled where we say.
struct Axis {
    span: Range<f64>,
    ticks: Vec<f64>,
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let span: RangedCoordf64 = self.span.clone().into();
        span.map(value, (from, to))
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.span.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format(value: &f64) -> String {
        label(*value)
    }
}

/// Where x is labelled: at the points themselves where they are few, else at round numbers.
fn ticks(chart: &Chart, left: f64, right: f64) -> Vec<f64> {
    let points = chart.series.iter().flat_map(|series| &series.points);
    let mut at: Vec<f64> = points.map(|(x, _)| scale(chart, *x)).collect();
    at.sort_by(f64::total_cmp);
    let apart = (right - left) / 30.0;
    at.dedup_by(|next, last| *next - *last < apart);
    if at.len() <= TICKS_MAX {
        return at;
    }
    let step = libm::pow(10.0, libm::floor(libm::log10(right - left)));
    let step = if (right - left) / step < 4.0 { step / 4.0 } else { step };
    let first = libm::ceil(left / step);
    (0..).map(|tick| (first + f64::from(tick)) * step).take_while(|x| *x <= right).collect()
}

/// The corner of the chart with the fewest points in it, for the legend.
fn emptiest_corner(chart: &Chart, x: (f64, f64), y: (f64, f64)) -> SeriesLabelPosition {
    let corners = [
        (SeriesLabelPosition::LowerRight, true, false),
        (SeriesLabelPosition::UpperRight, true, true),
        (SeriesLabelPosition::UpperLeft, false, true),
        (SeriesLabelPosition::LowerLeft, false, false),
    ];
    let part = |value: f64, (from, to): (f64, f64)| (value - from) / (to - from).max(1e-9);
    // The legend is wider than high, and grows with the curves.
    let height = 0.12 + 0.07 * chart.series.len() as f64;
    let places = || {
        let curves = chart.series.iter().map(|series| curve(chart, series));
        curves.flat_map(|line| dense(&line)).map(|(at, value)| (part(at, x), part(value, y)))
    };
    let crowd = |(_, right, upper): &(SeriesLabelPosition, bool, bool)| {
        let in_x = |at: f64| if *right { at > 0.55 } else { at < 0.45 };
        let in_y = |at: f64| if *upper { at > 1.0 - height } else { at < height };
        places().filter(|(at, value)| in_x(*at) && in_y(*value)).count()
    };
    let [first, ..] = &corners;
    corners.iter().min_by_key(|corner| crowd(corner)).unwrap_or(first).0.clone()
}

/// A curve with points between its points.
fn dense(line: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let between = |pair: &[(f64, f64)]| {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        (0..=8).map(move |step| {
            let part = f64::from(step) / 8.0;
            (x + (to_x - x) * part, y + (to_y - y) * part)
        })
    };
    line.windows(2).flat_map(between).collect()
}

fn curve(chart: &Chart, series: &Series) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> =
        series.points.iter().map(|(x, y)| (scale(chart, *x), *y)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

fn scale(chart: &Chart, x: f64) -> f64 {
    if chart.log_x { libm::log10(x.max(1e-9)) } else { x }
}

fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        (low, high) = (low.min(value), high.max(value));
    }
    if low.is_finite() { (low, high) } else { (0.0, 1.0) }
}

/// Three digits at most, and no zeros at the end.
fn label(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 100.0 => return format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
