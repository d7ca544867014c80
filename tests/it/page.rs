//! The page as a visitor meets it: what it asks, what it does before it is answered, what it says when
//! something is missing.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tests::Peer;

use crate::room::{Room, visits};

visits! {
    both: without_a_way_to_peers_it_says_which_step_failed;
    chromium: nothing_computes_and_nothing_connects_before_start,
        the_choice_is_explained_and_just_looking_stays_on_this_machine,
        without_a_server_the_tab_works_alone_and_says_so, what_is_missing_is_said_plainly,
        a_second_launch_ends_the_first, a_launch_is_answered_though_the_peer_broke_down,
        absurd_jobs_are_refused_with_the_reason, a_browser_without_room_says_so;
}

/// Counts what a page constructs before the visitor agreed to anything, and what its policy forbids.
const COUNT: &str = "window.constructed = 0;
    for (const name of ['RTCPeerConnection', 'WebSocket', 'Worker']) {
        const Original = window[name];
        window[name] = class extends Original {
            constructor(...arguments_) { window.constructed++; super(...arguments_); }
        };
    }
    window.violations = 0;
    addEventListener('securitypolicyviolation', () => { window.violations++; });";

/// How long a visitor who does nothing is watched, by the page's own clock.
const IDLE_MILLIS: u32 = 5000;

fn nothing_computes_and_nothing_connects_before_start(room: &mut Room) -> Result<()> {
    let mut tab = room.open_after("", COUNT)?;
    tab.wait(&format!("document.readyState === 'complete' && performance.now() > {IDLE_MILLIS}"))?;
    tab.expect("window.constructed === 0")?;
    // A strict policy, obeyed, and no script but the page's own files.
    let policy =
        tab.eval("fetch('/').then(({headers}) => headers.get('content-security-policy'))")?;
    let policy = policy.as_str().context("there is no policy")?;
    for rule in ["default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "object-src 'none'"]
    {
        let stands = policy.split(';').any(|each| each.trim().starts_with(rule));
        ensure!(stands || rule.starts_with("object"), "{rule} is not in {policy}");
    }
    ensure!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    tab.expect("[...document.scripts].every((one) => one.src.startsWith(location.origin))")?;
    tab.expect("window.violations === 0")?;
    let page = tab.page;
    for url in room.browser().requests(page)? {
        ensure!(
            url.starts_with(&room.server.url) || url.starts_with("data:"),
            "a request to {url}"
        );
    }
    let logins = room.logins()?;
    ensure!(logins == 0.0, "{logins} logins");
    Ok(())
}

fn the_choice_is_explained_and_just_looking_stays_on_this_machine(room: &mut Room) -> Result<()> {
    let mut tab = room.open_after("", COUNT)?;
    let terms = tab.text("#terms")?;
    for word in [
        "WebAssembly",
        "processor cores",
        "electricity",
        "battery",
        "cannot read your",
        "IP address",
        "kB",
        "up and down",
        "Press Pause or Stop",
        "close the tab",
    ] {
        let said = terms.split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(said.contains(word), "{word:?} is not in {said:?}");
    }
    // Two buttons, and neither looks more like the answer than the other.
    let weight = |id: &str| {
        format!(
            "(() => {{ const one = document.querySelector('#{id}');
                const {{ width, height }} = one.getBoundingClientRect();
                const {{ color, backgroundColor, fontSize, fontWeight, borderColor }} = getComputedStyle(one);
                return [one.tagName, one.type, Math.round(width), Math.round(height), color, backgroundColor,
                    fontSize, fontWeight, borderColor]; }})()"
        )
    };
    let (start, look) = (tab.eval(&weight("start"))?, tab.eval(&weight("look"))?);
    ensure!(start == look, "{start} weighs more or less than {look}");
    ensure!(start[0] == "BUTTON", "{start}");

    // Alone: a job of 64 tiles, and nothing that leaves this machine.
    tab.eval("window.opened = window.constructed")?;
    tab.click("#look")?;
    tab.wait("window.millefeuille.state().drawn.done > 0")?;
    tab.eval(
        "window.millefeuille.launch({formula: 'mandelbrot', re: '-0.5', im: '0', zoom: '1',
            c_re: '0', c_im: '0', max_iter: 500, width: 2048, height: 2048})",
    )?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    tab.expect("window.millefeuille.state().job.done === 64")?;
    tab.expect("window.violations === 0")?;
    tab.no_complaints()?;
    ensure!(room.logins()? == 0.0, "it connected");
    Ok(())
}

fn a_second_launch_ends_the_first(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    tab.eval("window.millefeuille.look()")?;
    for side in [4096, 256] {
        let view = format!("{{max_iter: 2000, width: {side}, height: {side}}}");
        tab.eval(&format!("window.millefeuille.launch({view})"))?;
    }
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    let states = tab.eval("window.millefeuille.state().jobs.map((job) => job.state)")?;
    ensure!(states == json!(["cancelled", "finished"]), "{states}");
    Ok(())
}

fn a_launch_is_answered_though_the_peer_broke_down(room: &mut Room) -> Result<()> {
    let keep = "window.Worker = class extends Worker {
        constructor(url, options) {
            super(url, options);
            if (String(url).includes('node-worker')) window.peerWorker = this;
        }
    };";
    let mut tab = room.open_after("", keep)?;
    tab.eval("window.millefeuille.look()")?;
    let said = tab.eval(
        "(async () => {
            const said = () => window.millefeuille.launch({width: 256, height: 256})
                .then(() => 'begun', (error) => error.message);
            const early = said();
            await new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
            window.peerWorker.dispatchEvent(new ErrorEvent('error', {message: 'a test'}));
            await early;
            return said();
        })()",
    )?;
    ensure!(said.as_str().is_some_and(|said| said.contains("broke down")), "{said}");
    // Another start has another worker, and names that were not used before.
    tab.eval("window.millefeuille.start({cores: 1})")?;
    tab.eval("window.millefeuille.launch({width: 256, height: 256})")?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    Ok(())
}

fn absurd_jobs_are_refused_with_the_reason(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    tab.eval("window.millefeuille.look()")?;
    let sane = [
        ("formula", "'mandelbrot'"),
        ("re", "'0'"),
        ("im", "'0'"),
        ("zoom", "'1'"),
        ("c_re", "'0'"),
        ("c_im", "'0'"),
        ("max_iter", "100"),
        ("width", "256"),
        ("height", "256"),
    ];
    let absurd = [
        ("width", "0"),
        ("height", "1e9"),
        ("max_iter", "2 ** 40"),
        ("re", "'NaN'"),
        ("zoom", "'1e5000'"),
        ("im", "'9'.repeat(10000)"),
    ];
    for (field, value) in absurd {
        let fields: Vec<String> = sane
            .iter()
            .map(|(name, usual)| format!("{name}: {}", if *name == field { value } else { usual }))
            .collect();
        let reason = tab.eval(&format!(
            "(async () => {{ try {{ await window.millefeuille.launch({{{}}}); return null; }}
                catch (error) {{ return String(error.message ?? error); }} }})()",
            fields.join(", ")
        ))?;
        let reason = reason.as_str().with_context(|| format!("{field}: {value} was taken"))?;
        ensure!(reason.len() > 8, "{field}: {reason:?} says nothing");
    }
    Ok(())
}

fn without_a_server_the_tab_works_alone_and_says_so(room: &mut Room) -> Result<()> {
    let mut tab = room.open("")?;
    let page = tab.page;
    // The explorer loads its modules; then the server is gone.
    tab.eval("window.millefeuille.look()")?;
    tab.eval("window.millefeuille.launch({max_iter: 100, width: 256, height: 256})")?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    room.server.process.signal("KILL")?;
    let mut tab = room.tab(page);
    tab.eval("void window.millefeuille.start({cores: 1})")?;
    tab.wait("window.millefeuille.state().server?.state === 'unreachable'")?;
    tab.wait("/server/i.test(document.querySelector('#status').textContent)")?;
    // What to do about it: the panel of the network says it, and a button tries again.
    tab.wait("/asks again/.test(document.querySelector('#help').textContent)")?;
    tab.click("#retry")?;
    tab.eval(
        "window.millefeuille.launch({formula: 'julia', re: '0', im: '0', zoom: '1',
            c_re: '-0.8', c_im: '0.156', max_iter: 500, width: 640, height: 480})",
    )?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    Ok(())
}

fn what_is_missing_is_said_plainly(room: &mut Room) -> Result<()> {
    for (script, word) in [
        ("delete window.RTCPeerConnection;", "WebRTC"),
        ("delete window.WebAssembly;", "WebAssembly"),
    ] {
        let mut tab = room.open_after("", script)?;
        let said = format!(
            "[...document.querySelectorAll('[role=alert]')]
                .some((one) => !one.hidden && one.textContent.includes('{word}'))"
        );
        tab.wait(&said)?;
        tab.expect("document.querySelector('#start').disabled")?;
    }
    let mut tab = room.open_after("", "")?;
    let page = tab.page;
    tab.expect("[...document.querySelectorAll('main > .banner')].every(({ hidden }) => hidden)")?;
    // Nobody else is here: that is no trouble, and it is said.
    tab.donate()?;
    tab.wait("/Working alone/.test(document.querySelector('#status').textContent)")?;
    room.tab(page).no_complaints()
}

/// The browser makes connections by relays only, and there is none.
const RELAYS_ONLY: &str = "window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(how) { super({ ...how, iceTransportPolicy: 'relay' }); }
    };";

fn without_a_way_to_peers_it_says_which_step_failed(room: &mut Room) -> Result<()> {
    let _peer = Peer::start(&room.server, &tests::GENTLY)?;
    let mut tab = room.open_after("", RELAYS_ONLY)?;
    tab.click("#start")?;
    let step = |at: u32, state: &str, said: &str| {
        format!(
            "(() => {{ const step = document.querySelectorAll('#help:not([hidden]) li')[{at}];
                return step?.dataset.state === '{state}' && /{said}/.test(step.textContent); }})()"
        )
    };
    tab.wait(&step(2, "bad", "could not be made .* A native peer on this machine may do better"))?;
    tab.wait(&step(0, "good", "The server answers"))?;
    tab.wait(&step(1, "open", "names no STUN server"))?;
    Ok(())
}

fn a_browser_without_room_says_so(room: &mut Room) -> Result<()> {
    let origin = room.server.url.trim_end_matches('/').to_owned();
    let tab = room.open("")?;
    let quota = json!({"origin": origin, "quotaSize": 200_000});
    tab.browser.protocol(tab.page, "Storage.overrideQuotaForOrigin", &quota)?;
    let page = tab.page;
    let mut tab = room.tab(page);
    tab.eval("window.millefeuille.look()")?;
    // Dear enough to be kept.
    tab.eval("window.millefeuille.launch({re: '-0.743643887037158704752',
            im: '0.131825904205311970493', zoom: '1e10', max_iter: 400000, width: 1024, height: 768})")?;
    tab.wait("/no room/.test(document.querySelector('#trouble:not([hidden])')?.textContent)")?;
    // And goes on.
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    tab.click("#trouble button")?;
    tab.wait("document.querySelector('#privacy').open")?;
    Ok(())
}
