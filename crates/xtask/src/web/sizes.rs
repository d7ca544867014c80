//! What the page costs: the table of sizes and the budgets.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};

use super::folder::{Folder, extension};
use crate::run::say;

/// Bytes, brotli, and requests that the page may cost. A ratchet just above what it costs: the aim
/// is 250 kB of wasm, 40 kB of scripts and 300 kB in all.
struct Budget {
    what: &'static str,
    limit: u64,
    unit: &'static str,
    used: fn(&Sizes) -> u64,
}

const BUDGETS: [Budget; 7] = [
    Budget { what: "wasm", limit: 369_700, unit: "B", used: |s| s.kind("wasm") },
    Budget { what: "js", limit: 56_400, unit: "B", used: |s| s.scripts() },
    Budget { what: "other pages", limit: 10_000, unit: "B", used: |s| s.embedded() },
    Budget { what: "css", limit: 10_000, unit: "B", used: |s| s.kind("css") },
    Budget { what: "everything", limit: 481_800, unit: "B", used: |s| s.all() },
    Budget { what: "first view", limit: 60_000, unit: "B", used: |s| s.view() },
    Budget { what: "first view", limit: 6, unit: "requests", used: |s| s.first_view.len() as u64 },
];

/// What a browser receives, and what it asks for before the visitor does anything.
struct Sizes<'a> {
    files: &'a Folder,
    first_view: BTreeSet<String>,
}

impl Sizes<'_> {
    fn kind(&self, end: &str) -> u64 {
        self.sum(|path| extension(path) == end)
    }

    /// What the page itself loads of scripts.
    fn scripts(&self) -> u64 {
        self.kind("js") - self.embedded()
    }

    /// The module for other pages, without the workers that it shares with this one.
    fn embedded(&self) -> u64 {
        self.sum(|path| path.ends_with("/join.js") || path == "embed.js")
    }

    fn all(&self) -> u64 {
        self.sum(|_| true)
    }

    fn view(&self) -> u64 {
        self.sum(|path| self.first_view.contains(path))
    }

    fn sum(&self, counts: impl Fn(&str) -> bool) -> u64 {
        self.files.iter().filter(|(path, _)| counts(path)).map(|(_, file)| file.bytes()).sum()
    }
}

pub(super) fn check(files: &Folder) -> Result<()> {
    let sizes = Sizes { files, first_view: first_view(files) };
    let width = files.keys().map(String::len).max().unwrap_or(0);
    say(&format!("{:width$}  {:>9}  {:>9}", "file", "raw", "br"));
    for (path, file) in files {
        let (raw, sent) = (file.raw.len(), file.bytes());
        let first = if sizes.first_view.contains(path) { "  first view" } else { "" };
        say(&format!("{path:width$}  {raw:>9}  {sent:>9}{first}"));
    }
    let mut over = Vec::new();
    for Budget { what, limit, unit, used } in &BUDGETS {
        let used = used(&sizes);
        let verdict = if used <= *limit { "" } else { "  OVER" };
        say(&format!("{what:12} {used:>8} of {limit:>7} {unit}{verdict}"));
        if used > *limit {
            over.push(*what);
        }
    }
    ensure!(over.is_empty(), "over budget: {}", over.join(", "));
    Ok(())
}

/// index.html, what it names in `src` and `href`, and what those modules import statically.
fn first_view(files: &Folder) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec!["index.html".to_owned()];
    while let Some(path) = open.pop() {
        let Some(file) = files.get(&path) else { continue };
        if !seen.insert(path.clone()) {
            continue;
        }
        let text = String::from_utf8_lossy(&file.raw);
        let named = match extension(&path) {
            "html" => attributes(&text),
            "js" | "mjs" => imports(&text),
            _ => Vec::new(),
        };
        open.extend(named.iter().map(|target| resolve(&path, target)));
    }
    seen
}

/// Values of `src="…"` and `href="…"`.
fn attributes(html: &str) -> Vec<String> {
    let mut values = Vec::new();
    for attribute in [" src=", " href=", "\nsrc=", "\nhref="] {
        for (at, _) in html.match_indices(attribute) {
            values.extend(quoted(&html[at + attribute.len()..]));
        }
    }
    values
}

/// Targets of static imports: `import …` and `export … from` at the start of a line, also where the
/// list of names fills several lines, and without spaces where none are needed.
fn imports(js: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in js.lines().map(str::trim_start) {
        let starts = ["import ", "import{", "import*", "import\"", "export ", "export{", "}"];
        if !starts.iter().any(|start| line.starts_with(start)) {
            continue;
        }
        let after_from = line.rsplit_once("from").and_then(|(_, after)| quoted(after));
        targets.extend(after_from.or(line.strip_prefix("import").and_then(quoted)));
    }
    targets
}

/// The string literal that `text` starts with.
fn quoted(text: &str) -> Option<String> {
    let text = text.trim_start();
    let quote = text.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    text[1..].split_once(quote).map(|(inside, _)| inside.to_owned())
}

/// `target` as seen from the file `from`, below the web folder.
fn resolve(from: &str, target: &str) -> String {
    let target = target.split(['?', '#']).next().unwrap_or(target);
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if target.starts_with('/') {
        parts.clear();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
#[cfg(test)]
mod tests {
    use super::super::Mode;
    use super::super::folder::tests::{INDEX, as_it_is, files};
    use super::super::folder::{Files, Sent, assemble};
    use super::*;

    fn sent(files: Files) -> Folder {
        files
            .into_iter()
            .map(|(path, raw)| (path.clone(), Sent::new(&path, raw, Mode::Release).unwrap()))
            .collect()
    }

    #[test]
    fn the_first_view_follows_static_imports_only() {
        let page = files(&[
            ("index.html", INDEX),
            ("page.css", "p{}"),
            (
                "page.js",
                "import {\n  a,\n} from './a.js';\nimport './parts/b.js';\nimport('./c.js')",
            ),
            ("a.js", "export { d } from \"./parts/b.js\";"),
            ("parts/b.js", "import*as a from\"../a.js\"\nimport\"../d.js\""),
            ("d.js", ""),
            ("c.js", ""),
            ("kernel.js", ""),
        ]);
        let made = sent(assemble(page, Files::new(), Mode::Dev, as_it_is).unwrap());
        let view: Vec<String> = first_view(&made)
            .iter()
            .map(|path| path.split_once('/').map_or(path.as_str(), |(_, rest)| rest).to_owned())
            .collect();
        assert_eq!(view, ["a.js", "d.js", "page.css", "page.js", "parts/b.js", "index.html"]);
    }

    #[test]
    fn sizes_over_a_failing_budget_are_refused() {
        let mut page = files(&[("index.html", INDEX), ("page.js", "1")]);
        assert!(check(&sent(page.clone())).is_ok());
        let mut noise = vec![0u8; 100_000];
        let mut state = 1u32;
        for byte in &mut noise {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        page.insert("noise.js".into(), noise);
        assert_eq!(check(&sent(page)).unwrap_err().to_string(), "over budget: js");
    }
}
