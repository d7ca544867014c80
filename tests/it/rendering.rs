//! A picture as it grows: tiles from the middle outwards, progress in words and numbers, and the file.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::Picture;

use crate::room::{Room, visits};
use crate::scene::{SEAHORSE, View};

visits! {
    both: ;
    chromium: tiles_come_from_the_middle_outwards_and_name_their_makers, the_file_says_what_it_shows,
        progress_is_told_and_not_too_often, a_poster_of_sixty_seven_megapixels_is_saved;
}

/// Keeps what the peer of the page says of tiles, in the order in which it does.
const LISTEN: &str = "window.tiles = [];
    const Original = Worker;
    window.Worker = class extends Original {
        constructor(...arguments_) {
            super(...arguments_);
            if (!String(arguments_[0]).includes('node-worker')) return;
            this.addEventListener('message', ({ data }) => {
                const { t, picture, task, worker, x, y, width, height } = data;
                if (t === 'tile' && !/^[a-z][.]/.test(picture)) window.tiles.push({ task, worker, x, y, width, height });
            });
        }
    };";

fn tiles_come_from_the_middle_outwards_and_name_their_makers(room: &mut Room) -> Result<()> {
    let mut tab = room.open_after("", LISTEN)?;
    tab.eval("window.millefeuille.start({cores: 1})")?;
    tab.wait("window.millefeuille.state().ready")?;
    // Coarse first: something is on the picture before most tiles are.
    let coarse = "new Promise((resolve) => {
        const look = () => {
            const canvas = document.querySelector('#picture .tiles');
            if (canvas) {
                const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
                let seen = 0;
                for (let at = 0; at < data.length; at += 4000) if (data[at] + data[at + 1] + data[at + 2]) seen += 4000;
                if (seen > data.length / 2) return resolve(window.millefeuille.state().job.done);
            }
            requestAnimationFrame(look);
        };
        look();
    })";
    tab.eval(
        "window.millefeuille.launch({formula: 'mandelbrot', re: '-0.7436', im: '0.1318', zoom: '3000',
            max_iter: 60000, width: 2048, height: 2048})",
    )?;
    let done = tab.number(coarse)?;
    ensure!(done < 32.0, "nothing was seen before {done} of 64 tiles were there");
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    let tiles = tab.eval("window.tiles")?;
    let tiles = tiles.as_array().context("a list")?;
    ensure!(tiles.len() == 64, "{} tiles", tiles.len());
    let far = |tile: &Value| {
        let side = |at: &str, size: &str| {
            tile[at].as_f64().unwrap_or(f64::NAN) + tile[size].as_f64().unwrap_or(f64::NAN) / 2.0
        };
        let (across, down) = (side("x", "width") - 1024.0, side("y", "height") - 1024.0);
        across * across + down * down
    };
    let mean = |part: &[Value]| part.iter().map(far).sum::<f64>() / 16.0;
    let (first, last) = (mean(&tiles[..16]), mean(&tiles[48..]));
    ensure!(
        first < last / 2.0,
        "the first tiles are {first} from the middle squared, the last {last}"
    );
    let id = tab.eval("window.millefeuille.state().id")?;
    ensure!(tiles.iter().all(|tile| tile["worker"] == "self" || tile["worker"] == id), "{tiles:?}");
    tab.expect(&format!("window.millefeuille.state().job.by[{id}] === 64"))?;
    // And on the picture, on request: the tint has the colour of the bar.
    tab.click("#tint")?;
    tab.wait(
        "document.querySelector('#veil').getContext('2d').getImageData(0, 0, 4, 4).data[3] > 50",
    )?;
    Ok(())
}

fn progress_is_told_and_not_too_often(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    tab.eval("window.millefeuille.start({cores: 1, intensity: 20})")?;
    tab.wait("window.millefeuille.state().ready")?;
    tab.eval(
        "(() => {
            window.spoken = [];
            new MutationObserver(() => window.spoken.push(performance.now()))
                .observe(document.querySelector('#job-spoken'), { childList: true, characterData: true, subtree: true });
        })()",
    )?;
    // Long, however fast the machine is: it is stopped when enough was seen.
    let view = View { size: (6144, 4096), ..SEAHORSE }.for_page();
    tab.eval(&format!("window.millefeuille.launch({view})"))?;
    // Tiles, rate, who, and how long it may still take.
    tab.wait("/^[1-9]\\d* of 384 tiles$/.test(document.querySelector('#job-done').textContent)")?;
    tab.wait("/^[\\d.]+ tiles\\/s by 1 peer.*\\s· .*(left|about|between|to)/.test(document.querySelector('#job-state').textContent)")?;
    tab.expect(
        "(() => { const bar = document.querySelector('#job-progress');
            const heading = document.getElementById(bar.getAttribute('aria-labelledby')).textContent;
            return bar.max === 384 && bar.value > 0 && /Rendering/.test(heading)
                && document.querySelector('#job-spoken').getAttribute('role') === 'status'; })()",
    )?;
    tab.wait("window.spoken.length >= 3")?;
    let spoken = tab.eval("window.spoken")?;
    let spoken: Vec<f64> =
        spoken.as_array().context("a list")?.iter().filter_map(Value::as_f64).collect();
    let least = spoken.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    ensure!(least >= 4500.0, "two messages within {least} ms: {spoken:?}");
    tab.click("#cancel-job")?;
    tab.wait("document.querySelector('#job-state').textContent === 'Stopped.'")?;
    tab.expect("!document.querySelector('#download').disabled")?;
    ensure!(tab.text("#download")? == "Download PNG so far");
    Ok(())
}

/// The text of a PNG under this keyword.
fn word<'a>(picture: &'a [(String, String)], keyword: &str) -> Result<&'a str> {
    let found = picture.iter().find(|(name, _)| name == keyword);
    found.map(|(_, text)| text.as_str()).with_context(|| format!("no {keyword} in {picture:?}"))
}

fn the_file_says_what_it_shows(room: &mut Room) -> Result<()> {
    let mut tab =
        room.open("#v=1&f=julia&re=0.01&im=-0.02&z=1.5&i=700&p=ocean&cr=-0.8&ci=0.156")?;
    tab.click("#look")?;
    tab.eval("window.millefeuille.launch({width: 700, height: 300})")?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    tab.wait("document.querySelector('#download').textContent === 'Download PNG' && !document.querySelector('#download').disabled")?;
    tab.click("#download")?;
    let (name, bytes) = tab.browser.downloaded()?;
    ensure!(name == "millefeuille-julia_0.01_-0.02_z1.5_700x300.png", "{name}");
    let picture = Picture::decode(&bytes)?;
    ensure!(
        (picture.width, picture.height) == (700, 300),
        "{} × {}",
        picture.width,
        picture.height
    );
    ensure!(picture.colours() > 100, "a picture of nothing");
    // The link in the file leads back to the view.
    let source = word(&picture.text, "Source")?.to_owned();
    let hash = source.split_once('#').context("a link")?.1;
    for part in
        ["f=julia", "re=0.01", "im=-0.02", "z=1.5", "i=700", "cr=-0.8", "ci=0.156", "p=ocean"]
    {
        ensure!(hash.split('&').any(|each| each == part), "{part} is not in {source}");
    }
    ensure!(word(&picture.text, "Software")?.contains("illefeuille"));
    Ok(())
}

/// A visitor who always says yes: the place is in the page's own folder, which a program can look into.
const PICKS: &str = "window.showSaveFilePicker = async ({ suggestedName }) =>
        (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
    window.files = async () => {
        const files = [];
        for await (const handle of (await navigator.storage.getDirectory()).values()) files.push(await handle.getFile());
        return files;
    };";

/// Presses again as soon as some of the file is made.
const STOPS: &str = "new Promise((resolve) => {
    const button = document.querySelector('#download');
    new MutationObserver((_, watch) => {
        if (!/^Stop saving \\([1-9]\\d?%\\)$/.test(button.textContent)) return;
        watch.disconnect();
        button.click();
        resolve(true);
    }).observe(button, { childList: true, characterData: true, subtree: true });
    button.click();
})";

fn a_poster_of_sixty_seven_megapixels_is_saved(room: &mut Room) -> Result<()> {
    let mut tab = room.open_after("", PICKS)?;
    tab.click("#look")?;
    tab.eval(
        "window.millefeuille.launch({formula: 'mandelbrot', re: '-0.75', im: '0', zoom: '1', max_iter: 60, width: 8192, height: 8192})",
    )?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    let is_ready = "document.querySelector('#download').textContent === 'Download PNG'";
    tab.wait(is_ready)?;
    // Stopped half-way: no file, and nothing to complain of.
    tab.eval(STOPS)?;
    tab.wait(is_ready)?;
    tab.wait("window.files().then((files) => files.length === 0)")?;
    tab.expect("document.querySelector('#trouble').hidden")?;
    // To a place on the disk: the same bytes as those that a program gets.
    tab.click("#download")?;
    tab.wait(
        "/picture is saved: .*_8192x8192.png/.test(document.querySelector('#log').textContent)",
    )?;
    tab.eval(
        "(async () => {
            const both = [(await window.files())[0], await window.millefeuille.png()];
            const [saved, made] = await Promise.all(both.map((file) => file.arrayBuffer()));
            const [a, b] = [saved, made].map((bytes) => new Uint8Array(bytes));
            window.size = a.length;
            window.isSame = a.length === b.length && a.every((byte, at) => byte === b[at]);
        })()",
    )?;
    tab.expect("window.isSame")?;
    // Where no place can be asked for, a download like any other.
    tab.eval("window.showSaveFilePicker = undefined")?;
    tab.wait(is_ready)?;
    tab.click("#download")?;
    let (name, bytes) = tab.browser.downloaded()?;
    ensure!(name.ends_with("_8192x8192.png"), "{name}");
    ensure!(tab.eval("window.size")? == bytes.len(), "{} bytes", bytes.len());
    let decoded = Picture::decode(&bytes)?;
    ensure!((decoded.width, decoded.height) == (8192, 8192));
    let some: BTreeSet<_> = decoded.rgb.chunks(3 * 4099).map(|pixel| &pixel[..3]).collect();
    ensure!(some.len() > 20, "a picture of nothing");
    word(&decoded.text, "Source")?;
    tab.no_complaints()
}
