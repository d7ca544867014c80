//! Modules that are always loaded together, as one script: fewer requests, and brotli sees them whole.
//!
//! Not a compiler: a module becomes a function that returns what it exports, and an import takes from
//! what it returned. That is enough for modules that export declarations by name and import each
//! other by name without a circle; anything else is refused. Names and statements stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail, ensure};

use super::folder::{Files, is_at_top};

/// A module taken apart.
#[derive(Debug, Default)]
struct Module<'a> {
    /// What it takes from which of our modules, as written between the braces.
    imports: Vec<(&'a str, String)>,
    /// Import statements of scripts that are not ours to merge.
    foreign: Vec<String>,
    /// The rest, without the word `export` when it is merged.
    lines: Vec<&'a str>,
    exports: Vec<&'a str>,
}

/// Replaces the modules that only other modules import by one script for each of those that are
/// loaded by themselves: pages, workers, what is imported later.
pub(super) fn bundle(files: &mut Files) -> Result<()> {
    let texts: BTreeMap<String, String> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".js") && !is_at_top(path))
        .map(|(path, bytes)| Ok((path.clone(), String::from_utf8(bytes.clone())?)))
        .collect::<Result<_>>()?;
    let modules: BTreeMap<&str, Module<'_>> = texts
        .iter()
        .map(|(path, text)| Ok((path.as_str(), take_apart(path, text, &texts)?)))
        .collect::<Result<_>>()?;
    let merged: BTreeSet<&str> =
        modules.values().flat_map(|module| module.imports.iter().map(|(from, _)| *from)).collect();
    for (path, module) in &modules {
        if merged.contains(path) {
            files.remove(*path);
        } else if !module.imports.is_empty() {
            files.insert((*path).to_owned(), written(path, &modules)?.into_bytes());
        }
    }
    Ok(())
}

fn take_apart<'a>(
    path: &str,
    text: &'a str,
    ours: &'a BTreeMap<String, String>,
) -> Result<Module<'a>> {
    let mut module = Module::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("import ") {
            let mut statement = line.to_owned();
            while !statement.ends_with(';') {
                let next =
                    lines.next().with_context(|| format!("{path}: an import without end"))?;
                write!(statement, " {}", next.trim())?;
            }
            let (names, from) =
                statement.rsplit_once(" from ").with_context(|| format!("{path}: {statement}"))?;
            let from = from.trim_matches([';', '\'', '"']).trim_start_matches("./");
            let Some((from, _)) = ours.get_key_value(from) else {
                module.foreign.push(statement);
                continue;
            };
            let names = names.trim_start_matches("import ");
            let taken = names.strip_prefix('{').and_then(|names| names.strip_suffix('}'));
            let taken = taken
                .with_context(|| format!("{path}: only names can be imported: {statement}"))?;
            module.imports.push((from, taken.trim().trim_end_matches(',').replace(" as ", ": ")));
            continue;
        }
        if let Some(declared) = line.strip_prefix("export ") {
            let words = declared.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
            let known = ["async", "function", "class", "const"];
            let name = words.clone().find(|word| !known.contains(word) && !word.is_empty());
            let is_known = words.clone().next().is_some_and(|word| known.contains(&word));
            match name {
                Some(name) if is_known => module.exports.push(name),
                _ => bail!("{path}: only declarations can be exported: {line}"),
            }
        }
        module.lines.push(line);
    }
    Ok(module)
}

/// The script of an entry: what it imports, each once and after what that imports, then itself.
fn written(entry: &str, modules: &BTreeMap<&str, Module<'_>>) -> Result<String> {
    let mut order = Vec::new();
    visit(entry, modules, &mut order, &mut Vec::new())?;
    let mut script = String::new();
    for statement in &modules[entry].foreign {
        writeln!(script, "{statement}")?;
    }
    for path in order {
        let module = &modules[path];
        let is_entry = path == entry;
        if !is_entry {
            ensure!(module.foreign.is_empty(), "{path}: {} is not ours", module.foreign.join(" "));
            writeln!(script, "const {} = (() => {{", handle(path))?;
        }
        for (from, names) in &module.imports {
            writeln!(script, "const {{ {names} }} = {};", handle(from))?;
        }
        for line in &module.lines {
            let line = if is_entry { line } else { line.strip_prefix("export ").unwrap_or(line) };
            writeln!(script, "{line}")?;
        }
        if !is_entry {
            writeln!(script, "return {{ {} }};\n}})();", module.exports.join(", "))?;
        }
    }
    Ok(script)
}

fn visit<'a>(
    path: &'a str,
    modules: &BTreeMap<&'a str, Module<'a>>,
    order: &mut Vec<&'a str>,
    above: &mut Vec<&'a str>,
) -> Result<()> {
    ensure!(!above.contains(&path), "{} imports itself: {}", path, above.join(", "));
    if order.contains(&path) {
        return Ok(());
    }
    above.push(path);
    for (from, _) in &modules[path].imports {
        visit(from, modules, order, above)?;
    }
    above.pop();
    order.push(path);
    Ok(())
}

/// `node-worker.js` as a name.
fn handle(path: &str) -> String {
    let plain: String = path
        .trim_end_matches(".js")
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    format!("$_{plain}")
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::files;
    use super::*;

    #[test]
    fn modules_of_an_entry_become_one_script_and_workers_stay() {
        let mut page = files(&[
            ("page.js", "import('./app.js');\n"),
            (
                "app.js",
                "// What.\nimport {\n  a,\n  b as c,\n} from './a.js';\nimport { b } from './b.js';\nexport class App { x = a + b + c; }\n",
            ),
            (
                "a.js",
                "import { b as d } from './b.js';\nexport const a = 1;\nexport async function b() { return d; }\n",
            ),
            ("b.js", "export function b() {}\nconst a = 2;\n"),
            (
                "a-worker.js",
                "import init, { Tile } from './kernel.js';\nimport { a } from './a.js';\ninit(a);\n",
            ),
        ]);
        bundle(&mut page).unwrap();
        let paths: Vec<&str> = page.keys().map(String::as_str).collect();
        assert_eq!(paths, ["a-worker.js", "app.js", "page.js"]);
        let text = |path: &str| String::from_utf8_lossy(&page[path]).into_owned();
        let app = "const $_b = (() => {
function b() {}
const a = 2;
return { b };
})();
const $_a = (() => {
const { b: d } = $_b;
const a = 1;
async function b() { return d; }
return { a, b };
})();
const { a, b: c } = $_a;
const { b } = $_b;
// What.
export class App { x = a + b + c; }
";
        assert_eq!(text("app.js"), app);
        assert!(
            text("a-worker.js")
                .starts_with("import init, { Tile } from './kernel.js';\nconst $_b =")
        );
        assert_eq!(text("page.js"), "import('./app.js');\n");
    }

    #[test]
    fn the_modules_of_this_page_are_understood() {
        let web = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web");
        let mut page = Files::new();
        for entry in std::fs::read_dir(web).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if name.ends_with(".js") && !name.ends_with(".test.js") {
                page.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
        bundle(&mut page).unwrap();
        assert!(page.contains_key("app.js") && page.contains_key("join.js"));
        assert!(!page.contains_key("panels.js"), "it is loaded by itself");
    }

    #[test]
    fn what_it_does_not_understand_is_refused() {
        let refused = |list: &[(&str, &str)]| bundle(&mut files(list)).unwrap_err().to_string();
        assert!(refused(&[("a.js", "export default 1;")]).contains("declarations"));
        assert!(refused(&[("a.js", "export { a };")]).contains("declarations"));
        assert!(
            refused(&[("a.js", "import * as b from './b.js';"), ("b.js", "")]).contains("names")
        );
        let circle = refused(&[
            ("c.js", "import { a } from './a.js';"),
            ("a.js", "import { b } from './b.js';"),
            ("b.js", "import { a } from './a.js';"),
        ]);
        assert!(circle.contains("itself"), "{circle}");
    }
}
