//! The page as a visitor meets it.

use anyhow::{Context as _, Result, ensure};
use tests::{Browser, Engine, Scratch, Server};

use crate::alone_on_this_machine;

/// Counts what a page constructs before the visitor agreed to anything.
const COUNT_CONNECTIONS: &str = "window.constructed = 0;
    for (const name of ['RTCPeerConnection', 'WebSocket', 'Worker']) {
        const Original = window[name];
        window[name] = class extends Original {
            constructor(...arguments_) { window.constructed++; super(...arguments_); }
        };
    }";

#[test]
fn nothing_computes_and_nothing_connects_before_start() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open_after(&server.url, COUNT_CONNECTIONS)?;
    browser.wait(page, "document.readyState === 'complete'")?;
    ensure!(browser.eval(page, "window.constructed")? == 0);
    ensure!(browser.workers(page)? == 0);
    let logins = server.metric("millefeuille_logins_total")?;
    ensure!(logins == 0.0, "{logins} logins");
    for url in browser.requests(page)? {
        ensure!(url.starts_with(&server.url) || url.starts_with("data:"), "a request to {url}");
    }
    Ok(())
}

#[test]
fn just_looking_stays_on_this_machine() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open_after(&server.url, COUNT_CONNECTIONS)?;
    browser.click(page, "#look")?;
    browser.eval(
        page,
        "window.millefeuille.launch({formula: 'mandelbrot', re: '-0.5', im: '0', zoom: '1',
            c_re: '0', c_im: '0', max_iter: 500, width: 640, height: 480})",
    )?;
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    ensure!(server.metric("millefeuille_logins_total")? == 0.0, "it connected");
    ensure!(browser.complaints(page)?.is_empty());
    Ok(())
}

#[test]
fn a_second_launch_ends_the_first() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&server.url)?;
    browser.eval(page, "window.millefeuille.look()")?;
    for side in [4096, 256] {
        let view = format!("{{max_iter: 2000, width: {side}, height: {side}}}");
        browser.eval(page, &format!("window.millefeuille.launch({view})"))?;
    }
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    let states = browser.eval(page, "window.millefeuille.state().jobs.map((job) => job.state)")?;
    ensure!(states == serde_json::json!(["cancelled", "finished"]), "{states}");
    Ok(())
}

#[test]
fn a_launch_is_answered_though_the_peer_broke_down() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let keep = "window.Worker = class extends Worker {
        constructor(url, options) {
            super(url, options);
            if (String(url).includes('node-worker')) window.peerWorker = this;
        }
    };";
    let page = browser.open_after(&server.url, keep)?;
    browser.eval(page, "window.millefeuille.look()")?;
    let said = browser.eval(
        page,
        "(async () => {
            const said = () => window.millefeuille.launch({width: 256, height: 256})
                .then(() => 'begun', (error) => error.message);
            const early = said();
            await new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
            window.peerWorker.dispatchEvent(new ErrorEvent('error', {message: 'a test'}));
            await early;
            return said();
        })()",
    )?;
    ensure!(said.as_str().is_some_and(|said| said.contains("broke down")), "{said}");
    // Another start has another worker, and names that were not used before.
    browser.eval(page, "window.millefeuille.start({cores: 1})")?;
    browser.eval(page, "window.millefeuille.launch({width: 256, height: 256})")?;
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    Ok(())
}

#[test]
fn absurd_jobs_are_refused_with_the_reason() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&server.url)?;
    browser.eval(page, "window.millefeuille.look()")?;
    let sane = [
        ("formula", "'mandelbrot'"),
        ("re", "'0'"),
        ("im", "'0'"),
        ("zoom", "'1'"),
        ("c_re", "'0'"),
        ("c_im", "'0'"),
        ("max_iter", "100"),
        ("width", "256"),
        ("height", "256"),
    ];
    let absurd = [
        ("width", "0"),
        ("height", "1e9"),
        ("max_iter", "2 ** 40"),
        ("re", "'NaN'"),
        ("zoom", "'1e5000'"),
        ("im", "'9'.repeat(10000)"),
    ];
    for (field, value) in absurd {
        let fields: Vec<String> = sane
            .iter()
            .map(|(name, usual)| format!("{name}: {}", if *name == field { value } else { usual }))
            .collect();
        let reason = browser.eval(
            page,
            &format!(
                "(async () => {{ try {{ await window.millefeuille.launch({{{}}}); return null; }}
                    catch (error) {{ return String(error.message ?? error); }} }})()",
                fields.join(", ")
            ),
        )?;
        let reason = reason.as_str().with_context(|| format!("{field}: {value} was taken"))?;
        ensure!(reason.len() > 8, "{field}: {reason:?} says nothing");
    }
    Ok(())
}

#[test]
fn without_a_server_the_tab_works_alone_and_says_so() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&server.url)?;
    // The explorer loads its modules; then the server is gone.
    browser.eval(page, "window.millefeuille.look()")?;
    browser.eval(
        page,
        "window.millefeuille.launch({formula: 'mandelbrot', re: '-0.5', im: '0', zoom: '1',
            c_re: '0', c_im: '0', max_iter: 100, width: 256, height: 256})",
    )?;
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    server.process.signal("KILL")?;
    drop(server);
    browser.eval(page, "void window.millefeuille.start({cores: 1})")?;
    browser.wait(page, "window.millefeuille.state().server?.state === 'unreachable'")?;
    browser.wait(page, "/server/i.test(document.querySelector('#status').textContent)")?;
    browser.eval(
        page,
        "window.millefeuille.launch({formula: 'julia', re: '0', im: '0', zoom: '1',
            c_re: '-0.8', c_im: '0.156', max_iter: 500, width: 640, height: 480})",
    )?;
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    Ok(())
}

#[test]
fn what_is_missing_is_said_plainly() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    for (script, word) in [
        ("delete window.RTCPeerConnection;", "WebRTC"),
        ("delete window.WebAssembly;", "WebAssembly"),
    ] {
        let page = browser.open_after(&server.url, script)?;
        let said = format!(
            "[...document.querySelectorAll('[role=alert]')]
                .some((one) => !one.hidden && one.textContent.includes('{word}'))"
        );
        browser.wait(page, &said).with_context(|| word)?;
    }
    Ok(())
}

#[test]
fn it_holds_together_in_every_size_and_colour() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("looks")?;
    let server = Server::start()?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = browser.open(&server.url)?;
    browser.eval(page, "window.millefeuille.look()")?;
    for (size, dark) in [((1440, 900), false), ((1440, 900), true), ((320, 700), true)] {
        let file = scratch.file("page.png");
        browser.screenshot(page, &file, size, dark)?;
        ensure!(std::fs::metadata(&file)?.len() > 10_000, "an empty page");
        let fits = "document.documentElement.scrollWidth <= window.innerWidth";
        ensure!(browser.eval(page, fits)? == true, "scrolls sideways at {size:?}");
    }
    Ok(())
}
