//! The same bits everywhere: the page's kernel in real browsers against native code.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tests::{Browser, Engine, Server, random_tiles};

use crate::alone_on_this_machine;

/// Digests of the tiles as the page's kernel computes them, in the page itself: its own origin and
/// policy, no peer.
fn digests_in_browser(engine: Engine, tiles: &Value) -> Result<Vec<String>> {
    let server = Server::start()?;
    let mut browser = Browser::start(engine)?;
    let page = browser.open(&server.url)?;
    let script = format!(
        "(async () => {{
            const app = new URL('.', document.querySelector('script[type=module]').src);
            const kernel = await import(new URL('kernel.js', app));
            await kernel.default({{ module_or_path: new URL('kernel_bg.wasm', app) }});
            const digests = [];
            for (const {{ params, task }} of {tiles}) {{
                const bytes = Uint8Array.from(params.match(/../g), (pair) => parseInt(pair, 16));
                const tile = new kernel.Tile(bytes, task);
                while (!tile.step(1e9));
                const hash = await crypto.subtle.digest('SHA-256', tile.finish());
                digests.push([...new Uint8Array(hash)]
                    .map((byte) => byte.toString(16).padStart(2, '0')).join(''));
            }}
            return digests;
        }})()"
    );
    let digests = browser.eval(page, &script)?;
    let digests = digests.as_array().context("a list")?;
    Ok(digests.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn same_bits(engine: Engine, seed: u64, count: usize) -> Result<()> {
    let _machine = alone_on_this_machine();
    let tiles = random_tiles(seed, count);
    let list = Value::Array(tiles.iter().map(tests::RandomTile::json).collect());
    let digests = digests_in_browser(engine, &list)?;
    ensure!(digests.len() == count, "{} digests", digests.len());
    for (tile, digest) in tiles.iter().zip(&digests) {
        ensure!(tile.digest.to_string() == *digest, "{} differs", tile.json());
    }
    Ok(())
}

#[test]
fn five_hundred_random_tiles_are_the_same_bytes_in_chromium() -> Result<()> {
    same_bits(Engine::Chromium, 7, 500)
}

#[test]
fn a_hundred_random_tiles_are_the_same_bytes_in_firefox() -> Result<()> {
    same_bits(Engine::Firefox, 8, 100)
}
