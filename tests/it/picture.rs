//! One picture, by tabs and native peers together, also when peers or the server vanish.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::{Browser, Engine, GENTLY, Peer, Picture, Scratch, Server, assert_same, render};

use crate::alone_on_this_machine;
use crate::scene::{
    DEEP, DEEP_TILES, SEAHORSE, download, job, launch, open_gentle_tab, open_tab, wait_for_tiles,
};

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
    let _peers = [Peer::start(&server, &GENTLY)?, Peer::start(&server, &GENTLY)?];
    let mut browser = Browser::start(Engine::Chromium)?;
    let first = open_gentle_tab(&mut browser, &server)?;
    let second = open_gentle_tab(&mut browser, &server)?;

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
    let _peer = Peer::start(&server, &GENTLY)?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let tabs = [open_gentle_tab(&mut browser, &server)?, open_gentle_tab(&mut browser, &server)?];

    let file = scratch.file("rendered.png");
    let mut process = render(&server, &SEAHORSE.arguments_with(&GENTLY), &file)?;
    let report = process.lines.document()?;
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

    // Closing a tab takes a while.
    launch(&mut browser, first, &DEEP)?;
    wait_for_tiles(&mut browser, first, 3)?;
    victim.process.signal("KILL")?;
    browser.close(second)?;
    let done = job(&mut browser, first)?["done"].as_u64().context("done")?;
    ensure!(done < DEEP_TILES.into(), "the job was over before anybody vanished");

    assert_same(&download(&mut browser, first)?, &DEEP.expected(&scratch)?)
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

    launch(&mut browser, tab, &DEEP)?;
    wait_for_tiles(&mut browser, tab, 8)?;
    let (address, url) = (server.address.clone(), server.url.clone());
    server.process.signal("KILL")?;
    drop(server);
    let done = job(&mut browser, tab)?["done"].as_u64().context("done")?;
    ensure!(done < DEEP_TILES.into(), "the job was over before the server died");
    assert_same(&download(&mut browser, tab)?, &DEEP.expected(&scratch)?)?;

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
    let _peer = Peer::start(&server, &GENTLY)?;
    let mut chromium = Browser::start(Engine::Chromium)?;
    let mut firefox = Browser::start(Engine::Firefox)?;
    let first = open_gentle_tab(&mut chromium, &server)?;
    let second = open_gentle_tab(&mut firefox, &server)?;

    launch(&mut firefox, second, &SEAHORSE)?;
    let picture = download(&mut firefox, second)?;
    everyone_computed(&job(&mut firefox, second)?["by"], 3)?;
    let expected = SEAHORSE.expected(&scratch)?;
    assert_same(&picture, &expected)?;
    assert_same(&download(&mut chromium, first)?, &expected)
}
