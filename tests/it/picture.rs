//! One picture, by tabs and native peers together, also when peers or the server vanish.

use anyhow::{Context as _, Result, ensure};
use data_encoding::BASE64;
use serde_json::{Value, json};
use tests::{Browser, Engine, Page, Peer, Picture, Scratch, Server, alone, assert_same, render};

use crate::alone_on_this_machine;

/// A view whose tiles are dear enough that four peers all get some: the seahorse valley.
struct View {
    re: &'static str,
    im: &'static str,
    zoom: &'static str,
    max_iter: u32,
    size: (u32, u32),
}

const SEAHORSE: View = View {
    re: "-0.743643887037158704752",
    im: "0.131825904205311970493",
    zoom: "1e10",
    max_iter: 100_000,
    size: (2048, 1536),
};

impl View {
    fn arguments(&self) -> Vec<String> {
        let (width, height) = self.size;
        let pairs = [
            ("--family", "mandelbrot".to_owned()),
            ("--re", self.re.to_owned()),
            ("--im", self.im.to_owned()),
            ("--zoom", self.zoom.to_owned()),
            ("--max-iter", self.max_iter.to_string()),
            ("--size", format!("{width}x{height}")),
            ("--palette", "ember".to_owned()),
        ];
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    fn for_page(&self) -> Value {
        json!({
            "formula": "mandelbrot", "re": self.re, "im": self.im, "zoom": self.zoom,
            "c_re": "0", "c_im": "0", "max_iter": self.max_iter,
            "width": self.size.0, "height": self.size.1, "palette": "ember",
        })
    }

    /// The picture as one process computes it.
    fn expected(&self, scratch: &Scratch) -> Result<Picture> {
        let file = scratch.file("alone.png");
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        alone(&arguments, &file)?;
        let picture = Picture::read(&file)?;
        ensure!(picture.colours() > 1_000, "a picture of nothing proves nothing");
        Ok(picture)
    }
}

/// A tab that takes part.
fn open_tab(browser: &mut Browser, server: &Server) -> Result<Page> {
    let page = browser.open(&server.url)?;
    browser.eval(page, "window.millefeuille.start({cores: 1})")?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    Ok(page)
}

fn launch(browser: &mut Browser, page: Page, view: &View) -> Result<()> {
    browser.eval(page, &format!("window.millefeuille.launch({})", view.for_page()))?;
    Ok(())
}

fn wait_for_tiles(browser: &mut Browser, page: Page, count: u32) -> Result<()> {
    let enough = format!("(window.millefeuille.state().job?.done ?? 0) >= {count}");
    browser.wait(page, &enough).map(drop)
}

fn job(browser: &mut Browser, page: Page) -> Result<Value> {
    browser.eval(page, "window.millefeuille.state().job")
}

fn download(browser: &mut Browser, page: Page) -> Result<Picture> {
    browser.wait(page, "window.millefeuille.state().job?.state === 'finished'")?;
    let text = browser.eval(
        page,
        "(async () => { const blob = await window.millefeuille.png();
            const bytes = new Uint8Array(await blob.arrayBuffer());
            let text = ''; for (let at = 0; at < bytes.length; at += 8192)
                text += String.fromCharCode(...bytes.subarray(at, at + 8192));
            return btoa(text); })()",
    )?;
    Picture::decode(&BASE64.decode(text.as_str().context("text")?.as_bytes())?)
}

fn everyone_computed(by: &Value, count: usize) -> Result<()> {
    let tiles: Vec<u64> =
        by.as_object().context("tiles by peer")?.values().filter_map(Value::as_u64).collect();
    ensure!(tiles.len() == count && tiles.iter().all(|n| *n > 0), "not everyone computed: {by}");
    Ok(())
}

#[test]
fn two_tabs_and_two_native_peers_render_a_picture_launched_from_a_tab() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("from-tab")?;
    let server = Server::start()?;
    let _peers =
        [Peer::start(&server, &["--threads", "1"])?, Peer::start(&server, &["--threads", "1"])?];
    let mut browser = Browser::start(Engine::Chromium)?;
    let first = open_tab(&mut browser, &server)?;
    let second = open_tab(&mut browser, &server)?;

    launch(&mut browser, first, &SEAHORSE)?;
    let picture = download(&mut browser, first)?;
    everyone_computed(&job(&mut browser, first)?["by"], 4)?;
    let expected = SEAHORSE.expected(&scratch)?;
    assert_same(&picture, &expected)?;
    // Every producer is a consumer: the tab that only helped has the picture too.
    assert_same(&download(&mut browser, second)?, &expected)?;

    // The server introduced, and carried nothing else.
    let bytes = server.metric("millefeuille_signal_bytes_total")?;
    ensure!(bytes > 0.0 && bytes < 4.0 * 65_536.0, "{bytes} bytes of signalling for four peers");
    for page in [first, second] {
        let complaints = browser.complaints(page)?;
        ensure!(complaints.is_empty(), "{complaints:?}");
    }
    Ok(())
}

#[test]
fn two_tabs_and_two_native_peers_render_a_picture_launched_natively() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("from-native")?;
    let server = Server::start()?;
    let _peer = Peer::start(&server, &["--threads", "1"])?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let tabs = [open_tab(&mut browser, &server)?, open_tab(&mut browser, &server)?];

    let file = scratch.file("rendered.png");
    let arguments = SEAHORSE.arguments();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend(["--threads", "1"]);
    let mut process = render(&server, &arguments, &file)?;
    let report = process.lines.next()?.context("a report")?;
    ensure!(process.wait()? == 0, "{report}");

    ensure!(report["repaired"] == 0, "{report}");
    let peers = report["peers"].as_array().context("peers")?;
    let tiles: u64 = peers.iter().filter_map(|peer| peer["tiles"].as_u64()).sum();
    ensure!(peers.len() == 4 && tiles == 48, "{report}");
    ensure!(peers.iter().all(|peer| peer["tiles"].as_u64() > Some(0)), "{report}");
    assert_same(&Picture::read(&file)?, &SEAHORSE.expected(&scratch)?)?;
    for tab in tabs {
        browser.wait(tab, "window.millefeuille.state().job?.done === 48")?;
    }
    Ok(())
}

#[test]
fn a_killed_peer_and_a_closed_tab_do_not_change_the_picture() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("vanish")?;
    let server = Server::start()?;
    let victim = Peer::start(&server, &["--threads", "1"])?;
    let _stays = Peer::start(&server, &["--threads", "1"])?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let first = open_tab(&mut browser, &server)?;
    let second = open_tab(&mut browser, &server)?;

    // Closing a tab takes a while: long enough a job that it is not over by then.
    let view = View { max_iter: 4 * SEAHORSE.max_iter, ..SEAHORSE };
    launch(&mut browser, first, &view)?;
    wait_for_tiles(&mut browser, first, 3)?;
    victim.process.signal("KILL")?;
    browser.close(second)?;
    let done = job(&mut browser, first)?["done"].as_u64().context("done")?;
    ensure!(done < 48, "the job was over before anybody vanished");

    assert_same(&download(&mut browser, first)?, &view.expected(&scratch)?)
}

#[test]
fn the_server_dies_mid_job_and_comes_back() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("no-server")?;
    let key = scratch.file("introducer.key");
    let server = Server::start_with("127.0.0.1:0", Some(&key))?;
    let peers =
        [Peer::start(&server, &["--threads", "1"])?, Peer::start(&server, &["--threads", "1"])?];
    let mut browser = Browser::start(Engine::Chromium)?;
    let tab = open_tab(&mut browser, &server)?;

    launch(&mut browser, tab, &SEAHORSE)?;
    wait_for_tiles(&mut browser, tab, 8)?;
    let (address, url) = (server.address.clone(), server.url.clone());
    server.process.signal("KILL")?;
    drop(server);
    let done = job(&mut browser, tab)?["done"].as_u64().context("done")?;
    ensure!(done < 48, "the job was over before the server died");
    assert_same(&download(&mut browser, tab)?, &SEAHORSE.expected(&scratch)?)?;

    // Back at the same address with the same key: a new tab joins the same ring.
    let server = Server::start_with(&address, Some(&key))?;
    ensure!(server.url == url, "{} is not {url}", server.url);
    let late = open_tab(&mut browser, &server)?;
    let everyone = "window.millefeuille.state().members?.length === 4";
    browser.wait(late, everyone)?;
    let members = browser.eval(late, "window.millefeuille.state().members")?;
    for peer in &peers {
        ensure!(
            members.as_array().is_some_and(|m| m.iter().any(|id| *id == *peer.id)),
            "{members}"
        );
    }
    Ok(())
}

#[test]
fn firefox_chromium_and_a_native_peer_work_on_one_job() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("firefox")?;
    let server = Server::start()?;
    let _peer = Peer::start(&server, &["--threads", "1"])?;
    let mut chromium = Browser::start(Engine::Chromium)?;
    let mut firefox = Browser::start(Engine::Firefox)?;
    let first = open_tab(&mut chromium, &server)?;
    let second = open_tab(&mut firefox, &server)?;

    launch(&mut firefox, second, &SEAHORSE)?;
    let picture = download(&mut firefox, second)?;
    everyone_computed(&job(&mut firefox, second)?["by"], 3)?;
    let expected = SEAHORSE.expected(&scratch)?;
    assert_same(&picture, &expected)?;
    assert_same(&download(&mut chromium, first)?, &expected)
}
