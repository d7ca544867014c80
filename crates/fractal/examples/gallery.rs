//! Renders every preset to a PNG, to be judged by eye:
//! `cargo run --release -p fractal --example gallery -- <folder> [width height]`.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use fractal::{Painter, Preset, Spec, compute, presets};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("name a folder")?);
    let width = arguments.next().map_or(Ok(960), |text| text.parse())?;
    let height = arguments.next().map_or(Ok(600), |text| text.parse())?;
    for preset in presets() {
        let spec = preset.view(width, height).validate()?;
        write_png(&folder.join(preset.name).with_extension("png"), &spec, &render(preset, &spec))?;
    }
    Ok(())
}

fn render(preset: &Preset, spec: &Spec) -> Vec<u8> {
    let painter = Painter::new(preset.palette, preset.colouring);
    let mut picture = vec![0; spec.width() as usize * spec.height() as usize * 4];
    let stride = spec.width() as usize * 4;
    for (task, rect) in (0..).zip(spec.tiles().rects()) {
        let tile = compute(spec, task).expect("the task exists");
        let mut colours = vec![0; tile.levels.len() * 4];
        painter.paint(&tile.levels, &mut colours);
        for (row, line) in colours.chunks(rect.width as usize * 4).enumerate() {
            let begin = (rect.y as usize + row) * stride + rect.x as usize * 4;
            picture[begin..begin + line.len()].copy_from_slice(line);
        }
    }
    picture
}

fn write_png(path: &Path, spec: &Spec, rgba: &[u8]) -> Result<(), Box<dyn Error>> {
    let file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(file, spec.width(), spec.height());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    Ok(encoder.write_header()?.write_image_data(rgba)?)
}
