//! The page for everybody: no fault that axe knows in any state, the whole path by keyboard, every size,
//! theme and contrast, without motion, and in words.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tests::Engine;

use crate::room::{Room, Tab, visits};

visits! {
    both: ;
    chromium: axe_finds_nothing_in_any_state, the_whole_path_works_by_keyboard,
        nothing_scrolls_sideways_and_everything_is_large_enough_to_hit,
        the_theme_follows_the_system_until_one_is_chosen, nothing_moves_where_motion_is_unwanted,
        everything_is_said_in_words, forced_colours_leave_everything_legible;
}

/// What axe says of the page as it is: rule and place of each violation.
const VIOLATIONS: &str = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',
    'wcag22aa', 'best-practice'] }).then(({ violations }) => violations.map(({ id, nodes }) =>
        `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`))";

const FITS: &str = "document.documentElement.scrollWidth <= window.innerWidth";

impl Tab<'_> {
    fn judge(&mut self, state: &str) -> Result<()> {
        self.browser.judge(self.page)?;
        let violations = self.eval(VIOLATIONS)?;
        ensure!(violations == json!([]), "{state}: {violations}");
        self.expect(FITS).with_context(|| format!("{state}: it scrolls sideways"))
    }

    fn look(&mut self, size: (u32, u32), dark: bool) -> Result<()> {
        self.browser.look(self.page, size, dark)
    }

    /// What the system asks of pages, as media features. Chromium only.
    fn media(&mut self, features: &[(&str, &str)]) -> Result<()> {
        let features: Vec<Value> =
            features.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let parameters = json!({ "features": features });
        self.browser.protocol(self.page, "Emulation.setEmulatedMedia", &parameters).map(drop)
    }
}

fn axe_finds_nothing_in_any_state(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    let (wide, narrow) = ((1440, 900), (320, 700));
    tab.judge("first load")?;
    tab.look(narrow, true)?;
    tab.judge("first load, dark, 320 px")?;
    tab.click("[data-privacy]")?;
    tab.wait("document.querySelector('#privacy').open")?;
    tab.judge("what is kept")?;
    tab.press("Escape")?;
    tab.click("#look")?;
    tab.wait("document.querySelector('#presets').childElementCount > 3")?;
    tab.judge("looking, 320 px")?;
    let write = |text: &str| {
        format!(
            "(() => {{ const field = document.querySelector('#field-re'); field.value = '{text}';
                field.dispatchEvent(new Event('change')); }})()"
        )
    };
    tab.eval(&write("nowhere"))?;
    tab.wait("document.querySelector('#view-complaint').textContent")?;
    tab.judge("an error")?;
    tab.eval(&write("-0.5"))?;
    tab.look(wide, true)?;
    tab.click("#start-again")?;
    tab.judge("consent after looking")?;
    tab.click("#consent-yes")?;
    tab.wait("window.millefeuille.state().ready")?;
    tab.eval("window.millefeuille.launch({max_iter: 1000, width: 3000, height: 3000})")?;
    tab.wait("window.millefeuille.state().job?.done > 0")?;
    tab.judge("a job under way")?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    tab.wait("document.querySelector('#directory-list li')")?;
    tab.eval("document.querySelectorAll('details').forEach((one) => { one.open = true; })")?;
    tab.eval("window.millefeuille.pause(60000)")?;
    tab.judge("a job and a pause, dark")?;
    tab.look(narrow, false)?;
    tab.judge("a job and a pause, 320 px")?;
    tab.click("#share-job")?;
    tab.judge("sharing")?;
    if tab.engine == Engine::Chromium {
        tab.press("Escape")?;
        tab.media(&[("forced-colors", "active"), ("prefers-reduced-motion", "reduce")])?;
        // What is chosen is seen without colours of our own.
        tab.expect(
            "getComputedStyle(document.querySelector('#mode-picture')).outlineStyle !== 'none'
            || getComputedStyle(document.querySelector('#mode-picture')).backgroundColor
                !== getComputedStyle(document.querySelector('#mode-explore')).backgroundColor",
        )?;
    }
    Ok(())
}

/// Colours that a system forces upon pages: axe finds nothing, and what is filled in part has an edge.
fn forced_colours_leave_everything_legible(room: &mut Room) -> Result<()> {
    for scheme in ["light", "dark"] {
        let mut tab = room.open("")?;
        tab.media(&[("forced-colors", "active"), ("prefers-color-scheme", scheme)])?;
        let judge = |tab: &mut Tab<'_>, state: &str| tab.judge(&format!("{scheme}, {state}"));
        judge(&mut tab, "first view")?;
        tab.click("#look")?;
        tab.wait("document.querySelector('#presets').childElementCount > 3")?;
        judge(&mut tab, "looking")?;
        tab.click("#start-again")?;
        judge(&mut tab, "consent")?;
        tab.click("#consent-yes")?;
        tab.wait("window.millefeuille.state().ready")?;
        tab.eval("window.millefeuille.launch({max_iter: 500, width: 512, height: 512})")?;
        tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
        tab.eval("window.millefeuille.pause(60000)")?;
        tab.wait("document.querySelector('#job-workers .bar')")?;
        judge(&mut tab, "a job and a pause")?;
        for (part, style) in
            [("#job-progress", "borderTopWidth"), (".workers .bar", "borderTopWidth")]
        {
            tab.expect(&format!(
                "getComputedStyle(document.querySelector('{part}')).{style} !== '0px'"
            ))?;
        }
        tab.wait("!document.querySelector('#share-job').hidden")?;
        tab.click("#share-job")?;
        judge(&mut tab, "sharing")?;
    }
    Ok(())
}

const FOCUSED: &str = "document.activeElement.id || document.activeElement.className";

/// Presses Tab until an element has the focus, and looks whether that is seen.
fn tab_to(tab: &mut Tab<'_>, id: &str) -> Result<()> {
    for _ in 0..120 {
        if tab.eval(FOCUSED)? == id {
            return tab
                .expect("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2")
                .with_context(|| format!("the focus on #{id} is not seen"));
        }
        tab.press("Tab")?;
    }
    bail!("#{id} is not reached by Tab")
}

fn the_whole_path_works_by_keyboard(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    tab.press("Tab")?;
    ensure!(tab.eval(FOCUSED)? == "skip", "the first stop is not the way past the bar");
    tab_to(&mut tab, "start")?;
    tab.press("Enter")?;
    tab.wait("window.millefeuille.state().ready")?;
    tab_to(&mut tab, "explorer")?;
    let view = tab.eval("document.querySelector('#field-zoom').value")?;
    tab.press("+")?;
    tab.wait(&format!("document.querySelector('#field-zoom').value !== {view}"))?;
    tab_to(&mut tab, "launch")?;
    tab.press("Enter")?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    // A sheet takes the focus, keeps it, and gives it back.
    tab_to(&mut tab, "share-job")?;
    tab.press("Enter")?;
    tab.wait("document.querySelector('#share').open")?;
    for _ in 0..4 {
        tab.press("Tab")?;
        tab.expect(
            "document.querySelector('#share').contains(document.activeElement)
            || document.activeElement === document.body",
        )?;
    }
    tab.press("Escape")?;
    tab.wait("!document.querySelector('#share').open")?;
    ensure!(tab.eval(FOCUSED)? == "share-job", "the focus did not come back");
    // On to the end of the page and round again: nothing holds the focus.
    tab_to(&mut tab, "log")?;
    tab_to(&mut tab, "download")?;
    tab.press("Enter")?;
    let (name, bytes) = tab.browser.downloaded()?;
    ensure!(name.ends_with("_1920x1080.png") && bytes.starts_with(b"\x89PNG"), "{name}");
    tab_to(&mut tab, "stop")?;
    tab.press("Enter")?;
    tab.wait("window.millefeuille.state().status === 'looking'").map(drop)
}

fn nothing_scrolls_sideways_and_everything_is_large_enough_to_hit(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    // In the page's own pixels: a phone, 200 % and 400 % of 1280 × 1024, and a screen.
    let sizes = [(320, 640), (320, 256), (640, 512), (768, 1024), (1440, 900)];
    for size in sizes {
        tab.look(size, false)?;
        tab.expect(FITS).with_context(|| format!("the cover at {size:?}"))?;
    }
    tab.donate()?;
    tab.eval("window.millefeuille.launch({max_iter: 100, width: 512, height: 512})")?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    tab.wait("document.querySelector('#directory-list li')")?;
    tab.eval("document.querySelectorAll('details').forEach((one) => { one.open = true; })")?;
    for size in sizes {
        tab.look(size, false)?;
        tab.expect(FITS).with_context(|| format!("the desk at {size:?}"))?;
        let small = tab.eval(
            "[...document.querySelectorAll('button, input, select, summary, a[href]')].filter((one) => {
                // A check box or a range is hit on its label too; words in a sentence are exempt.
                const target = one.closest('label') ?? one;
                const { width, height } = target.getBoundingClientRect();
                const least = one.matches('.choice, #launch, #download, #stop, #start-again, #pause') ? 44 : 24;
                return width && one.checkVisibility() && !one.matches('.link, .skip') && (width < least || height < least);
            }).map((one) => `${one.outerHTML.slice(0, 90)} ${one.getBoundingClientRect().width} × ${one.getBoundingClientRect().height}`)",
        )?;
        ensure!(small == json!([]), "too small at {size:?}: {small}");
    }
    Ok(())
}

fn the_theme_follows_the_system_until_one_is_chosen(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    let dark =
        "(() => { const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\\d+/g);
        return r * 1 + g * 1 + b * 1 < 200; })()";
    let size = (1200, 800);
    tab.look(size, true)?;
    tab.expect(dark)?;
    tab.wait("document.querySelector('#theme').getAttribute('aria-pressed') === 'true'")?;
    tab.look(size, false)?;
    tab.expect(&format!("!{dark}"))?;
    tab.wait("document.querySelector('#theme').getAttribute('aria-pressed') === 'false'")?;
    tab.click("#theme")?;
    tab.expect(dark)?;
    tab.judge("dark by choice, light by the system")?;
    tab.browser.reload(tab.page)?;
    tab.expect(dark).context("the choice was forgotten")?;
    tab.look(size, true)?;
    tab.click("#theme")?;
    tab.expect(&format!("!{dark}"))?;
    tab.judge("light by choice, dark by the system")
}

fn nothing_moves_where_motion_is_unwanted(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    let moving =
        "document.getAnimations().filter(({ playState }) => playState === 'running').length";
    tab.media(&[("prefers-reduced-motion", "reduce")])?;
    tab.donate()?;
    // One press, one view: no flight.
    let views = tab.eval(
        "new Promise((resolve) => {
            const views = new Set();
            const note = () => views.add(window.millefeuille.state().view.zoom);
            document.querySelector('#zoom-in').click();
            note();
            let frames = 30;
            requestAnimationFrame(function frame() { note(); if (frames--) requestAnimationFrame(frame); else resolve(views.size); });
        })",
    )?;
    ensure!(views == 1, "{views} views of one press");
    tab.eval("window.millefeuille.launch({max_iter: 500, width: 1024, height: 768})")?;
    tab.wait("window.millefeuille.state().job?.done > 0")?;
    tab.expect(&format!("{moving} === 0"))?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    tab.expect(&format!("{moving} === 0"))?;
    // Colours wander by a visitor's wish only, and the same button ends it.
    tab.click("#mode-explore")?;
    let offset = "window.millefeuille.state().palette.offset";
    tab.expect("document.querySelector('#cycle').getAttribute('aria-pressed') === 'false'")?;
    tab.click("#cycle")?;
    let before = tab.number(offset)?;
    tab.wait(&format!("{offset} !== {before}"))?;
    tab.click("#cycle")?;
    tab.expect(
        "new Promise((resolve) => requestAnimationFrame(() => {
            const before = window.millefeuille.state().palette.offset;
            requestAnimationFrame(() => requestAnimationFrame(() =>
                resolve(window.millefeuille.state().palette.offset === before)));
        }))",
    )
}

fn everything_is_said_in_words(room: &mut Room) -> Result<()> {
    let mut tab = room.open("#v=1&f=mandelbrot&re=-0.5&im=0.25&z=1000&i=100&p=ember")?;
    tab.donate()?;
    tab.eval("document.querySelectorAll('details').forEach((one) => { one.open = true; })")?;
    tab.wait("document.querySelector('#view-spoken').textContent.includes('100 percent drawn')")?;
    let tree = tab.browser.protocol(tab.page, "Accessibility.getFullAXTree", &json!({}))?;
    let nodes = tree["nodes"].as_array().context("a tree")?;
    let named = |role: &str| -> Vec<&str> {
        let of_role =
            nodes.iter().filter(|node| node["role"]["value"] == role && node["ignored"] == false);
        of_role.filter_map(|node| node["name"]["value"].as_str()).collect()
    };
    let has = |role: &str, name: &str| {
        let names = named(role);
        ensure!(names.iter().any(|each| each.contains(name)), "no {role} {name:?} in {names:?}");
        Ok(())
    };
    has("image", "Mandelbrot set around -0.5, 0.25 i, magnified 1,000 times")?;
    has("image", "Peers by identifier on a circle; the table below says the same")?;
    for column in ["Peer", "Place", "Reached", "Tiles"] {
        has("columnheader", column)?;
    }
    for heading in
        ["Places", "View", "Render this view", "This tab", "The network", "What happened"]
    {
        has("heading", heading)?;
    }
    for region in ["Picture", "Places", "The network"] {
        has("region", region)?;
    }
    has("slider", "Cores")?;
    has("button", "Zoom in")?;
    let nameless: Vec<&Value> = nodes
        .iter()
        .filter(|node| {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            node["ignored"] == false
                && [
                    "button",
                    "link",
                    "slider",
                    "checkbox",
                    "radio",
                    "textbox",
                    "combobox",
                    "spinbutton",
                    "image",
                    "progressbar",
                    "dialog",
                ]
                .contains(&role)
                && node["name"]["value"].as_str().is_none_or(str::is_empty)
        })
        .collect();
    ensure!(nameless.is_empty(), "without a name: {nameless:?}");
    Ok(())
}
