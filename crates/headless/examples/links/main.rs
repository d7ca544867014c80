//! One end of the link bench: `links far`, or `links near PORT`. `tests/bench/link.mjs` starts two
//! and carries the descriptions between them, or between a near end and a tab.
//!
//! The near end asks for round trips and chunks ([`Order`]), over a link and over TCP to PORT in
//! turn, and prints what each took. It judges nothing. No peer is here: above the links are a
//! node's window and chunk size, and neither sessions nor signatures.

#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock")]

mod end;
mod order;
mod tcp;

use std::io::{BufRead as _, stdin};
use std::net::TcpListener;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::end::End;
use crate::order::{CHUNK_BYTES, Order, Wire};
use crate::tcp::Tcp;

/// Measured pairs, after one that is thrown away: both transports widen their windows in it.
const RUNS: usize = 7;
const TRIPS: usize = 1000;
/// Each way in each run: 32 MiB.
const CHUNKS: u32 = 2048;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["far"] => far(),
        ["near", port] => near(port.parse()?),
        _ => bail!("usage: links far | links near PORT"),
    }
}

/// Tells its TCP port, answers an offer if one comes, and does what it is asked until the link or
/// the input ends.
fn far() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    tell(&json!({"port": listener.local_addr()?.port()}));
    std::thread::spawn(move || tcp::serve(&listener));
    while let Some(line) = hear()? {
        let mut end = End::new()?;
        let answer = end.answer(line["offer"].as_str().context("no offer")?)?;
        tell(&json!({"answer": answer}));
        end.serve();
    }
    Ok(())
}

/// Offers a link, measures it and TCP in turn, and prints seconds.
fn near(port: u16) -> Result<()> {
    let mut tcp = Tcp::connect(port)?;
    let mut link = End::new()?;
    tell(&json!({"offer": link.offer()?}));
    let line = hear()?.context("no answer")?;
    link.accept(line["answer"].as_str().context("no answer")?)?;
    let mut runs = Vec::new();
    for run in 0..=RUNS {
        let pair = json!({"tcp": measure(&mut tcp)?, "link": measure(&mut link)?});
        if run > 0 {
            runs.push(pair);
        }
    }
    link.close();
    let mebibytes = u64::from(CHUNKS) * CHUNK_BYTES as u64 / (1024 * 1024);
    tell(&json!({"mebibytes": mebibytes, "trips": TRIPS, "runs": runs}));
    Ok(())
}

/// Seconds: `push` from here, `pull` to here, and of the round trips `p50` and `p99`.
fn measure(wire: &mut impl Wire) -> Result<Value> {
    let mut seconds = |order| -> Result<f64> {
        let start = Instant::now();
        wire.carry_out(order)?;
        Ok(start.elapsed().as_secs_f64())
    };
    let mut trips = (0..TRIPS).map(|_| seconds(Order::Echo)).collect::<Result<Vec<_>>>()?;
    trips.sort_by(f64::total_cmp);
    let (push, pull) = (seconds(Order::Take(CHUNKS))?, seconds(Order::Send(CHUNKS))?);
    Ok(json!({"push": push, "pull": pull, "p50": trips[TRIPS / 2], "p99": trips[TRIPS * 99 / 100]}))
}

fn tell(line: &Value) {
    println!("{line}");
}

fn hear() -> Result<Option<Value>> {
    let mut line = String::new();
    match stdin().lock().read_line(&mut line)? {
        0 => Ok(None),
        _ => Ok(Some(serde_json::from_str(&line)?)),
    }
}
