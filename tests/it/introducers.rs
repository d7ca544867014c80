//! Two servers of one network: peers that came by either are one ring, and one server that dies for
//! ever is missed by nobody.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::{Browser, Engine, GENTLY, Peer, Picture, Scratch, Server, assert_same, render_at};

use crate::alone_on_this_machine;
use crate::scene::{SEAHORSE, open_gentle_tab};

/// Waits until a peer is linked to another.
fn wait_for_link(peer: &Peer, other: &str) -> Result<()> {
    let is_it = |line: &Value| line["event"] == "linked" && line["peer"] == other;
    peer.process.lines.wait("a link to whoever came by the other server", is_it)?;
    Ok(())
}

#[test]
fn peers_of_two_servers_are_one_ring_and_one_server_may_die_for_ever() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("introducers")?;
    let [first, second] = Server::start_companions(&scratch.file(""))?;

    // Each may found a ring of its own, since nobody is there.
    let peers = Peer::start_each(&[&first, &second], &GENTLY)?;
    let [left, right] = &peers[..] else { anyhow::bail!("two peers were started") };
    wait_for_link(left, &right.id)?;
    wait_for_link(right, &left.id)?;

    // A peer that was there once knows where else to go.
    let directory = scratch.file("peer");
    let kept = ["--data-dir", directory.to_str().context("a plain path")?];
    let mut guest = Peer::start_at(&[&first.url], &[&GENTLY[..], &kept].concat())?;
    guest.process.signal("TERM")?;
    ensure!(guest.process.wait()? == 0);
    // A tab of the first server's page.
    let mut browser = Browser::start(Engine::Chromium)?;
    let tab = open_gentle_tab(&mut browser, &first)?;
    browser.wait(tab, "window.millefeuille.state().members?.length === 3")?;

    let dead = first.url.clone();
    first.process.signal("KILL")?;
    drop(first);
    let again = Peer::start_at(&[&dead], &[&GENTLY[..], &kept].concat())?;
    ensure!(again.id == guest.id, "{} was {}", again.id, guest.id);
    let servers = [dead.as_str(), &second.url];
    let file = scratch.file("rendered.png");
    let mut process = render_at(&servers, &SEAHORSE.arguments_with(&GENTLY), &file)?;
    let report = process.lines.document()?;
    ensure!(process.wait()? == 0, "{report}");
    assert_same(&Picture::read(&file)?, &SEAHORSE.expected(&scratch)?)?;
    let by = report["peers"].as_array().context("peers")?;
    let worked = |id: &str| by.iter().any(|peer| peer["id"] == id && peer["tiles"] != 0);
    ensure!(worked(&left.id) && worked(&right.id), "both came to help: {report}");

    let server = browser.eval(tab, "window.millefeuille.state().server.state")?;
    ensure!(server == "connected", "one server answers: {server}");
    // A tab of the other's page meets the same ring, with the renderer gone.
    let late = open_gentle_tab(&mut browser, &second)?;
    browser.wait(late, "window.millefeuille.state().members?.length === 5")?;
    let there = second.metric("millefeuille_peers")?;
    ensure!((there - 5.0).abs() < 0.5, "all are with the server that is left: {there}");
    let unreachable = |line: &Value| line["event"] == "server_unreachable";
    for peer in &peers {
        ensure!(!peer.process.lines.drain().iter().any(unreachable), "{}", peer.id);
    }
    Ok(())
}
