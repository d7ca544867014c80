//! Real browsers, driven over a pipe by a small script around puppeteer (`browser.mjs`).

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::{PATIENCE, Process};

/// Which browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Debian's `chromium`.
    Chromium,
    /// Debian's `firefox-esr`, over WebDriver BiDi.
    Firefox,
}

/// A running browser with a profile of its own. Closed when dropped.
#[derive(Debug)]
pub struct Browser {
    process: Process,
    asked: u64,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It closes the browser and removes its profile, when its input ends. Killed, it would
        // leave a Firefox behind.
        let _ = self.process.wait();
    }
}

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page(u64);

impl Browser {
    /// Starts a browser with the flags that a container needs and nothing else.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(engine: Engine) -> Result<Self> {
        let mut command = Command::new("node");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/browser.mjs"));
        command.arg(match engine {
            Engine::Chromium => "chromium",
            Engine::Firefox => "firefox",
        });
        let process = Process::start("browser", command)?;
        process.lines.event("started")?;
        Ok(Browser { process, asked: 0 })
    }

    fn ask(&mut self, mut question: Value) -> Result<Value> {
        self.asked += 1;
        let number = self.asked;
        question["number"] = json!(number);
        question["patience"] = json!(PATIENCE.as_millis() - 5_000);
        self.process.say(&question)?;
        let answer =
            self.process.lines.wait("the browser's answer", |line| line["number"] == number)?;
        match answer.get("error") {
            Some(error) => bail!("{question}: {}", error.as_str().unwrap_or("?")),
            None => Ok(answer["value"].clone()),
        }
    }

    /// Opens a tab.
    ///
    /// # Errors
    /// When the page does not load.
    pub fn open(&mut self, url: &str) -> Result<Page> {
        self.open_after(url, "")
    }

    /// Opens a tab in which `script` runs before anything of the page does.
    ///
    /// # Errors
    /// When the page does not load.
    pub fn open_after(&mut self, url: &str, script: &str) -> Result<Page> {
        let page = self.ask(json!({"do": "open", "url": url, "before": script}))?;
        Ok(Page(page.as_u64().context("a page number")?))
    }

    /// How many workers the page has started itself.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn workers(&mut self, page: Page) -> Result<u64> {
        let count = self.ask(json!({"do": "workers", "page": page.0}))?;
        count.as_u64().context("a number")
    }

    /// The value of an expression in the page; a promise is awaited.
    ///
    /// # Errors
    /// When it throws.
    pub fn eval(&mut self, page: Page, expression: &str) -> Result<Value> {
        self.ask(json!({"do": "eval", "page": page.0, "expression": expression}))
    }

    /// Waits until an expression in the page is true; returns its value.
    ///
    /// # Errors
    /// When it is not within [`PATIENCE`].
    pub fn wait(&mut self, page: Page, expression: &str) -> Result<Value> {
        self.ask(json!({"do": "wait", "page": page.0, "expression": expression}))
    }

    /// Clicks an element as a person would.
    ///
    /// # Errors
    /// When there is none, or it cannot be clicked.
    pub fn click(&mut self, page: Page, selector: &str) -> Result<()> {
        self.ask(json!({"do": "click", "page": page.0, "selector": selector})).map(drop)
    }

    /// Presses a key, by its name in the DOM.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn press(&mut self, page: Page, key: &str) -> Result<()> {
        self.ask(json!({"do": "press", "page": page.0, "key": key})).map(drop)
    }

    /// Puts axe into the page, as `window.axe`.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn judge(&mut self, page: Page) -> Result<()> {
        self.ask(json!({"do": "judge", "page": page.0})).map(drop)
    }

    /// Shows the page at a size and colour scheme.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn look(&mut self, page: Page, (width, height): (u32, u32), dark: bool) -> Result<()> {
        let question = json!({"do": "look", "page": page.0, "width": width, "height": height,
            "dark": dark});
        self.ask(question).map(drop)
    }

    /// Loads the page again as a person would.
    ///
    /// # Errors
    /// When it does not load.
    pub fn reload(&mut self, page: Page) -> Result<()> {
        self.ask(json!({"do": "reload", "page": page.0})).map(drop)
    }

    /// Closes a tab as a person would: the page hears `pagehide`.
    ///
    /// # Errors
    /// When it is closed already.
    pub fn close(&mut self, page: Page) -> Result<()> {
        self.ask(json!({"do": "close", "page": page.0})).map(drop)
    }

    /// Closes every tab.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn clear(&mut self) -> Result<()> {
        self.ask(json!({"do": "clear"})).map(drop)
    }

    /// Puts a tab in front of the others of its window.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn front(&mut self, page: Page) -> Result<()> {
        self.ask(json!({"do": "front", "page": page.0})).map(drop)
    }

    /// A command of Chromium's own protocol, for what WebDriver does not reach.
    ///
    /// # Errors
    /// When Chromium refuses it.
    pub fn protocol(&mut self, page: Page, method: &str, parameters: &Value) -> Result<Value> {
        let question = json!({"do": "protocol", "page": page.0, "method": method,
            "parameters": parameters});
        self.ask(question)
    }

    /// The file that the page has saved: its name and its bytes. Waits for it, and takes it away.
    ///
    /// # Errors
    /// When there is none within [`PATIENCE`].
    pub fn downloaded(&mut self) -> Result<(String, Vec<u8>)> {
        let file = self.ask(json!({"do": "downloaded"}))?;
        let text = |name: &str| file[name].as_str().context("a file");
        let bytes = std::fs::read(text("path")?)?;
        std::fs::remove_file(text("path")?)?;
        Ok((text("name")?.to_owned(), bytes))
    }

    /// What the page wrote to its console as warnings or errors, and uncaught exceptions.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn complaints(&mut self, page: Page) -> Result<Vec<String>> {
        let list = self.ask(json!({"do": "complaints", "page": page.0}))?;
        let list = list.as_array().context("a list")?;
        Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Every URL the page asked for.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn requests(&mut self, page: Page) -> Result<Vec<String>> {
        let list = self.ask(json!({"do": "requests", "page": page.0}))?;
        let list = list.as_array().context("a list")?;
        Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Writes a screenshot, at a size and colour scheme.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn screenshot(
        &mut self,
        page: Page,
        file: &std::path::Path,
        size: (u32, u32),
        dark: bool,
    ) -> Result<()> {
        let question = json!({"do": "screenshot", "page": page.0, "file": file,
            "width": size.0, "height": size.1, "dark": dark});
        self.ask(question).map(drop)
    }
}
