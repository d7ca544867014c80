//! What the page costs who opens it and who leaves it open: bytes and requests exactly, times as medians
//! far above what they are on a machine with nothing else to do.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::room::{Room, Tab, visits};

visits! {
    both: the_page_stays_smooth_while_it_computes;
    chromium: a_slow_phone_on_a_slow_network_soon_sees_the_page;
}

/// First view: bytes over the wire, and files.
const VIEW_BYTES_MAX: f64 = 60_000.0;
const VIEW_REQUESTS_MAX: usize = 6;

/// The aims in milliseconds, and how far above them a busy machine may be.
const FIRST_PAINT_MILLIS: f64 = 1000.0;
const LARGEST_PAINT_MILLIS: f64 = 1500.0;
const BLOCKED_MILLIS: f64 = 50.0;
const SHIFT_MAX: f64 = 0.02;
const MARGIN: f64 = 3.0;

const VISITS: usize = 5;
const WINDOWS: u32 = 5;
const WINDOW_MILLIS: u32 = 1500;
const FRAME_MILLIS: f64 = 34.0;

/// Hears of everything that the browser measures, from the beginning.
const OBSERVE: &str = "window.seen = { largest: 0, shift: 0, blocked: 0, long: 0 };
    const observe = (type, note) => {
        if (PerformanceObserver.supportedEntryTypes.includes(type))
            new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
    };
    observe('largest-contentful-paint', ({ startTime }) => { window.seen.largest = startTime; });
    observe('layout-shift', ({ value, hadRecentInput }) => { if (!hadRecentInput) window.seen.shift += value; });
    observe('longtask', ({ duration }) => { window.seen.blocked += duration - 50; window.seen.long += 1; });";

fn median(mut values: Vec<f64>) -> Result<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().context("no values")
}

fn a_slow_phone_on_a_slow_network_soon_sees_the_page(room: &mut Room) -> Result<()> {
    let url = room.server.url.clone();
    let (mut first, mut largest, mut blocked) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..VISITS {
        let page = room.browser().open_after("about:blank", OBSERVE)?;
        let mut tab = room.tab(page);
        let slow = json!({"offline": false, "latency": 150, "downloadThroughput": 200_000,
            "uploadThroughput": 94_000});
        for (method, parameters) in [
            ("Network.enable", json!({})),
            ("Network.setCacheDisabled", json!({"cacheDisabled": true})),
            ("Network.emulateNetworkConditions", slow),
            ("Emulation.setCPUThrottlingRate", json!({"rate": 4})),
        ] {
            tab.browser.protocol(page, method, &parameters)?;
        }
        tab.browser.protocol(page, "Page.navigate", &json!({ "url": url }))?;
        tab.wait(
            "document.readyState === 'complete' && window.seen?.largest > 0 && window.millefeuille",
        )?;
        let seen = tab.eval(
            "(() => {
                const paint = performance.getEntriesByName('first-contentful-paint')[0].startTime;
                const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
                return { ...window.seen, paint, bytes: all.reduce((sum, one) => sum + one.transferSize, 0),
                    names: all.map(({ name }) => name) };
            })()",
        )?;
        let number = |name: &str| seen[name].as_f64().with_context(|| format!("{name}: {seen}"));
        ensure!(number("bytes")? <= VIEW_BYTES_MAX, "{seen}");
        ensure!(
            seen["names"].as_array().map_or(usize::MAX, Vec::len) <= VIEW_REQUESTS_MAX,
            "{seen}"
        );
        ensure!(number("shift")? <= SHIFT_MAX, "{seen}");
        first.push(number("paint")?);
        largest.push(number("largest")?);
        blocked.push(number("blocked")?);
        tab.browser.close(page)?;
    }
    for (what, values, aim) in [
        ("first paint", first, FIRST_PAINT_MILLIS),
        ("largest paint", largest, LARGEST_PAINT_MILLIS),
        ("time blocked", blocked, BLOCKED_MILLIS),
    ] {
        println!("{what}: {values:.0?} ms, aim {aim}");
        let median = median(values)?;
        ensure!(
            median <= aim * MARGIN,
            "{what}: {median} ms, {MARGIN} times the aim is {}",
            aim * MARGIN
        );
    }
    Ok(())
}

/// One window of time: long tasks, and how far apart frames were that all but one of twenty beat.
fn window(tab: &mut Tab<'_>) -> Result<(f64, f64)> {
    let seen: Value = tab.eval(&format!(
        "new Promise((resolve) => {{
            const gaps = [];
            const long = window.seen.long;
            let before = performance.now();
            const end = before + {WINDOW_MILLIS};
            requestAnimationFrame(function frame() {{
                const now = performance.now();
                gaps.push(now - before);
                before = now;
                if (now < end) return requestAnimationFrame(frame);
                gaps.sort((a, b) => a - b);
                resolve([window.seen.long - long, gaps[Math.floor(gaps.length * 0.95)]]);
            }});
        }})"
    ))?;
    let at = |index: usize| seen[index].as_f64().context("a number");
    Ok((at(0)?, at(1)?))
}

fn the_page_stays_smooth_while_it_computes(room: &mut Room) -> Result<()> {
    let mut tab = room.open_after("", OBSERVE)?;
    // One core is left to the page, as its usual choice leaves half of them.
    tab.eval("window.millefeuille.start({cores: Math.max(1, navigator.hardwareConcurrency - 1)})")?;
    tab.wait("window.millefeuille.state().ready")?;
    let view = crate::scene::SEAHORSE.for_page();
    tab.eval(&format!("window.millefeuille.launch({view})"))?;
    tab.wait("window.millefeuille.state().job?.done > 0")?;
    let (mut long, mut gaps) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        let (tasks, gap) = window(&mut tab)?;
        long.push(tasks);
        gaps.push(gap);
    }
    println!("long tasks: {long:?}; frames, 95 of 100: {gaps:.0?} ms");
    let (tasks, gap) = (median(long)?, median(gaps)?);
    ensure!(tasks == 0.0, "{tasks} long tasks in {WINDOW_MILLIS} ms");
    ensure!(gap <= FRAME_MILLIS * MARGIN, "frames {gap} ms apart");
    Ok(())
}
