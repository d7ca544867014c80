//! `liar SERVER`: a peer like any other but for its tiles, in which every fiftieth pixel is wrong. Says
//! in lines of JSON when it is ready, and when it is caught.
#![expect(clippy::print_stdout, reason = "lines are its output")]

use anyhow::{Context as _, Result};
use fractal::{Engine, Spec, decode_tile, encode_tile};
use headless::disk::Identity;
use headless::driver::{Driver, Notice, Settings};
use headless::pace::Intensity;
use headless::workload;
use node::{Event as NodeEvent, GridEvent};
use peer::Event;
use serde_json::json;

/// The right tile with some pixels an iteration off.
fn lie(
    engine: &'static dyn Engine,
    spec: &Spec,
    task: u32,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<u8>>, String> {
    let Some(right) = workload::compute(engine, spec, task, goes_on)? else { return Ok(None) };
    let rect = spec.tile_rect(task).ok_or("there is no such task")?;
    let mut tile = decode_tile(&right, rect.width, rect.height).map_err(|e| e.to_string())?;
    for level in tile.levels.iter_mut().step_by(50) {
        *level = level.saturating_add(256);
    }
    Ok(Some(encode_tile(&tile)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let server = std::env::args().nth(1).context("usage: liar SERVER")?;
    let settings = Settings {
        servers: vec![server],
        threads: 1,
        intensity: Intensity::default(),
        links_max: 64,
    };
    let mut driver = Driver::start_with(settings, Identity::ephemeral()?, lie)?;
    loop {
        let Notice::Event(Event::Node(event)) = driver.next().await else { continue };
        match event {
            NodeEvent::Ready => {
                let id = driver.node().context("who is ready has a node")?.id();
                println!("{}", json!({ "event": "ready", "id": id.to_string() }));
            }
            NodeEvent::Grid(GridEvent::WorkerBarred { worker, .. }) => {
                println!("{}", json!({ "event": "worker_barred", "worker": worker.to_string() }));
            }
            _ => {}
        }
    }
}
