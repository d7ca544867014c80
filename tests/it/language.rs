//! The page in other languages: chosen by the address, the browser or the visitor; and in one that is longer
//! than any and that nobody speaks, so that what is cut off, or not translated, is seen.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tests::Engine;

use crate::room::{Room, Tab, visits};

visits! {
    both: the_language_is_the_browsers_until_one_is_chosen, no_frame_is_in_another_language;
    chromium: a_longer_language_is_whole_everywhere;
}

/// What is wrong with the texts that are seen: in English, or cut off. Names, numbers and addresses are
/// neither.
const FAULTS: &str = "(() => {
    const seen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    const plain = (text) => text.replace(/Millefeuille|\\b[0-9a-f]{8}\\b|\\d (sec|min|hr|kB|MB)\\b|\\d i\\b/g, '');
    const isEnglish = (text) => /[aeiou]/i.test(plain(text ?? ''));
    const scrolls = (one) => one && (['auto', 'scroll'].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
    const faults = [];
    for (const one of document.querySelectorAll('body *')) {
        if (!seen(one) || one.matches('#share-link, option, script, style, .digit')) continue;
        for (const name of ['aria-label', 'title']) if (isEnglish(one.getAttribute(name))) faults.push(`${name}: ${one.getAttribute(name)}`);
        const texts = [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
        for (const { data } of texts) if (isEnglish(data)) faults.push(`English: ${data}`);
        if (!texts.length || one.matches('.unseen, svg *, .skip') || scrolls(one)) continue;
        const range = document.createRange();
        for (const text of texts) {
            range.selectNodeContents(text);
            const { left, right } = range.getBoundingClientRect();
            for (let box = one; box; box = box.parentElement) {
                const { display, overflowX } = getComputedStyle(box);
                const frame = box.getBoundingClientRect();
                // What shows text must hold it; what cuts off must not cut it.
                const holds = box === one ? display !== 'inline' : overflowX !== 'visible';
                if (holds && (right > frame.right + 1.5 || left < frame.left - 1.5)) {
                    faults.push(`cut off by <${box.localName} id=\"${box.id}\">: ${text.data}`);
                    break;
                }
            }
            if (right > innerWidth + 1 || left < -1) faults.push(`out of sight: ${text.data}`);
        }
    }
    return faults;
})()";

const FITS: &str = "document.documentElement.scrollWidth <= window.innerWidth";

/// At both ends of the sizes that people have.
fn is_whole(tab: &mut Tab<'_>, state: &str) -> Result<()> {
    for size in [(1280, 900), (320, 700)] {
        tab.browser.look(tab.page, size, false)?;
        let faults = tab.eval(FAULTS)?;
        ensure!(faults == json!([]), "{state}, {size:?}: {faults}");
        tab.expect(FITS).with_context(|| format!("{state}, {size:?}: it scrolls sideways"))?;
    }
    Ok(())
}

fn a_longer_language_is_whole_everywhere(room: &mut Room) -> Result<()> {
    let mut tab = room.open("?lang=pseudo")?;
    tab.wait("document.documentElement.lang === 'en-XA'")?;
    is_whole(&mut tab, "first view")?;
    tab.click("#look")?;
    tab.wait("document.querySelector('#presets').childElementCount > 3")?;
    tab.click("#start-again")?;
    is_whole(&mut tab, "consent open")?;
    tab.click("#consent-yes")?;
    tab.wait("window.millefeuille.state().ready")?;
    tab.eval("window.millefeuille.pause()")?;
    tab.eval(
        "void window.millefeuille.launch({max_iter: 1000, width: 3000, height: 3000, palette: 'ocean'})",
    )?;
    tab.wait("window.millefeuille.state().job?.state === 'running'")?;
    tab.wait("document.querySelector('#job-state').textContent")?;
    // With everything that the form has.
    tab.eval("document.querySelectorAll('details').forEach((one) => { one.open = true; })")?;
    tab.wait("document.querySelector('#families').childElementCount")?;
    tab.eval(
        "(() => { const size = document.querySelector('#field-size'); size.value = 'own';
        size.dispatchEvent(new Event('input')); })()",
    )?;
    is_whole(&mut tab, "running, and the form")?;
    tab.eval("window.millefeuille.resume()")?;
    tab.wait("window.millefeuille.state().job?.state === 'finished'")?;
    tab.wait("document.querySelector('#directory-list li')")?;
    tab.eval("document.querySelector('#share-job').click()")?;
    is_whole(&mut tab, "finished, and shared")?;
    tab.press("Escape")?;
    tab.eval("window.millefeuille.privacy()")?;
    tab.wait("document.querySelector('#kept-choices').textContent")?;
    is_whole(&mut tab, "what is kept")?;
    tab.no_complaints()
}

fn says(tab: &mut Tab<'_>, selector: &str, text: &str) -> Result<()> {
    tab.wait(&format!("document.querySelector('{selector}').textContent === '{text}'")).map(drop)
}

fn fill(tab: &mut Tab<'_>, id: &str, value: &str) -> Result<()> {
    tab.eval(&format!(
        "(() => {{ const field = document.querySelector('{id}'); field.value = '{value}';
        field.dispatchEvent(new Event('change')); }})()"
    ))
    .map(drop)
}

/// A browser that wants French, and what each frame that it paints says.
const FRENCH_FRAMES: &str =
    "Object.defineProperty(navigator, 'languages', { get: () => ['fr-FR', 'fr', 'en'] });
    window.painted = [];
    (function look() {
        const said = document.body?.innerText.trim();
        if (said) window.painted.push({ said, theme: document.documentElement.dataset.theme });
        requestAnimationFrame(look);
    })();";

/// Frames that say something in English, where there are any.
const ENGLISH_FRAMES: &str = "(() => {
    if (!window.painted.some(({ said }) => said.includes('Participer'))) return ['no French frame'];
    return window.painted.map(({ said }) => said).filter((said) => /Donate|look|What|thousand|Skip/.test(said));
})()";

fn no_frame_is_in_another_language(room: &mut Room) -> Result<()> {
    let mut tab = room.open_after("", FRENCH_FRAMES)?;
    tab.wait("window.painted.length > 0 && document.readyState === 'complete'")?;
    let english = tab.eval(ENGLISH_FRAMES)?;
    ensure!(english == json!([]), "{english}");
    // No frame has another theme than the chosen one either.
    tab.eval("localStorage.setItem('theme', 'dark')")?;
    tab.browser.reload(tab.page)?;
    tab.wait("window.painted.length > 0")?;
    tab.expect("window.painted.every(({ theme }) => theme === 'dark')")?;
    if tab.engine == Engine::Firefox {
        return tab.no_complaints();
    }
    // Where every file is long under way, the page waits for the language.
    let mut ask = |method, parameters| tab.browser.protocol(tab.page, method, &parameters);
    ask("Network.enable", json!({}))?;
    ask("Network.setCacheDisabled", json!({ "cacheDisabled": true }))?;
    let slow = json!({ "offline": false, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1 });
    ask("Network.emulateNetworkConditions", slow)?;
    tab.browser.reload(tab.page)?;
    tab.wait("window.painted.length > 0")?;
    let english = tab.eval(ENGLISH_FRAMES)?;
    ensure!(english == json!([]), "on a slow line: {english}");
    tab.no_complaints()?;
    // A language that does not come is not waited for.
    let blocked = json!({ "urls": ["*/french.js"] });
    tab.browser.protocol(tab.page, "Network.setBlockedURLs", &blocked)?;
    tab.browser.reload(tab.page)?;
    tab.wait("window.painted.some(({ said }) => said.includes('Just look'))")?;
    tab.expect("document.documentElement.lang === 'en'")
}

fn the_language_is_the_browsers_until_one_is_chosen(room: &mut Room) -> Result<()> {
    let french =
        "Object.defineProperty(navigator, 'languages', { get: () => ['nl', 'fr-CA', 'en'] });";
    let place = "#v=1&f=mandelbrot&re=-0.5&im=0.25&z=1000&i=100&p=ember";
    let mut tab = room.open_after(place, french)?;
    says(&mut tab, "#start b", "Participer")?;
    tab.expect(
        "document.documentElement.lang === 'fr' && document.title.includes('un seul ordinateur')",
    )?;
    tab.expect("document.querySelector('#zoom-in').title === 'Agrandir (+)'")?;
    tab.expect("document.querySelector('#stage').getAttribute('aria-label') === 'Image'")?;
    tab.donate()?;
    tab.wait("document.querySelector('#explorer').getAttribute('aria-label').startsWith('Ensemble de Mandelbrot autour de -0.5, 0.25 i')")?;
    tab.wait("/Travail en solitaire/.test(document.querySelector('#status').textContent)")?;
    says(&mut tab, "#pause", "Pause")?;
    says(&mut tab, "#presets .preset span", "L’ensemble entier")?;
    fill(&mut tab, "#field-re", "nowhere")?;
    says(
        &mut tab,
        "#view-complaint",
        "La partie réelle du centre n’est pas un nombre décimal simple comme -0.75 ou 1.5e3.",
    )?;
    fill(&mut tab, "#field-re", "-0.5")?;
    // The same page, without a load, in another language and back.
    fill(&mut tab, "#language", "en")?;
    tab.wait("/Working alone/.test(document.querySelector('#status').textContent)")?;
    says(&mut tab, "#presets .preset span", "The whole set")?;
    says(&mut tab, "#launch", "Launch")?;
    tab.wait("document.querySelector('#explorer').getAttribute('aria-label').startsWith('Mandelbrot set around')")?;
    tab.expect("document.documentElement.lang === 'en' && location.hash.includes('z=1000')")?;
    // What was chosen is kept, whatever the browser prefers; an address counts more, until the next choice.
    tab.browser.reload(tab.page)?;
    says(&mut tab, "#start b", "Donate")?;
    tab.expect("document.querySelector('#language').value === 'en'")?;
    let mut tab = room.open("?lang=fr")?;
    says(&mut tab, "#start b", "Participer")?;
    fill(&mut tab, "#language", "en")?;
    says(&mut tab, "#start b", "Donate")?;
    tab.expect("location.search === ''")?;
    tab.no_complaints()
}
