//! Deep pictures on one core, each as a line of JSON for `cargo xtask bench deep`, or as a PNG:
//!
//! ```text
//! deep [WIDTHxHEIGHT]                       every view of views.txt, measured
//! deep WIDTHxHEIGHT NAME FILE.png           one of them, to be judged by eye
//! ```
//!
//! The ratio is the speed in iterations that a plain loop would need, compared with such a loop in
//! the same run: above 1, a deep picture is faster than its counts in f64 would be.
#![expect(clippy::disallowed_types, reason = "a bench reads the clock")]

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::time::Instant;

use fractal::{Colouring, Formula, Painter, Palette, Tile, View, compute, follow};

/// Name, iteration limit, zoom, re, im.
const VIEWS: &str = include_str!("views.txt");
/// Steps of the plain loop, all inside the set.
const PLAIN_STEPS: u32 = 1 << 28;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let size = arguments.first().map_or("1024x768", String::as_str);
    let (width, height) = size.split_once('x').ok_or("write WIDTHxHEIGHT")?;
    let (width, height) = (width.parse()?, height.parse()?);
    let views = VIEWS.lines().filter(|line| !line.starts_with('#'));
    let mut views = views.map(|line| view(line, width, height));
    if let [_, name, file] = &arguments[..] {
        let (_, view) = views.find(|(known, _)| known == name).ok_or("no such view")?;
        return picture(&view, file);
    }
    let plain = plain_speed();
    for (name, view) in views {
        measure(name, &view, plain)?;
    }
    Ok(())
}

fn view(line: &str, width: u32, height: u32) -> (&str, View) {
    let words: Vec<&str> = line.split(' ').collect();
    let [name, max_iter, zoom, re, im] = words[..] else { panic!("{line}") };
    let (re, im, zoom) = (re.into(), im.into(), zoom.into());
    let max_iter = max_iter.parse().expect("a number");
    (name, View { re, im, zoom, max_iter, width, height, ..View::default() })
}

/// Iterations a second of the reference loop in f64, one point at a time.
fn plain_speed() -> f64 {
    let begin = Instant::now();
    let orbit = Formula::MANDELBROT.orbit(-0.1, 0.1, 0.0, 0.0);
    assert_eq!(black_box(follow(Formula::MANDELBROT, black_box(orbit), PLAIN_STEPS)), None);
    f64::from(PLAIN_STEPS) / begin.elapsed().as_secs_f64()
}

fn measure(name: &str, view: &View, plain: f64) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let spec = view.validate()?;
    let orbit = spec.reference_orbit().ok_or("not deep")?;
    let orbit_seconds = begin.elapsed().as_secs_f64();
    let mut iterations = 0;
    for task in 0..spec.task_count() {
        let tile = compute(&spec, task).ok_or("no task")?;
        let count = |&level: &u32| if level == 0 { view.max_iter } else { level >> 8 };
        iterations += tile.levels.iter().map(|level| u64::from(count(level))).sum::<u64>();
    }
    let seconds = begin.elapsed().as_secs_f64();
    let ratio = iterations as f64 / seconds / plain;
    let share = 100.0 * orbit_seconds / seconds;
    let mean = iterations / u64::from(view.width) / u64::from(view.height);
    println!(
        "{{\"section\":\"deep\",\"name\":\"zoom {name}, iterations / plain loop\",\"ratio\":{ratio:.3},\
         \"pass\":null,\"detail\":\"{}x{} in {seconds:.2} s, {share:.1} % of it the orbit and its {} \
         bytes; mean count {mean}\"}}",
        view.width,
        view.height,
        orbit.len(),
    );
    Ok(())
}

fn picture(view: &View, file: &str) -> Result<(), Box<dyn Error>> {
    let spec = view.validate()?;
    let painter = Painter::new(Palette::Ember, Colouring::default());
    let stride = view.width as usize * 4;
    let mut pixels = vec![0; stride * view.height as usize];
    for (task, rect) in (0..).zip(spec.tiles().rects()) {
        let Tile { levels, .. } = compute(&spec, task).ok_or("no task")?;
        let mut colours = vec![0; levels.len() * 4];
        painter.paint(&levels, &mut colours);
        for (row, line) in colours.chunks(rect.width as usize * 4).enumerate() {
            let at = (rect.y as usize + row) * stride + rect.x as usize * 4;
            pixels[at..at + line.len()].copy_from_slice(line);
        }
    }
    let out = BufWriter::new(File::create(file)?);
    let mut encoder = png::Encoder::new(out, view.width, view.height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(())
}
