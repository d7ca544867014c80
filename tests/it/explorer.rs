//! The explorer as a visitor uses it, in a real browser.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::{Browser, Engine, Page, Server};

use crate::alone_on_this_machine;

/// Counts what the page asks of the kernel.
const COUNT_ORDERS: &str = "window.orders = 0;
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (note, ...rest) {
        if (note?.t === 'preview' || note?.t === 'launch') window.orders++;
        return post.call(this, note, ...rest);
    };";

const DRAWN: &str =
    "(({done, total}) => total > 0 && done === total)(window.millefeuille.state().drawn)";

/// What the canvas shows, as one number.
const COLOURS: &str = "(() => {
        const small = Object.assign(document.createElement('canvas'), {width: 64, height: 40});
        const context = small.getContext('2d');
        context.drawImage(document.querySelector('#explorer'), 0, 0, 64, 40);
        return context.getImageData(0, 0, 64, 40).data.reduce((sum, byte, at) => (sum * 31 + byte * (at % 7 + 1)) % 1e9, 7);
    })()";

struct Visit {
    browser: Browser,
    page: Page,
    _server: Server,
}

impl Visit {
    fn begin(hash: &str) -> Result<Self> {
        let server = Server::start()?;
        let mut browser = Browser::start(Engine::Chromium)?;
        let page = browser.open_after(&format!("{}{hash}", server.url), COUNT_ORDERS)?;
        browser.click(page, "#look")?;
        browser.wait(page, DRAWN)?;
        Ok(Visit { browser, page, _server: server })
    }

    fn eval(&mut self, expression: &str) -> Result<Value> {
        self.browser.eval(self.page, expression)
    }

    fn wait(&mut self, expression: &str) -> Result<()> {
        self.browser.wait(self.page, expression).map(drop).with_context(|| expression.to_owned())
    }

    fn number(&mut self, expression: &str) -> Result<f64> {
        self.eval(expression)?.as_f64().with_context(|| format!("{expression} is no number"))
    }
}

#[test]
fn every_way_to_move_changes_the_view_and_back_leads_back() -> Result<()> {
    let _machine = alone_on_this_machine();
    let mut visit = Visit::begin("#v=1&f=mandelbrot&re=-0.5&im=0.25&z=1000&i=100&p=ember")?;
    let view = "JSON.stringify(window.millefeuille.state().view)";
    let first = visit.eval(view)?;
    // Buttons and keys, which need neither a drag nor a wheel.
    for act in [
        "document.querySelector('#zoom-in').click()",
        "document.querySelector('#go-left').click()",
        "document.querySelector('#explorer').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowUp'}))",
        "document.querySelector('#explorer').dispatchEvent(new KeyboardEvent('keydown', {key: '-'}))",
    ] {
        let before = visit.eval(view)?;
        visit.eval(act)?;
        visit.wait(&format!("{view} !== {before}"))?;
    }
    // The wheel keeps the point under the pointer. All at once: the key's flight may be under way.
    let points = visit.eval(
        "(() => {
            const canvas = document.querySelector('#explorer');
            const under = () => {
                const {re, im, zoom} = window.millefeuille.state().view;
                const step = 4 / (zoom * canvas.width);
                return [re * 1 + (300.5 - canvas.width / 2) * step, im * 1 - (200.5 - canvas.height / 2) * step, step];
            };
            const before = under();
            const box = canvas.getBoundingClientRect();
            const [x, y] = [300.5 * box.width / canvas.width, 200.5 * box.height / canvas.height];
            canvas.dispatchEvent(new WheelEvent('wheel', {deltaY: -300, cancelable: true,
                clientX: box.left + x, clientY: box.top + y}));
            return [before, under()];
        })()",
    )?;
    let (before, after) = (&points[0], &points[1]);
    let at = |value: &Value, index: usize| value[index].as_f64().unwrap_or(f64::NAN);
    ensure!(at(after, 2) < at(before, 2), "it did not magnify");
    for axis in [0, 1] {
        let apart = (at(after, axis) - at(before, axis)).abs() / at(after, 2);
        ensure!(apart < 1.0, "the point moved by {apart} pixels");
    }
    // The address follows, and leads back to where it began.
    visit.wait("!location.hash.includes('z=1000&')")?;
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
    ensure!(visit.eval(&back)? == true, "no way back");
    ensure!(visit.browser.complaints(visit.page)?.is_empty());
    Ok(())
}

#[test]
fn a_palette_changes_colours_and_computes_nothing() -> Result<()> {
    let _machine = alone_on_this_machine();
    let mut visit = Visit::begin("")?;
    visit.wait("document.querySelectorAll('#palettes input').length > 3")?;
    visit.wait("[...document.querySelectorAll('#presets canvas')].length > 3")?;
    // The form's own small picture comes after a rest.
    let asked = "new Promise((resolve) => {
        let last = -1;
        const look = () => {
            if (window.orders === last) return resolve(window.orders);
            last = window.orders;
            setTimeout(look, 1500);
        };
        look();
    })";
    let before = visit.number(asked)?;
    for act in [
        "document.querySelector('#palettes input:not(:checked)').click()",
        "(() => { const slider = document.querySelector('#field-offset');
            slider.value = '0.4'; slider.dispatchEvent(new Event('input')); })()",
        "(() => { const slider = document.querySelector('#field-density');
            slider.value = '1.5'; slider.dispatchEvent(new Event('input')); })()",
    ] {
        let colours = visit.number(COLOURS)?;
        visit.eval(act)?;
        visit.wait(&format!("{COLOURS} !== {colours}"))?;
    }
    let after = visit.number("window.orders")?;
    ensure!(after.to_bits() == before.to_bits(), "{before} orders became {after}");
    Ok(())
}

#[test]
fn a_surprise_is_another_view_and_a_bookmark_brings_back_the_first() -> Result<()> {
    let _machine = alone_on_this_machine();
    let mut visit = Visit::begin("#f=julia&re=0&im=0&z=1&cr=-0.8&ci=0.156&i=300&p=ocean&o=0.25")?;
    visit.eval("document.querySelector('#bookmark').click()")?;
    visit.wait("document.querySelectorAll('#bookmarks img').length === 1")?;
    visit.eval("document.querySelector('#surprise').click()")?;
    visit.wait("window.millefeuille.state().view.c_re !== '-0.8'")?;
    visit.wait(DRAWN)?;
    visit.eval("document.querySelector('#bookmarks .preset').click()")?;
    let link = "window.millefeuille.state().view.c_im === '0.156' && window.millefeuille.state().palette.offset === 0.25";
    visit.wait(link)?;
    visit.wait(DRAWN)?;
    ensure!(visit.browser.complaints(visit.page)?.is_empty());
    Ok(())
}
