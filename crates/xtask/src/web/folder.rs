//! The folder that is served: what it holds, under which names, and packed for the wire.
//!
//! What has a lasting address lies at the top: the HTML, and the module for other pages. Everything
//! else lies in one folder named by the hash of its contents, so that a server may let browsers keep
//! it for ever and relative imports need no rewriting. At the top `__APP__` stands for that
//! folder's name. Nothing is served that is not in `web/` or made by
//! wasm-bindgen.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use super::{Mode, join::join, package, served, smaller::Smaller, strip::strip};
use crate::run::Repo;

/// What files at the top write in place of the hashed folder's name.
const PLACEHOLDER: &str = "__APP__";
/// Path below the web folder, with `/`, and contents.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// The finished folder.
pub(super) type Folder = BTreeMap<String, Sent>;

/// A file as the server can send it.
pub(super) struct Sent {
    pub(super) raw: Vec<u8>,
    /// Absent where packing gains nothing.
    packed: Option<Packed>,
}

struct Packed {
    br: Vec<u8>,
    gz: Vec<u8>,
}

impl Sent {
    pub(super) fn new(path: &str, raw: Vec<u8>, mode: Mode) -> Result<Sent> {
        if mode == Mode::Dev || !is_compressible(path) {
            return Ok(Sent { raw, packed: None });
        }
        let (br, gz) = (brotli(&raw)?, gzip(&raw)?);
        let gains = br.len() < raw.len() && gz.len() < raw.len();
        Ok(Sent { raw, packed: gains.then_some(Packed { br, gz }) })
    }

    /// Bytes on the wire to a browser, all of which read brotli.
    pub(super) fn bytes(&self) -> u64 {
        self.packed.as_ref().map_or(self.raw.len(), |packed| packed.br.len()) as u64
    }
}

/// Puts page and bindings together in a fresh folder, which then takes the old one's place.
pub(super) fn pack(
    repo: &Repo,
    bindings: &Path,
    mode: Mode,
    smaller: &Smaller<'_>,
) -> Result<Folder> {
    let mut page = Files::new();
    read_folder(&repo.root.join("web"), "", &mut page)?;
    page.retain(|path, _| is_shipped(path));
    let mut bound = Files::new();
    read_folder(bindings, "", &mut bound)?;
    if mode == Mode::Release {
        for files in [&mut page, &mut bound] {
            lighten(files)?;
        }
    }
    let shrink = |app: &mut Files| match mode {
        Mode::Release => smaller.scripts(app),
        Mode::Dev => Ok(()),
    };
    let files = assemble(page, bound, mode, shrink)?;
    package::write(repo, &files)?;

    let files: Folder = files
        .into_iter()
        .map(|(path, raw)| Ok((path.clone(), Sent::new(&path, raw, mode)?)))
        .collect::<Result<_>>()?;

    let fresh = repo.target.join("web.fresh");
    let stale = repo.target.join("web.stale");
    remove(&fresh)?;
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
    remove(&stale)?;
    let folder = served(repo);
    if folder.exists() {
        fs::rename(&folder, &stale)?;
    }
    fs::rename(&fresh, &folder)?;
    remove(&stale)?;
    Ok(files)
}

/// Scripts without their comments, which are a third of what they cost.
fn lighten(files: &mut Files) -> Result<()> {
    for (path, bytes) in files.iter_mut().filter(|(path, _)| extension(path) == "js") {
        let script = std::str::from_utf8(bytes).with_context(|| path.clone())?;
        *bytes = strip(script).into_bytes();
    }
    Ok(())
}

/// What keeps its address when the page changes: HTML, and the module for other pages.
fn is_at_top(path: &str) -> bool {
    !path.contains('/') && (path.ends_with(".html") || path == "embed.js")
}

/// The files of the finished folder: those at the top, the rest in `app-<hash>/`, as small as `shrink`
/// makes them.
pub(super) fn assemble(
    page: Files,
    bound: Files,
    mode: Mode,
    shrink: impl Fn(&mut Files) -> Result<()>,
) -> Result<Files> {
    let (top, mut app): (Files, Files) = page.into_iter().partition(|(path, _)| is_at_top(path));
    ensure!(top.contains_key("index.html"), "web/index.html is missing");
    for (path, bytes) in bound {
        if app.insert(path.clone(), bytes).is_some() {
            bail!("web/{path} is also the name of a file that wasm-bindgen writes");
        }
    }
    if mode == Mode::Release {
        join(&top, &mut app)?;
    }
    shrink(&mut app)?;
    let name = app_name(&app);
    let mut files: Files =
        app.into_iter().map(|(path, bytes)| (format!("{name}/{path}"), bytes)).collect();
    for (path, bytes) in top {
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

pub(super) fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

fn is_compressible(path: &str) -> bool {
    let ends = ["html", "css", "js", "mjs", "json", "svg", "txt", "wasm", "webmanifest"];
    ends.contains(&extension(path))
}

pub(super) fn extension(path: &str) -> &str {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::web) fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(path, text)| (path.to_string(), text.as_bytes().to_vec())).collect()
    }

    pub(in crate::web) fn as_it_is(_: &mut Files) -> Result<()> {
        Ok(())
    }

    pub(in crate::web) const INDEX: &str = "<link rel=\"stylesheet\" href=\"__APP__/page.css\">\n\
        <script type=\"module\" src=\"./__APP__/page.js\"></script>\n\
        <a href=\"https://example.org/__APP__/kernel.js\">elsewhere</a>";

    #[test]
    fn html_lies_at_the_top_and_the_rest_in_the_hashed_folder() {
        let page = files(&[("index.html", INDEX), ("page.js", "1"), ("parts/ring.js", "2")]);
        let made = assemble(page, files(&[("node_bg.wasm", "w")]), Mode::Dev, as_it_is).unwrap();
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
        assert!(
            assemble(files(&[("index.html", "<p>")]), Files::new(), Mode::Dev, as_it_is).is_err()
        );
        assert!(assemble(files(&[("page.js", "1")]), Files::new(), Mode::Dev, as_it_is).is_err());
        let twice = files(&[("index.html", INDEX), ("node.js", "1")]);
        assert!(assemble(twice, files(&[("node.js", "2")]), Mode::Dev, as_it_is).is_err());
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
