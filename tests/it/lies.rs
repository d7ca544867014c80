//! A peer whose tiles are wrong: caught, shown as caught, and the picture is right all the same.

use anyhow::{Context as _, Result, ensure};
use tests::{Browser, Engine, GENTLY, Peer, Picture, Scratch, Server, assert_same, render};

use crate::alone_on_this_machine;
use crate::scene::{SEAHORSE, download, launch, open_tab};

#[test]
fn a_native_owner_catches_a_liar() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("lies")?;
    let server = Server::start()?;
    let witness = Peer::start(&server, &GENTLY)?;
    let liar = Peer::lying(&server)?;
    let file = scratch.file("rendered.png");
    let mut process = render(&server, &SEAHORSE.arguments_with(&GENTLY), &file)?;
    let is_it = |line: &serde_json::Value| {
        line["event"] == "worker_barred" && line["worker"] == liar.id.as_str()
    };
    witness.process.lines.wait("the liar to be caught", is_it)?;
    let report = process.lines.document()?;
    ensure!(process.wait()? == 0, "{report}");
    let peers = report["peers"].as_array().context("peers")?;
    let its = peers.iter().filter(|peer| peer["id"] == liar.id.as_str());
    ensure!(its.clone().all(|peer| peer["tiles"] == 0), "{report}");
    ensure!(report["repaired"] == 0, "{report}");
    assert_same(&Picture::read(&file)?, &SEAHORSE.expected(&scratch)?)?;
    liar.process.lines.wait("the liar to know", is_it)?;
    Ok(())
}

#[test]
fn a_tab_catches_a_liar_and_says_so() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("lies-tab")?;
    let server = Server::start()?;
    let _peer = Peer::start(&server, &GENTLY)?;
    let liar = Peer::lying(&server)?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let tab = open_tab(&mut browser, &server)?;
    launch(&mut browser, tab, &SEAHORSE)?;
    browser.wait(tab, "document.body.textContent.includes('was caught with a wrong tile')")?;
    assert_same(&download(&mut browser, tab)?, &SEAHORSE.expected(&scratch)?)?;
    liar.process.lines.event("worker_barred")?;
    Ok(())
}
