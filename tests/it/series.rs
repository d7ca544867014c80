//! Jobs of many frames, launched from the page and followed by others.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tests::{Browser, Engine, Peer, Picture, Scratch, Server, alone, assert_same, frames_alone};

use crate::alone_on_this_machine;
use crate::scene::{SEAHORSE, download, job, open_tab};

const FRAME: (u32, u32) = (300, 200);

/// A frame of a sheet.
fn cell(sheet: &Picture, columns: u32, frame: u32) -> Picture {
    let (width, height) = FRAME;
    let (left, top) = (frame % columns * width, frame / columns * height);
    let row = |y: u32| {
        let from = ((top + y) * sheet.width + left) as usize * 3;
        &sheet.rgb[from..from + width as usize * 3]
    };
    let rgb = (0..height).flat_map(row).copied().collect();
    Picture { width, height, rgb, text: Vec::new() }
}

#[test]
fn a_zoom_launched_by_a_tab_is_a_sheet_here_and_for_whoever_opens_its_link() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("series")?;
    let server = Server::start()?;
    let _peer = Peer::start(&server, &["--threads", "1"])?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let tab = open_tab(&mut browser, &server)?;
    let wanted = json!({
        "formula": "mandelbrot", "re": SEAHORSE.re, "im": SEAHORSE.im, "zoom": "1e6",
        "c_re": "0", "c_im": "0", "max_iter": 3000, "width": FRAME.0, "height": FRAME.1,
        "palette": "dusk", "series": "zoom", "frames": 5,
    });
    browser.eval(tab, &format!("window.millefeuille.launch({wanted})"))?;
    let sheet = download(&mut browser, tab)?;
    ensure!((sheet.width, sheet.height) == (FRAME.0 * 2, FRAME.1 * 3), "{}", sheet.width);

    let directory = scratch.file("frames");
    let place = format!("--to={},{},1e6", SEAHORSE.re, SEAHORSE.im);
    let rest = "--frames 5 --max-iter 1000 --max-iter-to 3000 --size 300x200 --palette dusk";
    let arguments: Vec<&str> = [place.as_str()].into_iter().chain(rest.split(' ')).collect();
    frames_alone("zoom", &arguments, &directory)?;
    let mut files: Vec<_> = std::fs::read_dir(&directory)?.collect::<Result<_, _>>()?;
    files.retain(|file| file.path().extension().is_some_and(|end| end == "png"));
    files.sort_by_key(std::fs::DirEntry::file_name);
    ensure!(files.len() == 5, "{files:?}");
    for (frame, file) in (0..).zip(&files) {
        let expected = Picture::read(&file.path())?;
        ensure!(expected.colours() > 500, "a picture of nothing proves nothing");
        assert_same(&cell(&sheet, 2, frame), &expected)
            .with_context(|| format!("frame {frame}"))?;
    }

    let id = job(&mut browser, tab)?["id"].as_str().context("an id")?.to_owned();
    let other = browser.open(&format!("{}#job={id}", server.url))?;
    browser.eval(other, "window.millefeuille.start({cores: 1})")?;
    browser.wait(other, &format!("window.millefeuille.state().job?.id === '{id}'"))?;
    assert_same(&download(&mut browser, other)?, &sheet)
}

#[test]
fn a_gallery_launched_by_the_form_has_every_picture_in_its_own_colours() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("gallery")?;
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let tab = open_tab(&mut browser, &server)?;
    let fill = |id: &str, value: &str| {
        format!(
            "(() => {{ const field = document.getElementById('{id}'); field.value = '{value}';
                field.dispatchEvent(new Event('input', {{ bubbles: true }})); return true; }})()"
        )
    };
    let offered = "[...document.getElementById('field-series').options]
        .find((option) => option.text === 'Gallery of 12').value";
    let series = browser.eval(tab, offered)?;
    browser.eval(tab, &fill("field-series", series.as_str().context("a gallery")?))?;
    browser.eval(tab, &fill("field-size", "own"))?;
    browser.eval(tab, &fill("field-width", &FRAME.0.to_string()))?;
    browser.eval(tab, &fill("field-height", &FRAME.1.to_string()))?;
    browser.click(tab, "#launch")?;
    let sheet = download(&mut browser, tab)?;
    let columns = sheet.width / FRAME.0;
    ensure!(columns * (sheet.height / FRAME.1) == 12, "{} × {}", sheet.width, sheet.height);

    // The same as `millefeuille gallery` paints them, whatever palette the explorer has.
    let seed = job(&mut browser, tab)?["frames"]["seed"].as_str().context("a seed")?.to_owned();
    let directory = scratch.file("frames");
    let rest = format!("--seed {seed} --count 12 --size 300x200");
    frames_alone("gallery", &rest.split(' ').collect::<Vec<_>>(), &directory)?;
    let mut palettes = BTreeSet::new();
    for frame in 0..12 {
        let expected = Picture::read(&directory.join(format!("{seed}-{frame:03}.png")))?;
        let mut texts = expected.text.iter();
        palettes.extend(texts.find(|(keyword, _)| keyword.ends_with("palette")).cloned());
        assert_same(&cell(&sheet, columns, frame), &expected)
            .with_context(|| format!("frame {frame} of seed {seed}"))?;
    }
    ensure!(palettes.len() > 2, "{palettes:?}");

    // Another palette is for the explorer.
    let canvas = "document.querySelector('#picture .tiles').toDataURL()";
    let before = browser.eval(tab, canvas)?;
    browser.eval(tab, "document.querySelector('#palettes [value=ocean]').click()")?;
    browser.wait(tab, "window.millefeuille.state().palette.name === 'ocean'")?;
    assert_same(&download(&mut browser, tab)?, &sheet)?;
    ensure!(browser.eval(tab, canvas)? == before, "it was painted in other colours");

    // By rank each frame has ranks of its own, and still its own palette.
    browser.click(tab, "#even")?;
    let ranked = download(&mut browser, tab)?;
    for frame in [0, 5, 11] {
        let plain = Picture::read(&directory.join(format!("{seed}-{frame:03}.png")))?;
        let file = scratch.file("ranked.png");
        alone(&by_rank(&plain), &file)?;
        assert_same(&cell(&ranked, columns, frame), &Picture::read(&file)?)
            .with_context(|| format!("frame {frame} of seed {seed}, by rank"))?;
    }
    Ok(())
}

/// What makes the picture of a file again, but for its colours by rank.
fn by_rank(file: &Picture) -> Vec<String> {
    let names = [
        ("formula", "--family"),
        ("re", "--re"),
        ("im", "--im"),
        ("zoom", "--zoom"),
        ("c_re", "--c-re"),
        ("c_im", "--c-im"),
        ("max_iter", "--max-iter"),
        ("palette", "--palette"),
        ("density", "--density"),
        ("offset", "--offset"),
    ];
    let mut arguments = vec!["--histogram".into(), "--size=300x200".into()];
    for (keyword, option) in names {
        let found = file.text.iter().find(|(name, _)| name == keyword);
        arguments.extend(found.map(|(_, text)| format!("{option}={text}")));
    }
    arguments
}
