//! The explorer as a visitor uses it, in real browsers.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::room::{Room, Tab, visits};

visits! {
    both: ;
    chromium: every_way_to_move_changes_the_view_and_back_leads_back,
        fingers_pinch_about_the_point_between_them, every_link_leads_to_its_view_to_the_last_digit,
        a_palette_changes_colours_and_computes_nothing,
        a_surprise_is_another_view_and_a_bookmark_brings_back_the_first;
}

/// Counts what the page asks of the kernel.
pub(crate) const COUNT_ORDERS: &str = "window.orders = 0;
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (note, ...rest) {
        if (note?.t === 'preview' || note?.t === 'launch') window.orders++;
        return post.call(this, note, ...rest);
    };";

pub(crate) const DRAWN: &str =
    "(({done, total}) => total > 0 && done === total)(window.millefeuille.state().drawn)";

/// What the canvas shows, as one number.
pub(crate) const COLOURS: &str = "(() => {
        const small = Object.assign(document.createElement('canvas'), {width: 64, height: 40});
        const context = small.getContext('2d');
        context.drawImage(document.querySelector('#explorer'), 0, 0, 64, 40);
        return context.getImageData(0, 0, 64, 40).data.reduce((sum, byte, at) => (sum * 31 + byte * (at % 7 + 1)) % 1e9, 7);
    })()";

/// Defines `spot(x, y)`: what lies under a pixel of the canvas, and how far apart pixels are there; and
/// `client(x, y)`: where an event has to be to meet it.
const SPOT: &str = "const canvas = document.querySelector('#explorer');
    const spot = (x, y) => {
        const { re, im, zoom } = window.millefeuille.state().view;
        const step = 4 / (zoom * canvas.width);
        return [re * 1 + (x - canvas.width / 2) * step, im * 1 - (y - canvas.height / 2) * step, step];
    };
    const client = (x, y) => {
        const box = canvas.getBoundingClientRect();
        return { clientX: box.left + x * box.width / canvas.width, clientY: box.top + y * box.height / canvas.height };
    };";

pub(crate) fn look<'a>(room: &'a mut Room, hash: &str) -> Result<Tab<'a>> {
    let mut tab = room.open_after(hash, COUNT_ORDERS)?;
    tab.click("#look")?;
    tab.wait(DRAWN)?;
    Ok(tab)
}

/// Fails unless `points`, a spot before and after, are the same place in a larger view.
fn stayed(points: &Value) -> Result<()> {
    let at = |index: usize, axis: usize| points[index][axis].as_f64().unwrap_or(f64::NAN);
    ensure!(at(1, 2) < at(0, 2), "it did not magnify: {points}");
    for axis in [0, 1] {
        let apart = (at(1, axis) - at(0, axis)).abs() / at(1, 2);
        ensure!(apart < 1.0, "the point moved by {apart} pixels: {points}");
    }
    Ok(())
}

fn every_way_to_move_changes_the_view_and_back_leads_back(room: &mut Room) -> Result<()> {
    let mut tab = look(room, "#v=1&f=mandelbrot&re=-0.5&im=0.25&z=1000&i=100&p=ember")?;
    let view = "JSON.stringify(window.millefeuille.state().view)";
    let first = tab.eval(view)?;
    // Buttons and keys, which need neither a drag nor a wheel.
    for act in [
        "document.querySelector('#zoom-in').click()",
        "document.querySelector('#go-left').click()",
        "document.querySelector('#explorer').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowUp'}))",
        "document.querySelector('#explorer').dispatchEvent(new KeyboardEvent('keydown', {key: '-'}))",
    ] {
        let before = tab.eval(view)?;
        tab.eval(act)?;
        tab.wait(&format!("{view} !== {before}"))?;
    }
    // The wheel keeps the point under the pointer. All at once: the key's flight may be under way.
    stayed(&tab.eval(&format!(
        "(() => {{ {SPOT}
            const before = spot(300.5, 200.5);
            canvas.dispatchEvent(new WheelEvent('wheel', {{ deltaY: -300, cancelable: true, ...client(300.5, 200.5) }}));
            return [before, spot(300.5, 200.5)];
        }})()"
    ))?)?;
    // The address follows, and leads back to where it began.
    tab.wait("!location.hash.includes('z=1000&')")?;
    let first = serde_json::to_string(&first)?;
    let back = format!(
        "(async () => {{
            for (let steps = 0; steps < 12; steps += 1) {{
                if ({view} === {first}) return true;
                const there = new Promise((resolve) => addEventListener('popstate', resolve, {{once: true}}));
                history.back();
                await there;
            }}
            return false;
        }})()"
    );
    tab.expect(&back)?;
    tab.no_complaints()
}

fn fingers_pinch_about_the_point_between_them(room: &mut Room) -> Result<()> {
    let mut tab = look(room, "#v=1&f=mandelbrot&re=-0.5&im=0.25&z=1000&i=100&p=ember")?;
    // Two fingers part by turns; the middle between them moves and comes back.
    stayed(&tab.eval(&format!(
        "(() => {{ {SPOT}
            canvas.setPointerCapture = () => {{}}; // it takes none for fingers that are not there
            const touch = (kind, pointerId, x, y) => canvas.dispatchEvent(new PointerEvent(kind,
                {{ pointerId, pointerType: 'touch', isPrimary: pointerId === 1, ...client(x, y) }}));
            const before = spot(300, 200);
            touch('pointerdown', 1, 260, 200);
            touch('pointerdown', 2, 340, 200);
            for (let step = 1; step <= 10; step += 1) {{
                touch('pointermove', 1, 260 - 8 * step, 200);
                touch('pointermove', 2, 340 + 8 * step, 200);
            }}
            touch('pointerup', 1, 180, 200);
            touch('pointerup', 2, 420, 200);
            return [before, spot(300, 200)];
        }})()"
    ))?)?;
    let zoom = tab.number("Number(window.millefeuille.state().view.zoom)")?;
    ensure!((2990.0..3010.0).contains(&zoom), "three times as far apart, and magnified to {zoom}");
    // The page itself scrolls and pinches as any other: only the canvas takes fingers for itself.
    tab.expect(
        "[...document.querySelectorAll('*')].every((each) =>
            getComputedStyle(each).touchAction === (each.id === 'explorer' ? 'none' : 'auto'))",
    )
}

/// Links of random places from the shallows to ten to the three hundredth, by a generator of the test's own.
const LINKS: &str = "(() => {
        let state = 20261128;
        const random = () => { state = (state * 1664525 + 1013904223) % 4294967296; return state / 4294967296; };
        const digits = (count) => Array.from({ length: count }, () => Math.floor(random() * 10)).join('').replace(/0+$/, '') || '1';
        const decimal = (count) => `${random() < 0.5 ? '-' : ''}${Math.floor(random() * 2)}.${digits(count)}`;
        return Array.from({ length: 200 }, (_, at) => {
            const depth = Math.floor(random() * (at % 4 ? 13 : 300));
            const places = depth + 5;
            const julia = random() < 0.4;
            const fields = { v: '1', f: julia ? 'julia' : 'mandelbrot', re: decimal(places), im: decimal(places),
                z: `${1 + Math.floor(random() * 9)}.${digits(3)}e${depth}`, i: String(1 + Math.floor(random() * 5000)),
                p: ['dusk', 'ember', 'ocean'][Math.floor(random() * 3)] };
            if (julia) Object.assign(fields, { cr: decimal(6), ci: decimal(6) });
            if (random() < 0.3) fields.o = String(Math.floor(1 + random() * 99) / 100);
            return fields;
        });
    })()";

fn every_link_leads_to_its_view_to_the_last_digit(room: &mut Room) -> Result<()> {
    let mut tab = look(room, "")?;
    let wrong = tab.eval(&format!(
        "(async () => {{
            const wrong = [];
            const links = {LINKS};
            for (const fields of links) {{
                const link = `#${{new URLSearchParams(fields)}}`;
                const there = new Promise((resolve) => addEventListener('popstate', resolve, {{ once: true }}));
                location.hash = link;
                await there;
                const {{ view, palette }} = window.millefeuille.state();
                const now = {{ v: '1', f: view.formula, re: view.re, im: view.im, z: view.zoom, i: String(view.max_iter),
                    p: palette.name }};
                if (fields.cr) Object.assign(now, {{ cr: view.c_re, ci: view.c_im }});
                if (fields.o) now.o = String(palette.offset);
                if (JSON.stringify(now) !== JSON.stringify(fields) || location.hash !== link) wrong.push([link, now]);
            }}
            // The address is not written anew where it says the same already.
            window.lastLink = `#${{new URLSearchParams(links.at(-1))}}`;
            return wrong;
        }})()"
    ))?;
    ensure!(wrong.as_array().context("a list")?.is_empty(), "{wrong}");
    // A step forward writes an address of the same form, and back is the view of before.
    tab.eval("document.querySelector('#go-left').click()")?;
    tab.wait("location.hash !== window.lastLink")?;
    tab.eval("history.back()")?;
    tab.wait("location.hash === window.lastLink")?;
    tab.wait("window.lastLink.includes(`re=${window.millefeuille.state().view.re}&`)")?;
    Ok(())
}

/// How much was asked of the kernel once nothing more is: the form's own small picture comes after a rest.
pub(crate) const ASKED: &str = "new Promise((resolve) => {
        let last = -1;
        const look = () => {
            if (window.orders === last) return resolve(window.orders);
            last = window.orders;
            setTimeout(look, 1500);
        };
        look();
    })";

fn a_palette_changes_colours_and_computes_nothing(room: &mut Room) -> Result<()> {
    let mut tab = look(room, "")?;
    tab.wait("document.querySelectorAll('#palettes input').length > 3")?;
    tab.wait("[...document.querySelectorAll('#presets canvas')].length > 3")?;
    let before = tab.number(ASKED)?;
    for act in [
        "document.querySelector('#palettes input:not(:checked)').click()",
        "(() => { const slider = document.querySelector('#field-offset');
            slider.value = '0.4'; slider.dispatchEvent(new Event('input')); })()",
        "(() => { const slider = document.querySelector('#field-density');
            slider.value = '1.5'; slider.dispatchEvent(new Event('input')); })()",
    ] {
        let colours = tab.number(COLOURS)?;
        tab.eval(act)?;
        tab.wait(&format!("{COLOURS} !== {colours}"))?;
    }
    let after = tab.number("window.orders")?;
    ensure!(after.to_bits() == before.to_bits(), "{before} orders became {after}");
    Ok(())
}

fn a_surprise_is_another_view_and_a_bookmark_brings_back_the_first(room: &mut Room) -> Result<()> {
    let mut tab = look(room, "#f=julia&re=0&im=0&z=1&cr=-0.8&ci=0.156&i=300&p=ocean&o=0.25")?;
    tab.eval("document.querySelector('#bookmark').click()")?;
    tab.wait("document.querySelectorAll('#bookmarks img').length === 1")?;
    tab.eval("document.querySelector('#surprise').click()")?;
    tab.wait("window.millefeuille.state().view.c_re !== '-0.8'")?;
    tab.wait(DRAWN)?;
    tab.eval("document.querySelector('#bookmarks .preset').click()")?;
    let link = "window.millefeuille.state().view.c_im === '0.156' && window.millefeuille.state().palette.offset === 0.25";
    tab.wait(link)?;
    tab.wait(DRAWN)?;
    tab.no_complaints()
}
