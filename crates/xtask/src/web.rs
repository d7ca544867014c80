//! Builds the page into `target/web/`, ready to be served as it is.
//!
//! The HTML lies at the top; everything else lies in one folder named by the hash of its contents,
//! so that a server may let browsers keep it for ever and relative imports need no rewriting. In
//! HTML `__APP__` stands for that folder's name. Nothing is served that is not in `web/` or made by
//! wasm-bindgen here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::run::{Counts, Repo, StageFailed, Stages, find_program, run, say};
use crate::setup::{self, WASM_TARGET};

/// What HTML writes in place of the hashed folder's name.
const PLACEHOLDER: &str = "__APP__";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What is shipped: optimised as a whole, compressed, held to the budgets.
    Release,
    /// For an edit-and-look loop: no link-time optimisation, no compression, no budgets.
    Dev,
}

/// A wasm module of the crate `browser`: feature and output name are its name.
struct Module {
    name: &'static str,
    profile: &'static str,
    rustflags: &'static str,
    wasm_opt: &'static str,
}

const MODULES: [Module; 2] = [
    Module { name: "node", profile: "wasm-node", rustflags: "", wasm_opt: "-Os" },
    Module {
        name: "kernel",
        profile: "wasm-kernel",
        rustflags: "-C target-feature=+simd128",
        wasm_opt: "-O3",
    },
];

/// What rustc may use of wasm, said to wasm-opt, which assumes less.
const WASM_OPT_FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Bytes, brotli, and requests that the page may cost; chosen, see `page.md` §7.
struct Budget {
    what: &'static str,
    limit: u64,
    unit: &'static str,
    /// Whether the build fails above it. The first view is only shown.
    fails: bool,
    used: fn(&Sizes) -> u64,
}

const BUDGETS: [Budget; 6] = [
    Budget { what: "wasm", limit: 250_000, unit: "B", fails: true, used: |s| s.kind("wasm") },
    Budget { what: "js", limit: 40_000, unit: "B", fails: true, used: |s| s.kind("js") },
    Budget { what: "css", limit: 10_000, unit: "B", fails: true, used: |s| s.kind("css") },
    Budget { what: "everything", limit: 300_000, unit: "B", fails: true, used: |s| s.all() },
    Budget { what: "first view", limit: 60_000, unit: "B", fails: false, used: |s| s.view() },
    Budget {
        what: "first view",
        limit: 6,
        unit: "requests",
        fails: false,
        used: |s| s.first_view.len() as u64,
    },
];

/// The folder that [`build`] fills.
pub(crate) fn folder(repo: &Repo) -> PathBuf {
    repo.target.join("web")
}

pub(crate) fn build(repo: &Repo, stages: &mut Stages, mode: Mode) -> Result<()> {
    stages.step("web: wasm target", || setup::wasm_target(repo))?;
    for module in &MODULES {
        stages.step(&format!("web: build {}", module.name), || compile(repo, module, mode))?;
    }
    let bindings = repo.target.join("web-bindings");
    stages.step("web: bind", || bind(repo, &bindings, mode))?;
    let files = stages.step("web: pack", || pack(repo, &bindings, mode))?;
    if mode == Mode::Release
        && !stages.check("web: sizes", || check_budgets(&files).map(|()| Counts::ONE))
    {
        return Err(StageFailed.into());
    }
    say(&format!("\nthe page is in {}", repo.short(&folder(repo))));
    Ok(())
}

// ---- wasm -----------------------------------------------------------------------------------

/// Each module has a profile, hence an output folder, of its own: the two never rebuild each other.
fn compile(repo: &Repo, module: &Module, mode: Mode) -> Result<()> {
    let Module { name, profile, rustflags, .. } = module;
    let mut cargo = repo.cargo(&["build", "-p", "browser", "--target", WASM_TARGET]);
    cargo.args(["--profile", profile, "--no-default-features", "--features", name]);
    if mode == Mode::Dev {
        for setting in ["lto=false", "codegen-units=16", "incremental=true"] {
            cargo.arg("--config").arg(format!("profile.{profile}.{setting}"));
        }
    }
    if !rustflags.is_empty() {
        cargo.env("RUSTFLAGS", rustflags);
    }
    run(&mut cargo)
}

fn bind(repo: &Repo, into: &Path, mode: Mode) -> Result<()> {
    remove_folder(into)?;
    for Module { name, profile, wasm_opt, .. } in &MODULES {
        let wasm = repo.target.join(WASM_TARGET).join(profile).join("browser.wasm");
        bind_one(&wasm, name, into)?;
        if mode == Mode::Release
            && let Some(program) = find_wasm_opt(repo)
        {
            optimise(repo, &program, wasm_opt, &into.join(format!("{name}_bg.wasm")));
        }
    }
    Ok(())
}

/// wasm-bindgen as a library. The default module path is what lets `init()` be called without an
/// argument; the library, unlike its command line, leaves it out unless told.
fn bind_one(wasm: &Path, name: &str, into: &Path) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .out_name(name)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(into)
        .with_context(|| format!("wasm-bindgen on {}", wasm.display()))
}

fn find_wasm_opt(repo: &Repo) -> Option<PathBuf> {
    let of_tests = repo.root.join("tests/node_modules/.bin/wasm-opt");
    find_program("wasm-opt").or_else(|| of_tests.is_file().then_some(of_tests))
}

/// Saves a few per cent, so a wasm-opt that is too old for our features is no failure.
fn optimise(repo: &Repo, program: &Path, level: &str, wasm: &Path) {
    let smaller = wasm.with_extension("opt");
    let mut command = repo.program(program);
    command.arg(level).args(WASM_OPT_FEATURES).arg(wasm).arg("-o").arg(&smaller);
    match run(&mut command).and_then(|()| Ok(fs::rename(&smaller, wasm)?)) {
        Ok(()) => {}
        Err(error) => say(&format!("kept without wasm-opt: {error:#}")),
    }
}

// ---- folder ---------------------------------------------------------------------------------

/// Path below the web folder, with `/`, and contents.
type Files = BTreeMap<String, Vec<u8>>;

/// The finished folder.
type Folder = BTreeMap<String, Sent>;

/// A file as the server can send it.
struct Sent {
    raw: Vec<u8>,
    /// Absent where packing gains nothing.
    packed: Option<Packed>,
}

struct Packed {
    br: Vec<u8>,
    gz: Vec<u8>,
}

impl Sent {
    fn new(path: &str, raw: Vec<u8>, mode: Mode) -> Result<Sent> {
        if mode == Mode::Dev || !is_compressible(path) {
            return Ok(Sent { raw, packed: None });
        }
        let (br, gz) = (brotli(&raw)?, gzip(&raw)?);
        let gains = br.len() < raw.len() && gz.len() < raw.len();
        Ok(Sent { raw, packed: gains.then_some(Packed { br, gz }) })
    }

    /// Bytes on the wire to a browser, all of which read brotli.
    fn bytes(&self) -> u64 {
        self.packed.as_ref().map_or(self.raw.len(), |packed| packed.br.len()) as u64
    }
}

/// Puts page and bindings together in a fresh folder, which then takes the old one's place.
fn pack(repo: &Repo, bindings: &Path, mode: Mode) -> Result<Folder> {
    let mut page = Files::new();
    read_folder(&repo.root.join("web"), "", &mut page)?;
    page.retain(|path, _| is_shipped(path));
    let mut bound = Files::new();
    read_folder(bindings, "", &mut bound)?;
    let files = assemble(page, bound)?;

    let files: Folder = files
        .into_iter()
        .map(|(path, raw)| Ok((path.clone(), Sent::new(&path, raw, mode)?)))
        .collect::<Result<_>>()?;

    let fresh = repo.target.join("web.fresh");
    let stale = repo.target.join("web.stale");
    remove_folder(&fresh)?;
    for (path, file) in &files {
        let write = |suffix: &str, bytes: &[u8]| -> Result<()> {
            let path = fresh.join(format!("{path}{suffix}"));
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
            fs::write(&path, bytes).with_context(|| path.display().to_string())
        };
        write("", &file.raw)?;
        if let Some(packed) = &file.packed {
            write(".br", &packed.br)?;
            write(".gz", &packed.gz)?;
        }
    }
    remove_folder(&stale)?;
    let folder = folder(repo);
    if folder.exists() {
        fs::rename(&folder, &stale)?;
    }
    fs::rename(&fresh, &folder)?;
    remove_folder(&stale)?;
    Ok(files)
}

/// The files of the finished folder: HTML at the top, the rest in `app-<hash>/`.
fn assemble(page: Files, bound: Files) -> Result<Files> {
    let (html, mut app): (Files, Files) =
        page.into_iter().partition(|(path, _)| path.ends_with(".html") && !path.contains('/'));
    ensure!(html.contains_key("index.html"), "web/index.html is missing");
    for (path, bytes) in bound {
        if app.insert(path.clone(), bytes).is_some() {
            bail!("web/{path} is also the name of a file that wasm-bindgen writes");
        }
    }
    let name = app_name(&app);
    let mut files: Files =
        app.into_iter().map(|(path, bytes)| (format!("{name}/{path}"), bytes)).collect();
    for (path, bytes) in html {
        let text = String::from_utf8(bytes).with_context(|| format!("web/{path}"))?;
        if path == "index.html" && !text.contains(PLACEHOLDER) {
            bail!("web/index.html names no {PLACEHOLDER}, so the page would load nothing");
        }
        files.insert(path, text.replace(PLACEHOLDER, &name).into_bytes());
    }
    Ok(files)
}

/// `app-` and the first 12 hex digits of a hash over all paths and contents.
fn app_name(app: &Files) -> String {
    let mut hash = Sha256::new();
    for (path, bytes) in app {
        for part in [path.as_bytes(), bytes.as_slice()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let hex: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("app-{hex}")
}

/// Tests, notes and settings lie beside the page but are no part of it.
fn is_shipped(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let hidden = path.split('/').any(|part| part.starts_with('.') || part == "node_modules");
    let settings = ["package.json", "package-lock.json", "tsconfig.json", "jsconfig.json"];
    let other = [".md", ".d.ts", ".test.js", ".test.mjs"];
    !hidden && !settings.contains(&name) && !other.iter().any(|end| name.ends_with(end))
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let path = format!("{prefix}{}", name.to_str().context("a file name is not UTF-8")?);
        if entry.path().is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

fn remove_folder(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

fn is_compressible(path: &str) -> bool {
    let ends = ["html", "css", "js", "mjs", "json", "svg", "txt", "wasm", "webmanifest"];
    ends.contains(&extension(path))
}

fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, end)| end)
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut packed = Vec::new();
    brotli::CompressorWriter::new(&mut packed, 4096, 11, 22).write_all(bytes)?;
    Ok(packed)
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(9));
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

// ---- sizes ----------------------------------------------------------------------------------

/// What a browser receives, and what it asks for before the visitor does anything.
struct Sizes<'a> {
    files: &'a Folder,
    first_view: BTreeSet<String>,
}

impl Sizes<'_> {
    fn kind(&self, end: &str) -> u64 {
        self.sum(|path| extension(path) == end)
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

fn check_budgets(files: &Folder) -> Result<()> {
    let sizes = Sizes { files, first_view: first_view(files) };
    let width = files.keys().map(String::len).max().unwrap_or(0);
    say(&format!("{:width$}  {:>9}  {:>9}", "file", "raw", "br"));
    for (path, file) in files {
        let (raw, sent) = (file.raw.len(), file.bytes());
        let first = if sizes.first_view.contains(path) { "  first view" } else { "" };
        say(&format!("{path:width$}  {raw:>9}  {sent:>9}{first}"));
    }
    let mut over = Vec::new();
    for Budget { what, limit, unit, fails, used } in &BUDGETS {
        let used = used(&sizes);
        let verdict = if used <= *limit { "" } else { "  OVER" };
        say(&format!("{what:12} {used:>8} of {limit:>7} {unit}{verdict}"));
        if used > *limit && *fails {
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
/// list of names fills several lines.
fn imports(js: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in js.lines().map(str::trim_start) {
        if !["import ", "import{", "export ", "}"].iter().any(|start| line.starts_with(start)) {
            continue;
        }
        let after_from = line.rsplit_once(" from ").map(|(_, after)| after);
        targets.extend(after_from.or(line.strip_prefix("import ")).and_then(quoted));
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
    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect()
    }

    fn sent(files: Files) -> Folder {
        files
            .into_iter()
            .map(|(path, raw)| (path.clone(), Sent::new(&path, raw, Mode::Release).unwrap()))
            .collect()
    }

    const INDEX: &str = "<link rel=\"stylesheet\" href=\"__APP__/page.css\">\n\
        <script type=\"module\" src=\"./__APP__/page.js\"></script>\n\
        <a href=\"https://example.org/__APP__/kernel.js\">elsewhere</a>";

    #[test]
    fn html_lies_at_the_top_and_the_rest_in_the_hashed_folder() {
        let page = files(&[("index.html", INDEX), ("page.js", "1"), ("parts/ring.js", "2")]);
        let made = assemble(page, files(&[("node_bg.wasm", "w")])).unwrap();
        let paths: Vec<&str> = made.keys().map(String::as_str).collect();
        let name = paths[0].split('/').next().unwrap();
        assert!(name.starts_with("app-") && name.len() == 16, "{name}");
        assert_eq!(paths[3..], ["index.html"]);
        assert_eq!(paths[1], format!("{name}/page.js"));
        let html = String::from_utf8_lossy(&made["index.html"]);
        assert!(html.contains(&format!("src=\"./{name}/page.js\"")) && !html.contains("__APP__"));
    }

    #[test]
    fn the_folder_is_named_by_paths_and_contents() {
        let name = |list: &[(&str, &str)]| app_name(&files(list));
        assert_eq!(name(&[("a.js", "1")]), name(&[("a.js", "1")]));
        assert_ne!(name(&[("a.js", "1")]), name(&[("a.js", "2")]));
        assert_ne!(name(&[("a.js", "1")]), name(&[("b.js", "1")]));
        assert_ne!(name(&[("a", "bc")]), name(&[("ab", "c")]));
    }

    #[test]
    fn a_page_that_would_load_nothing_is_refused() {
        assert!(assemble(files(&[("index.html", "<p>")]), Files::new()).is_err());
        assert!(assemble(files(&[("page.js", "1")]), Files::new()).is_err());
        let twice = files(&[("index.html", INDEX), ("node.js", "1")]);
        assert!(assemble(twice, files(&[("node.js", "2")])).is_err());
    }

    #[test]
    fn tests_and_settings_are_not_shipped() {
        for path in ["page.js", "parts/ring.js", "icon.svg", "index.html"] {
            assert!(is_shipped(path), "{path}");
        }
        for path in ["view.test.js", "tsconfig.json", "README.md", ".eslintrc", "types.d.ts"] {
            assert!(!is_shipped(path), "{path}");
        }
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
            ("parts/b.js", "import * as a from '../a.js';"),
            ("c.js", ""),
            ("kernel.js", ""),
        ]);
        let made = sent(assemble(page, Files::new()).unwrap());
        let view: Vec<String> = first_view(&made)
            .iter()
            .map(|path| path.split_once('/').map_or(path.as_str(), |(_, rest)| rest).to_owned())
            .collect();
        assert_eq!(view, ["a.js", "page.css", "page.js", "parts/b.js", "index.html"]);
    }

    #[test]
    fn sizes_over_a_failing_budget_are_refused() {
        let mut page = files(&[("index.html", INDEX), ("page.js", "1")]);
        assert!(check_budgets(&sent(page.clone())).is_ok());
        let mut noise = vec![0u8; 60_000];
        let mut state = 1u32;
        for byte in &mut noise {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        page.insert("noise.js".into(), noise);
        assert_eq!(check_budgets(&sent(page)).unwrap_err().to_string(), "over budget: js");
    }

    #[test]
    fn what_is_packed_can_be_unpacked() {
        let text = "a thousand leaves, one computer. ".repeat(100);
        let mut out = Vec::new();
        let packed = brotli(text.as_bytes()).unwrap();
        brotli::BrotliDecompress(&mut packed.as_slice(), &mut out).unwrap();
        assert_eq!(out, text.as_bytes());
        out.clear();
        let packed = gzip(text.as_bytes()).unwrap();
        flate2::write::GzDecoder::new(&mut out).write_all(&packed).unwrap();
        assert_eq!(out, text.as_bytes());
    }
}
