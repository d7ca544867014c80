//! The page for everybody: no fault that axe knows in any state, and the whole path by keyboard.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{Browser, Engine, Page, Server};

use crate::alone_on_this_machine;

/// What axe says of the page as it is: rule and place of each violation.
const VIOLATIONS: &str = "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',
    'wcag22aa', 'best-practice'] }).then(({ violations }) => violations.map(({ id, nodes }) =>
        `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' ')}`))";

fn check(browser: &mut Browser, page: Page, state: &str) -> Result<()> {
    browser.judge(page)?;
    let violations = browser.eval(page, VIOLATIONS)?;
    ensure!(violations == json!([]), "{state}: {violations}");
    let fits = "document.documentElement.scrollWidth <= window.innerWidth";
    ensure!(browser.eval(page, fits)? == true, "{state}: it scrolls sideways");
    Ok(())
}

#[test]
fn axe_finds_nothing_in_any_state() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&server.url)?;
    let (wide, narrow) = ((1440, 900), (320, 700));
    check(&mut browser, page, "first load")?;
    browser.look(page, narrow, true)?;
    check(&mut browser, page, "first load, dark, 320 px")?;
    browser.click(page, "[data-privacy]")?;
    browser.wait(page, "document.querySelector('#privacy').open")?;
    check(&mut browser, page, "what is kept")?;
    browser.press(page, "Escape")?;
    browser.click(page, "#look")?;
    browser.wait(page, "document.querySelector('#presets').childElementCount > 3")?;
    check(&mut browser, page, "looking, 320 px")?;
    let write = |text: &str| {
        format!(
            "(() => {{ const field = document.querySelector('#field-re'); field.value = '{text}';
                field.dispatchEvent(new Event('change')); }})()"
        )
    };
    browser.eval(page, &write("nowhere"))?;
    browser.wait(page, "document.querySelector('#view-complaint').textContent")?;
    check(&mut browser, page, "an error")?;
    browser.eval(page, &write("-0.5"))?;
    browser.look(page, wide, true)?;
    browser.click(page, "#start-again")?;
    check(&mut browser, page, "consent after looking")?;
    browser.click(page, "#consent-yes")?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    browser.eval(page, "window.millefeuille.launch({width: 512, height: 512})")?;
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    browser.wait(page, "document.querySelector('#directory-list li')")?;
    browser.eval(
        page,
        "document.querySelectorAll('details').forEach((one) => { one.open = true; })",
    )?;
    browser.eval(page, "window.millefeuille.pause(60000)")?;
    check(&mut browser, page, "a job and a pause, dark")?;
    browser.look(page, narrow, false)?;
    check(&mut browser, page, "a job and a pause, 320 px")?;
    browser.click(page, "#share-job")?;
    check(&mut browser, page, "sharing")?;
    Ok(())
}

#[test]
fn the_whole_path_works_by_keyboard() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&server.url)?;
    let focused = "document.activeElement.id || document.activeElement.className";
    browser.press(page, "Tab")?;
    ensure!(browser.eval(page, focused)? == "skip", "the first stop is not the way past the bar");
    let tab_to = |browser: &mut Browser, id: &str| -> Result<()> {
        for _ in 0..80 {
            if browser.eval(page, focused)? == id {
                let ring = "parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2";
                ensure!(browser.eval(page, ring)? == true, "the focus on #{id} is not seen");
                return Ok(());
            }
            browser.press(page, "Tab")?;
        }
        anyhow::bail!("#{id} is not reached by Tab")
    };
    tab_to(&mut browser, "start")?;
    browser.press(page, "Enter")?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    tab_to(&mut browser, "explorer")?;
    let view = browser.eval(page, "document.querySelector('#field-zoom').value")?;
    browser.press(page, "+")?;
    browser.wait(page, &format!("document.querySelector('#field-zoom').value !== {view}"))?;
    tab_to(&mut browser, "launch")?;
    browser.press(page, "Enter")?;
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    tab_to(&mut browser, "share-job")?;
    browser.press(page, "Enter")?;
    browser.wait(page, "document.querySelector('#share').open")?;
    browser.press(page, "Escape")?;
    browser.wait(page, "!document.querySelector('#share').open")?;
    ensure!(browser.eval(page, focused)? == "share-job", "the focus did not come back");
    Ok(())
}
