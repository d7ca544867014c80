//! Charts as SVG: measured curves in colour, published ones in grey.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;
use sim::experiment::{Chart, Series};

const SIZE: (u32, u32) = (760, 460);
const COLOURS: [RGBColor; 4] =
    [RGBColor(20, 90, 180), RGBColor(200, 80, 20), RGBColor(20, 140, 80), RGBColor(130, 60, 160)];
const PUBLISHED: [RGBColor; 2] = [RGBColor(110, 110, 110), RGBColor(170, 170, 170)];

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
        .build_cartesian_2d(left..right, low..high)?;
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
        .position(SeriesLabelPosition::LowerRight)
        .draw()?;
    root.present()?;
    Ok(())
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

fn label(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        _ if (value - value.round()).abs() < 1e-9 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
