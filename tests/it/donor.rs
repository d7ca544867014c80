//! What a visitor who lends cores controls: consent, pauses, policies, what is remembered, what is kept.

use anyhow::{Result, ensure};
use serde_json::json;
use tests::{Browser, Engine, Page, Server};

use crate::alone_on_this_machine;
use crate::scene::{SEAHORSE, View, launch};

/// A battery that a test can plug in and out.
const BATTERY: &str = "window.battery = Object.assign(new EventTarget(), {
        charging: true, level: 0.5,
        plug(charging) { this.charging = charging; this.dispatchEvent(new Event('chargingchange')); },
    });
    navigator.getBattery = async () => window.battery;";

fn state(browser: &mut Browser, page: Page, what: &str) -> Result<serde_json::Value> {
    browser.eval(page, &format!("window.millefeuille.state().{what}"))
}

#[test]
fn a_pause_stops_all_work_and_policies_pause_with_their_reason() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open_after(&server.url, BATTERY)?;
    browser.click(page, "#start")?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    launch(&mut browser, page, &SEAHORSE)?;
    browser.wait(page, "window.millefeuille.state().contributed > 0")?;

    // By its visitor. What is computed from now on is only what this page looks at.
    browser.click(page, "#pause")?;
    browser.wait(page, "window.millefeuille.state().busy === 0")?;
    ensure!(state(&mut browser, page, "paused")? == true);
    let before = state(&mut browser, page, "contributed")?;
    browser.eval(
        page,
        "new Promise((done) => window.millefeuille.addEventListener('change', done))",
    )?;
    ensure!(state(&mut browser, page, "contributed")? == before, "a tile was computed in a pause");
    browser.click(page, "#pause")?;
    browser.wait(page, &format!("window.millefeuille.state().contributed > {before}"))?;

    // By itself, with a reason, and overruled.
    browser.eval(page, "window.battery.plug(false)")?;
    browser.wait(page, "window.millefeuille.state().paused")?;
    browser
        .wait(page, "document.querySelector('#why-text').textContent === 'Paused on battery.'")?;
    browser.click(page, "#overrule")?;
    browser.wait(page, "!window.millefeuille.state().paused")?;
    browser.eval(page, "window.battery.plug(true)")?;
    browser.eval(page, "window.battery.plug(false)")?;
    browser.wait(page, "window.millefeuille.state().paused")?;
    browser.eval(page, "window.battery.plug(true)")?;
    browser.wait(page, "!window.millefeuille.state().paused")?;

    // How much, at once.
    browser.eval(page, "window.millefeuille.donate({cores: 1, intensity: 25})")?;
    browser.wait(page, "window.millefeuille.state().workers === 1")?;
    ensure!(state(&mut browser, page, "intensity")? == 25);
    ensure!(browser.complaints(page)?.is_empty(), "{:?}", browser.complaints(page)?);
    Ok(())
}

#[test]
fn a_tab_finishes_what_is_in_hand_before_it_leaves() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&server.url)?;
    browser.eval(page, "window.millefeuille.start({cores: 1})")?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    launch(&mut browser, page, &SEAHORSE)?;
    browser.wait(
        page,
        "window.millefeuille.state().contributed > 0 && window.millefeuille.state().busy",
    )?;
    browser.eval(page, "window.millefeuille.stop({finish: true})")?;
    browser.wait(page, "window.millefeuille.state().status === 'looking'")?;
    let log = browser.eval(page, "document.querySelector('#log').textContent")?;
    ensure!(log.as_str().is_some_and(|log| log.contains("said goodbye")), "{log}");
    let job = state(&mut browser, page, "job")?;
    ensure!(job["done"].as_u64() < job["total"].as_u64(), "the whole picture was in hand: {job}");
    Ok(())
}

#[test]
fn a_reload_asks_again_unless_told_otherwise_and_computes_nothing_twice() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&server.url)?;
    let status = "window.millefeuille?.state().status";
    browser.click(page, "#start")?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    browser.reload(page)?;
    ensure!(browser.eval(page, status)? == "idle", "it went on by itself");

    browser.click(page, "#remember")?;
    browser.click(page, "#start")?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    browser.reload(page)?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    let dear = View { max_iter: 20_000, size: (1024, 512), ..SEAHORSE };
    launch(&mut browser, page, &dear)?;
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    // It is written in batches: all eight tiles of one picture are there.
    let kept = "new Promise((resolve) => { const request = indexedDB.open('millefeuille');
        request.onsuccess = () => {
            const names = request.result.transaction('uses').objectStore('uses').getAllKeys();
            names.onsuccess = () => {
                request.result.close();
                const pictures = names.result.map((name) => name.split(' ')[1]);
                resolve(pictures.some((one) => pictures.filter((other) => other === one).length === 8));
            };
        };
    })";
    browser.wait(page, kept)?;
    browser.reload(page)?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    launch(&mut browser, page, &dear)?;
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    let recalled = state(&mut browser, page, "recalled")?;
    ensure!(recalled.as_u64() >= Some(8), "tiles were computed twice: {recalled}");

    // A pause is a wish that a reload respects.
    browser.eval(page, "window.millefeuille.pause()")?;
    browser.reload(page)?;
    ensure!(browser.eval(page, status)? == "idle", "it went on after a pause");

    // Everything that was kept goes.
    browser.click(page, "[data-privacy]")?;
    browser.wait(page, "/tiles/.test(document.querySelector('#kept-tiles').textContent)")?;
    browser.click(page, "#erase")?;
    browser.wait(
        page,
        "document.readyState === 'complete' && !document.querySelector('#privacy').open",
    )?;
    let left = "(async () => [(await indexedDB.databases()).length, localStorage.length,
        sessionStorage.length, (await caches.keys()).length])()";
    ensure!(browser.eval(page, left)? == json!([0, 0, 0, 0]));
    Ok(())
}
