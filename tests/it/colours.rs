//! Colours by rank: each covers as much of a picture as any other, on the screen and in the file.

use anyhow::{Context as _, Result, ensure};
use data_encoding::BASE64;
use fractal::{Colouring, Painter, Palette};
use tests::{Picture, Scratch, alone, assert_same};

use crate::explorer::{ASKED, COLOURS, DRAWN, look};
use crate::room::{Room, Tab, visits};
use crate::scene::{View, download};

visits! {
    both: ;
    chromium: colours_by_rank_are_a_switch_that_computes_nothing_and_a_part_of_the_link,
        by_rank_a_picture_is_the_same_on_the_screen_and_from_the_command_line;
}

/// Waits until the canvas has shown the same for a while.
const STILL: &str = "new Promise((resolve) => {
        let [last, since] = [0, 0];
        const look = () => {
            const now = COLOURS;
            since = now === last ? since + 1 : 0;
            last = now;
            if (since < 30) requestAnimationFrame(look);
            else resolve(now);
        };
        look();
    })";

/// What a canvas shows.
fn shown(tab: &mut Tab<'_>, canvas: &str) -> Result<Picture> {
    let url = tab.eval(&format!("document.querySelector('{canvas}').toDataURL('image/png')"))?;
    let (_, bytes) = url.as_str().and_then(|url| url.split_once(',')).context("a picture")?;
    Picture::decode(&BASE64.decode(bytes.as_bytes())?)
}

/// How much of what is outside the set each quarter of the palette's ring covers, in hundredths.
fn quarters(picture: &Picture) -> [usize; 4] {
    let painter = Painter::new(Palette::Dusk, Colouring::default());
    let apart = |a: &[u8], b: &[u8]| -> u32 {
        a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2)).sum()
    };
    let ring: Vec<_> = painter.ring().iter().step_by(16).collect();
    let mut counts = [0; 4];
    for pixel in picture.rgb.chunks(3).step_by(7).filter(|pixel| *pixel != painter.inside()) {
        let entry = (0..ring.len()).min_by_key(|at| apart(ring[*at], pixel)).unwrap_or(0);
        counts[entry * 4 / ring.len()] += 1;
    }
    let all: usize = counts.iter().sum();
    counts.map(|count| count * 100 / all.max(1))
}

fn is_even(quarters: [usize; 4]) -> bool {
    quarters.iter().all(|part| (20..=30).contains(part))
}

fn colours_by_rank_are_a_switch_that_computes_nothing_and_a_part_of_the_link(
    room: &mut Room,
) -> Result<()> {
    let still = STILL.replace("COLOURS", COLOURS);
    let mut tab = look(room, "#v=1&f=mandelbrot&re=-0.5&im=0&z=0.4&i=300&p=dusk")?;
    let orders = tab.number(ASKED)?;
    let before = tab.number(&still)?;
    let plain = quarters(&shown(&mut tab, "#explorer")?);
    ensure!(!is_even(plain), "even without: {plain:?}");

    tab.click("#even")?;
    tab.wait(&format!("{COLOURS} !== {before}"))?;
    tab.number(&still)?;
    let ranked = quarters(&shown(&mut tab, "#explorer")?);
    ensure!(is_even(ranked), "{plain:?} became {ranked:?}");
    tab.wait("location.hash.includes('&s=rank')")?;
    // The bands and their beginning are as free as before.
    let begin = tab.number(COLOURS)?;
    tab.eval(
        "(() => { const slider = document.querySelector('#field-offset');
            slider.value = '0.5'; slider.dispatchEvent(new Event('input')); })()",
    )?;
    tab.wait(&format!("{COLOURS} !== {begin}"))?;
    tab.eval(
        "(() => { const slider = document.querySelector('#field-offset');
            slider.value = '0'; slider.dispatchEvent(new Event('input')); })()",
    )?;
    tab.wait(&format!("{COLOURS} === {begin}"))?;

    tab.click("#even")?;
    tab.wait(&format!("{COLOURS} === {before}"))?;
    tab.click("#even")?;
    tab.wait(&format!("{COLOURS} === {begin}"))?;
    let after = tab.number("window.orders")?;
    ensure!(after.to_bits() == orders.to_bits(), "{orders} orders became {after}");

    // What is in sight after a move is what counts.
    tab.eval("for (let n = 0; n < 3; n += 1) document.querySelector('#go-right').click()")?;
    tab.wait(DRAWN)?;
    tab.number(&still)?;
    let moved = quarters(&shown(&mut tab, "#explorer")?);
    ensure!(is_even(moved), "{ranked:?} became {moved:?}");

    // Whoever opens the link sees the same.
    tab.wait("location.hash.includes(`re=${window.millefeuille.state().view.re}&`)")?;
    let link = tab.eval("location.hash")?;
    tab.no_complaints()?;
    let mut other = room.open(link.as_str().context("a link")?)?;
    other.click("#look")?;
    other.wait(DRAWN)?;
    other.number(&still)?;
    let opened = quarters(&shown(&mut other, "#explorer")?);
    ensure!(is_even(opened), "{opened:?}");
    other.expect("document.querySelector('#even').checked")?;
    other.no_complaints()
}

fn by_rank_a_picture_is_the_same_on_the_screen_and_from_the_command_line(
    room: &mut Room,
) -> Result<()> {
    let scratch = Scratch::new("ranks")?;
    let view = View {
        re: "-0.7436438870371587",
        im: "0.13182590420531197",
        zoom: "3e4",
        max_iter: 5000,
        size: (700, 520),
    };
    let mut tab = room.open("")?;
    tab.click("#look")?;
    let mut wanted = view.for_page();
    wanted["scale"] = "rank".into();
    tab.eval(&format!("window.millefeuille.launch({wanted})"))?;
    let saved = download(tab.browser, tab.page)?;

    let file = scratch.file("ranked.png");
    alone(&view.arguments_with(&["--histogram"]), &file)?;
    let expected = Picture::read(&file)?;
    ensure!(expected.colours() > 1_000, "a picture of nothing proves nothing");
    assert_same(&saved, &expected)?;
    ensure!(saved != view.expected(&scratch)?, "the same without ranks");
    let source = saved.text.iter().find(|(name, _)| name == "Source").context("a link")?;
    ensure!(source.1.contains("s=rank"), "{source:?}");

    // The colours have settled with the last tile.
    let width = tab.number("document.querySelector('#picture .tiles').width")?;
    ensure!(width.to_bits() == 700_f64.to_bits(), "the canvas is {width} wide");
    tab.wait(
        "document.querySelector('#job-progress').value === document.querySelector('#job-progress').max",
    )?;
    let mut seen = shown(&mut tab, "#picture .tiles")?;
    for _ in 0..100 {
        if assert_same(&seen, &expected).is_ok() {
            break;
        }
        tab.eval("new Promise(requestAnimationFrame)")?;
        seen = shown(&mut tab, "#picture .tiles")?;
    }
    assert_same(&seen, &expected)?;
    tab.no_complaints()
}
