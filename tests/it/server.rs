//! Peers without tabs: the ring heals and grows links while the server is gone, and says what is
//! wrong when there is none.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use tests::{GENTLY, Peer, Picture, Process, Scratch, Server, assert_same, render};

use crate::alone_on_this_machine;
use crate::scene::DEEP;

#[test]
fn peers_that_shared_no_link_build_one_without_the_server() -> Result<()> {
    let _machine = alone_on_this_machine();
    let server = Server::start()?;
    // Fourteen peers of at most eight links: nobody is linked to everybody.
    let arguments = ["--threads", "1", "--links", "8"];
    let mut peers = Vec::new();
    for _ in 0..14 {
        peers.push(Peer::start(&server, &arguments)?);
    }
    let mut linked = BTreeSet::new();
    for peer in &peers {
        for event in peer.process.lines.drain() {
            if let ("linked", Some(other)) =
                (event["event"].as_str().unwrap_or(""), event["peer"].as_str())
            {
                linked.insert((peer.id.clone(), other.to_owned()));
            }
        }
    }
    server.process.signal("KILL")?;
    drop(server);

    // A peer dies: its neighbours on the ring must link up with others to close the gap.
    let victim = peers.swap_remove(0);
    victim.process.signal("KILL")?;
    let mut fresh = None;
    for peer in &peers {
        peer.process.lines.wait("the death noticed", |event| {
            if event["event"] == "linked" {
                let other = event["peer"].as_str().unwrap_or_default().to_owned();
                if !linked.contains(&(peer.id.clone(), other.clone())) {
                    fresh = Some((peer.id.clone(), other));
                }
            }
            fresh.is_some() || event["event"] == "peer_gone" && event["peer"] == *victim.id
        })?;
        if fresh.is_some() {
            break;
        }
    }
    if fresh.is_none() {
        let peer = peers.first().context("other peers")?;
        let is_new = |event: &serde_json::Value| {
            let other = event["peer"].as_str().unwrap_or_default().to_owned();
            event["event"] == "linked" && !linked.contains(&(peer.id.clone(), other))
        };
        peer.process.lines.wait("a link to a peer it never had one to", is_new)?;
    }
    Ok(())
}

#[test]
fn a_peer_says_goodbye_and_hands_its_leases_back() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("goodbye")?;
    let server = Server::start()?;
    let witness = Peer::start(&server, &GENTLY)?;
    let mut leaver = Peer::start(&server, &GENTLY)?;
    let file = scratch.file("rendered.png");
    let mut process = render(&server, &DEEP.arguments_with(&GENTLY), &file)?;
    // Whoever has done one task has the next in its hands.
    let id = leaver.id.clone();
    let is_own = |event: &serde_json::Value| event["event"] == "task_done" && event["worker"] == id;
    leaver.process.lines.wait("a task of its own", is_own)?;
    leaver.process.signal("TERM")?;
    ensure!(leaver.process.wait()? == 0, "a graceful stop exits 0");
    let is_gone = |event: &serde_json::Value| event["event"] == "peer_gone" && event["peer"] == id;
    let gone = witness.process.lines.wait("the end of the leaver", is_gone)?;
    ensure!(gone["reason"] == "left", "{gone}");
    let report = process.lines.document()?;
    ensure!(process.wait()? == 0, "{report}");
    ensure!(report["reassigned"].as_u64() > Some(0) && report["repaired"] == 0, "{report}");
    assert_same(&Picture::read(&file)?, &DEEP.expected(&scratch)?)
}

#[test]
fn an_unreachable_server_ends_with_exit_code_4() -> Result<()> {
    let _machine = alone_on_this_machine();
    // A port that was free a moment ago and is closed again.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let binary = std::env::var_os("MILLEFEUILLE_BIN").context("run by `cargo xtask test`")?;
    let mut command = std::process::Command::new(binary);
    command.args(["peer", "--json", "--server", &format!("http://127.0.0.1:{port}/")]);
    let mut process = Process::start("peer", command)?;
    ensure!(process.wait()? == 4);
    Ok(())
}
