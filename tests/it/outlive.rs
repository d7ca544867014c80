//! A job that outlives everyone who was there when it began.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::{
    Browser, Engine, GENTLY, Peer, Picture, Scratch, Server, assert_same, detach, job_list, render,
    watch,
};

use crate::alone_on_this_machine;
use crate::scene::{DEEP, DEEP_TILES, SEAHORSE, View, launch, open_tab, wait_for_tiles};

fn peers(server: &Server, count: usize) -> Result<Vec<Peer>> {
    (0..count).map(|_| Peer::start(server, &GENTLY)).collect()
}

/// Waits until `peer` has seen so many tiles of a job, and returns the job's id.
fn wait_for_share(peer: &Peer, tiles: u32) -> Result<String> {
    let mut line = Value::Null;
    for _ in 0..tiles {
        line = peer.process.lines.event("task_done")?;
    }
    line["job"].as_str().map(str::to_owned).context("a task has a job")
}

/// Waits until `witness` hears of another owner, and returns its id.
fn next_owner(witness: &Peer) -> Result<String> {
    let line = witness.process.lines.event("owner_changed")?;
    line["owner"].as_str().map(str::to_owned).context("an owner has an id")
}

/// Follows the job from a peer that has seen nothing of it, and compares the picture.
fn watch_and_compare(server: &Server, job: &str, view: &View, scratch: &Scratch) -> Result<()> {
    let file = scratch.file("watched.png");
    let mut watcher = watch(server, job, &["--palette", "dusk", "--threads", "1"], &file)?;
    let document = watcher.lines.document()?;
    ensure!(watcher.wait()? == 0, "watch failed: {document}");
    ensure!(document["repaired"] == 0, "tiles were lost on the way: {document}");
    same_as_alone(&file, view, scratch)
}

fn same_as_alone(file: &Path, view: &View, scratch: &Scratch) -> Result<()> {
    assert_same(&Picture::read(file)?, &view.expected(scratch)?)
}

#[test]
fn a_job_survives_its_creator_and_its_next_owner() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("outlive")?;
    let server = Server::start()?;
    let mut peers = peers(&server, 6)?;
    let creator = render(&server, &DEEP.arguments_with(&GENTLY), &scratch.file("never.png"))?;

    let job = wait_for_share(&peers[0], DEEP_TILES * 3 / 10)?;
    creator.signal("KILL")?;
    let owner = next_owner(&peers[0])?;
    // Whoever took over goes too, unless it is the witness: then the witness changes.
    let at = peers.iter().position(|peer| peer.id == owner).context("the owner is one of us")?;
    let killed = peers.remove(at);
    let witness = &peers[0];
    wait_for_share(witness, DEEP_TILES * 3 / 10)?;
    killed.process.signal("KILL")?;
    watch_and_compare(&server, &job, &DEEP, &scratch)
}

#[test]
fn a_job_survives_the_tab_that_launched_it() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("outlive-tab")?;
    let server = Server::start()?;
    let _peers = peers(&server, 3)?;
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = open_tab(&mut browser, &server)?;
    launch(&mut browser, page, &DEEP)?;
    wait_for_tiles(&mut browser, page, DEEP_TILES / 5)?;
    let job = browser.eval(page, "window.millefeuille.state().job.id")?;
    browser.close(page)?;
    watch_and_compare(&server, job.as_str().context("an id")?, &DEEP, &scratch)
}

#[test]
fn a_job_can_be_left_to_the_network_and_looked_at_later_by_a_tab() -> Result<()> {
    let _machine = alone_on_this_machine();
    let scratch = Scratch::new("detach")?;
    let server = Server::start()?;
    let peers = peers(&server, 3)?;
    let job = detach(&server, &SEAHORSE.arguments())?.job;
    let is_over = |line: &Value| line["event"] == "job_changed" && line["state"] == "finished";
    peers[0].process.lines.wait("the end of the job", is_over)?;
    let listed = job_list(&server)?;
    let listed = listed["jobs"].as_array().context("a list")?;
    ensure!(listed.iter().any(|listing| listing["job"] == job.as_str()), "{listed:?}");
    let mut browser = Browser::start(Engine::Chromium)?;
    let page = open_tab(&mut browser, &server)?;
    browser.eval(page, &format!("window.millefeuille.watch('{job}')"))?;
    let picture = crate::scene::download(&mut browser, page)?;
    assert_same(&picture, &SEAHORSE.expected(&scratch)?)
}
