//! The picture that the tests render, and what a test does with a tab.

use anyhow::{Context as _, Result, ensure};
use data_encoding::BASE64;
use serde_json::{Value, json};
use tests::{Browser, Page, Picture, Scratch, Server, alone};

/// A view whose tiles are dear enough that four peers all get some: the seahorse valley.
pub(crate) struct View {
    pub(crate) re: &'static str,
    pub(crate) im: &'static str,
    pub(crate) zoom: &'static str,
    pub(crate) max_iter: u32,
    pub(crate) size: (u32, u32),
}

pub(crate) const SEAHORSE: View = View {
    re: "-0.743643887037158704752",
    im: "0.131825904205311970493",
    zoom: "1e10",
    max_iter: 400_000,
    size: (2048, 1536),
};

/// 32 tiles beyond the precision of doubles, whose pixels are followed one by one: dear on every
/// machine, so that somebody can leave while they are computed.
pub(crate) const DEEP: View =
    View { zoom: "1e13", max_iter: 100_000, size: (2048, 1024), ..SEAHORSE };
pub(crate) const DEEP_TILES: u32 = 8 * 4;

impl View {
    pub(crate) fn arguments(&self) -> Vec<String> {
        let (width, height) = self.size;
        let pairs = [
            ("--family", "mandelbrot".to_owned()),
            ("--re", self.re.to_owned()),
            ("--im", self.im.to_owned()),
            ("--zoom", self.zoom.to_owned()),
            ("--max-iter", self.max_iter.to_string()),
            ("--size", format!("{width}x{height}")),
            ("--palette", "dusk".to_owned()),
        ];
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// With how to compute it.
    pub(crate) fn arguments_with(&self, more: &[&str]) -> Vec<String> {
        let more = more.iter().map(|argument| (*argument).to_owned());
        self.arguments().into_iter().chain(more).collect()
    }

    pub(crate) fn for_page(&self) -> Value {
        json!({
            "formula": "mandelbrot", "re": self.re, "im": self.im, "zoom": self.zoom,
            "c_re": "0", "c_im": "0", "max_iter": self.max_iter,
            "width": self.size.0, "height": self.size.1, "palette": "dusk",
        })
    }

    /// The picture as one process computes it.
    pub(crate) fn expected(&self, scratch: &Scratch) -> Result<Picture> {
        let file = scratch.file("alone.png");
        alone(&self.arguments(), &file)?;
        let picture = Picture::read(&file)?;
        ensure!(picture.colours() > 1_000, "a picture of nothing proves nothing");
        Ok(picture)
    }
}

/// A tab that takes part.
pub(crate) fn open_tab(browser: &mut Browser, server: &Server) -> Result<Page> {
    open_tab_with(browser, server, "{cores: 1}")
}

/// A tab that mostly rests, as [`tests::GENTLY`]: nobody is done before the others have begun.
pub(crate) fn open_gentle_tab(browser: &mut Browser, server: &Server) -> Result<Page> {
    open_tab_with(browser, server, "{cores: 1, intensity: 20}")
}

fn open_tab_with(browser: &mut Browser, server: &Server, choices: &str) -> Result<Page> {
    let page = browser.open(&server.url)?;
    browser.eval(page, &format!("window.millefeuille.start({choices})"))?;
    browser.wait(page, "window.millefeuille.state().ready")?;
    Ok(page)
}

pub(crate) fn launch(browser: &mut Browser, page: Page, view: &View) -> Result<()> {
    browser.eval(page, &format!("window.millefeuille.launch({})", view.for_page()))?;
    Ok(())
}

pub(crate) fn wait_for_tiles(browser: &mut Browser, page: Page, count: u32) -> Result<()> {
    let enough = format!("(window.millefeuille.state().job?.done ?? 0) >= {count}");
    browser.wait(page, &enough).map(drop)
}

pub(crate) fn job(browser: &mut Browser, page: Page) -> Result<Value> {
    browser.eval(page, "window.millefeuille.state().job")
}

/// Waits for the end of the job, however long it takes, as long as tiles keep coming.
fn wait_for_end(browser: &mut Browser, page: Page) -> Result<()> {
    let mut done = json!(-1);
    loop {
        let more = format!(
            "(() => {{ const job = window.millefeuille.state().job;
                return job && (job.state === 'finished' || job.done > {done})
                    ? [job.state === 'finished', job.done] : null; }})()"
        );
        let seen = browser.wait(page, &more)?;
        if seen[0] == true {
            return Ok(());
        }
        done = seen[1].clone();
    }
}

pub(crate) fn download(browser: &mut Browser, page: Page) -> Result<Picture> {
    wait_for_end(browser, page)?;
    let text = browser.eval(
        page,
        "(async () => { const blob = await window.millefeuille.png();
            const bytes = new Uint8Array(await blob.arrayBuffer());
            let text = ''; for (let at = 0; at < bytes.length; at += 8192)
                text += String.fromCharCode(...bytes.subarray(at, at + 8192));
            return btoa(text); })()",
    )?;
    Picture::decode(&BASE64.decode(text.as_str().context("text")?.as_bytes())?)
}
