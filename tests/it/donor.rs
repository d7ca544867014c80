//! What a visitor who lends cores controls: pauses, policies, how much, what is remembered, what is kept.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tests::{Engine, Peer};

use crate::room::{Room, Tab, visits};
use crate::scene::{DEEP, SEAHORSE, View};

visits! {
    both: policies_pause_with_their_reason_and_can_be_overruled,
        as_many_cores_work_as_the_visitor_says;
    chromium: a_pause_stops_all_work_and_others_go_on, a_tab_finishes_what_is_in_hand_before_it_leaves,
        a_reload_asks_again_unless_told_otherwise_and_computes_nothing_twice,
        what_a_closed_tab_had_in_hand_is_done_by_others;
}

/// A battery that a test can plug in and out, and a connection that saves data or does not.
const MACHINE: &str = "window.battery = Object.assign(new EventTarget(), {
        charging: true, level: 0.5,
        plug(charging) { this.charging = charging; this.dispatchEvent(new Event('chargingchange')); },
    });
    navigator.getBattery = async () => window.battery;
    window.connection = Object.assign(new EventTarget(), {
        saveData: false,
        save(saveData) { this.saveData = saveData; this.dispatchEvent(new Event('change')); },
    });
    Object.defineProperty(navigator, 'connection', { value: window.connection });";

impl Tab<'_> {
    fn state(&mut self, what: &str) -> Result<Value> {
        self.eval(&format!("window.millefeuille.state().{what}"))
    }

    fn launch(&mut self, view: &View) -> Result<()> {
        self.eval(&format!("window.millefeuille.launch({})", view.for_page())).map(drop)
    }
}

fn a_pause_stops_all_work_and_others_go_on(room: &mut Room) -> Result<()> {
    let helper = Peer::start(&room.server, &["--threads", "1"])?;
    let mut tab = room.open("")?;
    tab.donate()?;
    tab.launch(&DEEP)?;
    tab.wait("window.millefeuille.state().contributed > 0")?;
    tab.click("#pause")?;
    tab.wait("window.millefeuille.state().busy === 0")?;
    tab.expect("window.millefeuille.state().paused")?;
    ensure!(tab.text("#why-text")? == "Paused until you are back.");
    // Others compute the tab's own picture; what is asked for goes to them.
    let before = tab.state("contributed")?;
    tab.wait(&format!("(window.millefeuille.state().job.by['{}'] ?? 0) > 2", helper.id))?;
    ensure!(tab.state("contributed")? == before, "a tile was computed in a pause");
    tab.expect("window.millefeuille.state().busy === 0")?;
    tab.click("#pause")?;
    tab.wait(&format!("window.millefeuille.state().contributed > {before}"))?;
    tab.no_complaints()
}

fn policies_pause_with_their_reason_and_can_be_overruled(room: &mut Room) -> Result<()> {
    let mut tab = room.open_after("", MACHINE)?;
    let page = tab.page;
    tab.donate()?;
    let paused = |why: &str| {
        format!(
            "window.millefeuille.state().paused
                && document.querySelector('#why:not([hidden]) #why-text')?.textContent === 'Paused {why}.'"
        )
    };
    let runs = "!window.millefeuille.state().paused";
    for (begin, end, why) in [
        ("window.battery.plug(false)", "window.battery.plug(true)", "on battery"),
        (
            "window.connection.save(true)",
            "window.connection.save(false)",
            "on a metered connection",
        ),
    ] {
        tab.eval(begin)?;
        tab.wait(&paused(why))?;
        tab.click("#overrule")?;
        tab.wait(runs)?;
        // What was overruled is over with its cause: the next time counts again.
        tab.eval(end)?;
        tab.eval(begin)?;
        tab.wait(&paused(why))?;
        tab.eval(end)?;
        tab.wait(runs)?;
    }
    // Another tab in front of it hides it: a desktop goes on then, unless its visitor says otherwise.
    let hidden = "document.hidden && document.visibilityState === 'hidden'";
    let front = tab.browser.open("about:blank")?;
    tab.browser.front(front)?;
    tab.wait(hidden)?;
    tab.expect(runs)?;
    tab.browser.front(page)?;
    tab.wait("!document.hidden")?;
    tab.eval("window.millefeuille.donate({causes: {hidden: true}})")?;
    tab.browser.front(front)?;
    tab.wait(hidden)?;
    tab.wait("window.millefeuille.state().paused")?;
    tab.browser.front(page)?;
    tab.wait(runs)?;
    tab.no_complaints()
}

fn as_many_cores_work_as_the_visitor_says(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    tab.donate()?;
    let cores = tab.number("navigator.hardwareConcurrency")?;
    tab.expect("document.querySelector('#cores').max === String(navigator.hardwareConcurrency)")?;
    let slide = |count: f64| {
        format!(
            "(() => {{ const slider = document.querySelector('#cores'); slider.value = {count};
                slider.dispatchEvent(new Event('input')); }})()"
        )
    };
    for count in [cores, 1.0] {
        tab.eval(&slide(count))?;
        tab.wait(&format!("window.millefeuille.state().workers === {count}"))?;
        let text = format!("{count} of {cores} core{}", if cores > 1.0 { "s" } else { "" });
        tab.wait(&format!(
            "document.querySelector('#cores-text').textContent.startsWith('{text}')"
        ))?;
    }
    tab.eval("window.millefeuille.donate({cores: 1, intensity: 25})")?;
    tab.wait("window.millefeuille.state().intensity === 25")?;
    tab.wait("document.querySelector('#intensity-text').textContent === '25% of their time'")
        .map(drop)
}

fn a_tab_finishes_what_is_in_hand_before_it_leaves(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    tab.eval("window.millefeuille.start({cores: 1})")?;
    tab.wait("window.millefeuille.state().ready")?;
    tab.launch(&SEAHORSE)?;
    tab.wait("window.millefeuille.state().contributed > 0 && window.millefeuille.state().busy")?;
    tab.click("#finish")?;
    tab.wait("window.millefeuille.state().status === 'looking'")?;
    let log = tab.text("#log")?;
    ensure!(log.contains("said goodbye"), "{log}");
    let job = tab.state("job")?;
    ensure!(job["done"].as_u64() < job["total"].as_u64(), "the whole picture was in hand: {job}");
    Ok(())
}

/// Flips a bit of every tile that is kept; the picture of which there are eight.
const DAMAGE: &str = "new Promise((resolve) => { const request = indexedDB.open('millefeuille');
        request.onsuccess = () => {
            const transaction = request.result.transaction('tiles', 'readwrite');
            const pictures = {};
            transaction.objectStore('tiles').openCursor().onsuccess = ({ target: { result } }) => {
                if (!result) return;
                const { bytes, digest } = result.value;
                bytes[bytes.length >> 1] ^= 1;
                result.update({ bytes, digest });
                const [, picture] = result.key.split(' ');
                pictures[picture] = (pictures[picture] ?? 0) + 1;
                result.continue();
            };
            transaction.oncomplete = () => {
                request.result.close();
                resolve(Object.keys(pictures).find((picture) => pictures[picture] === 8) ?? '');
            };
        };
    })";

/// Whether what is kept of this picture is what was put there.
fn is_sound(picture: &Value) -> String {
    format!(
        "new Promise((resolve) => {{ const request = indexedDB.open('millefeuille');
            request.onsuccess = () => {{
                const transaction = request.result.transaction('tiles');
                const tiles = [];
                transaction.objectStore('tiles').openCursor().onsuccess = ({{ target: {{ result }} }}) => {{
                    if (!result) return;
                    tiles.push([result.key, result.value]);
                    result.continue();
                }};
                transaction.oncomplete = async () => {{
                    request.result.close();
                    const sound = await Promise.all(tiles
                        .filter(([name]) => name.split(' ')[1] === {picture})
                        .map(async ([name, {{ bytes, digest }}]) => {{
                            const whole = new Blob([name + '\\n', bytes]);
                            const right = await crypto.subtle.digest('SHA-256', await whole.arrayBuffer());
                            return String(new Uint8Array(right)) === String(digest);
                        }}));
                    resolve(sound.length > 0 && sound.every((one) => one));
                }};
            }};
        }})"
    )
}

fn a_reload_asks_again_unless_told_otherwise_and_computes_nothing_twice(
    room: &mut Room,
) -> Result<()> {
    let mut tab = room.open("")?;
    let status = "window.millefeuille?.state().status";
    tab.donate()?;
    tab.browser.reload(tab.page)?;
    ensure!(tab.eval(status)? == "idle", "it went on by itself");

    tab.click("#remember")?;
    tab.donate()?;
    tab.expect(
        "sessionStorage.getItem('donating') !== null && localStorage.getItem('donating') === null",
    )?;
    tab.browser.reload(tab.page)?;
    tab.wait("window.millefeuille.state().ready")?;
    let dear = View { max_iter: 20_000, size: (1024, 512), ..SEAHORSE };
    tab.launch(&dear)?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    // It is written in batches: all eight tiles of one picture are there.
    let kept = "new Promise((resolve) => { const request = indexedDB.open('millefeuille');
        request.onsuccess = () => {
            const names = request.result.transaction('uses').objectStore('uses').getAllKeys();
            names.onsuccess = () => {
                request.result.close();
                const pictures = names.result.map((name) => name.split(' ')[1]);
                resolve(pictures.some((one) => pictures.filter((other) => other === one).length === 8));
            };
        };
    })";
    tab.wait(kept)?;
    tab.browser.reload(tab.page)?;
    tab.wait("window.millefeuille.state().ready")?;
    tab.launch(&dear)?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    let recalled = tab.state("recalled")?;
    ensure!(recalled.as_u64() >= Some(8), "tiles were computed twice: {recalled}");

    // What was damaged since is no tile: it is dropped, and computed again.
    let damaged = tab.eval(DAMAGE)?;
    ensure!(damaged != "", "the tiles are gone");
    tab.browser.reload(tab.page)?;
    tab.wait("window.millefeuille.state().ready")?;
    tab.launch(&dear)?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    tab.wait(&is_sound(&damaged))?;

    // A pause is a wish that a reload respects.
    tab.eval("window.millefeuille.pause()")?;
    tab.browser.reload(tab.page)?;
    ensure!(tab.eval(status)? == "idle", "it went on after a pause");

    // Everything that was kept goes.
    tab.click("[data-privacy]")?;
    tab.wait("/tiles/.test(document.querySelector('#kept-tiles').textContent)")?;
    tab.wait("/key/.test(document.querySelector('#kept-keys').textContent)")?;
    tab.click("#erase")?;
    tab.wait("document.readyState === 'complete' && !document.querySelector('#privacy').open")?;
    let left = "(async () => [(await indexedDB.databases()).length, localStorage.length,
        sessionStorage.length, (await caches.keys()).length])()";
    ensure!(tab.eval(left)? == json!([0, 0, 0, 0]));
    Ok(())
}

fn what_a_closed_tab_had_in_hand_is_done_by_others(room: &mut Room) -> Result<()> {
    ensure!(room.engine == Engine::Chromium);
    let witness = Peer::start(&room.server, &["--threads", "1"])?;
    let mut tab = room.open("")?;
    tab.eval("window.millefeuille.start({cores: 1})")?;
    tab.wait("window.millefeuille.state().ready")?;
    let id = tab.state("id")?;
    let id = id.as_str().context("an id")?.to_owned();
    tab.launch(&DEEP)?;
    tab.wait("window.millefeuille.state().contributed > 0 && window.millefeuille.state().busy")?;
    let page = tab.page;
    room.browser().close(page)?;
    witness.process.lines.wait("the end of the tab", |event| {
        event["event"] == "peer_gone" && event["peer"] == *id
    })?;
    let is_end = |event: &Value| event["event"] == "job_changed" && event["state"] == "finished";
    witness.process.lines.wait("the end of the job", is_end)?;
    Ok(())
}
