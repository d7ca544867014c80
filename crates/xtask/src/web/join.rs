//! Modules, shipped inside the files that need them: fewer requests one after the other, and what
//! they have in common is packed once.
//!
//! Not a bundler: it knows the few forms in which this page's scripts import and export, line by line,
//! and leaves every module alone that uses another. A module becomes a function that gives its exports;
//! its names stay its own, and stack traces keep theirs. Runs on scripts that [`strip`](super::strip)
//! has been through.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};

use super::folder::{Files, extension};

/// A script as this page writes them.
struct Module {
    /// Target and pattern, `{a, b: c}`, of each `import { a, b as c } from './target.js'`.
    imports: Vec<(String, String)>,
    /// Imports of another form, whose targets stay files. Only a file may have them.
    other_imports: String,
    exports: Vec<String>,
    body: String,
}

type Modules<'a> = BTreeMap<&'a str, Module>;

/// Joins what can be joined. Scripts named in `html`, as workers or by `import()` stay files.
pub(super) fn join(html: &Files, app: &mut Files) -> Result<()> {
    let scripts: BTreeMap<String, String> = app
        .iter()
        .filter(|(path, _)| extension(path) == "js" && !path.contains('/'))
        .filter_map(|(path, bytes)| Some((path.clone(), String::from_utf8(bytes.clone()).ok()?)))
        .collect();
    let modules: Modules =
        scripts.iter().filter_map(|(path, text)| Some((path.as_str(), read(text)?))).collect();
    let guests = guests(html, &scripts, &modules);
    for (&path, module) in &modules {
        if guests.contains(path) {
            app.remove(path);
        } else if module.imports.iter().any(|(target, _)| guests.contains(target.as_str())) {
            let mut file = Joined::new(&modules, &guests, path);
            let mut body = file.enter(path)?;
            if !module.exports.is_empty() {
                body.push_str(&format!("export {{{}}};\n", module.exports.join(", ")));
            }
            let text = format!("{}{}{body}", module.other_imports, file.text);
            app.insert(path.to_owned(), text.into_bytes());
        }
    }
    Ok(())
}

/// The modules that go into the files that import them, into each its own: files are of different pages
/// and workers, but for one that loads another by `import()`. What those two need stays a file, so that
/// its state exists once.
fn guests<'a>(
    html: &Files,
    scripts: &'a BTreeMap<String, String>,
    modules: &Modules<'a>,
) -> BTreeSet<&'a str> {
    let mut guests: BTreeSet<&str> = modules.keys().flat_map(|path| reach(path, modules)).collect();
    guests.retain(|path| {
        modules[path].other_imports.is_empty() && !is_named(path, html, scripts, modules)
    });
    for (path, text) in scripts {
        let loads = |other: &&&str| text.contains(&format!("import('./{other}')"));
        for other in modules.keys().filter(loads) {
            let both = &reach(path, modules) & &reach(other, modules);
            guests.retain(|path| !both.contains(path));
        }
    }
    guests
}

/// What a module imports, directly or through others.
fn reach<'a>(path: &str, modules: &Modules<'a>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        for (target, _) in modules.get(path.as_str()).into_iter().flat_map(|module| &module.imports)
        {
            if let Some((&target, _)) = modules.get_key_value(target.as_str())
                && found.insert(target)
            {
                open.push(target.to_owned());
            }
        }
    }
    found
}

/// Whether something asks for the file by its name.
fn is_named(
    path: &str,
    html: &Files,
    scripts: &BTreeMap<String, String>,
    modules: &Modules<'_>,
) -> bool {
    let by_address = [format!("'./{path}', import.meta"), format!("import('./{path}')")];
    let by_name = format!("/{path}");
    let is_known = |other: &String| modules.contains_key(other.as_str());
    scripts.values().any(|text| by_address.iter().any(|form| text.contains(form)))
        || html.values().any(|text| String::from_utf8_lossy(text).contains(&by_name))
        // Who is not understood may import it.
        || scripts.iter().any(|(other, text)| !is_known(other) && text.contains(&by_name))
        || modules.values().any(|module| module.other_imports.contains(&by_name))
}

/// The script taken apart; `None` if it has a form that is not known here.
fn read(text: &str) -> Option<Module> {
    let mut module = Module {
        imports: Vec::new(),
        other_imports: String::new(),
        exports: Vec::new(),
        body: String::new(),
    };
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("import ") {
            let mut statement = line.to_owned();
            while !statement.ends_with(';') {
                statement = format!("{statement} {}", lines.next()?);
            }
            match named(&statement) {
                Some(import) => module.imports.push(import),
                None => module.other_imports.push_str(&(statement + "\n")),
            }
            continue;
        }
        let shown = line.strip_prefix("export ");
        module.body.push_str(shown.unwrap_or(line));
        module.body.push('\n');
        if let Some(shown) = shown {
            let words: Vec<&str> =
                shown.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
            match *words.as_slice() {
                ["async", "function", name, ..] | ["function" | "const" | "class", name, ..] => {
                    module.exports.push(name.to_owned());
                }
                _ => return None,
            }
        }
    }
    Some(module)
}

/// Target and pattern of `import { a, b as c } from './target.js';`.
fn named(statement: &str) -> Option<(String, String)> {
    let (names, target) = statement.strip_prefix("import {")?.split_once("} from './")?;
    let target = target.strip_suffix("';")?;
    Some((target.to_owned(), format!("{{{}}}", names.replace(" as ", ": "))))
}

/// A file that takes in modules.
struct Joined<'a> {
    modules: &'a Modules<'a>,
    guests: &'a BTreeSet<&'a str>,
    entered: BTreeSet<&'a str>,
    /// What stands before the body of the file's own module.
    text: String,
}

impl<'a> Joined<'a> {
    fn new(modules: &'a Modules<'a>, guests: &'a BTreeSet<&'a str>, own: &'a str) -> Self {
        Joined { modules, guests, entered: BTreeSet::from([own]), text: String::new() }
    }

    /// The body of a module, after everything that it imports.
    fn enter(&mut self, path: &str) -> Result<String> {
        let module = &self.modules[path];
        let mut body = String::new();
        for (target, pattern) in &module.imports {
            body.push_str(&format!("const {pattern} = {};\n", variable(target)));
            let Some((&target, _)) = self.modules.get_key_value(target.as_str()) else {
                bail!("{path} imports {target}, which is not there");
            };
            if self.entered.insert(target) {
                self.take_in(target)?;
            }
            let is_ready = self.text.contains(&format!("{} ", variable(target)));
            ensure!(is_ready, "{path} and {target} import each other");
        }
        body.push_str(&module.body);
        Ok(body)
    }

    fn take_in(&mut self, path: &str) -> Result<()> {
        let name = variable(path);
        if !self.guests.contains(path) {
            self.text.insert_str(0, &format!("import * as {name} from './{path}';\n"));
            return Ok(());
        }
        let body = self.enter(path)?;
        let exports = self.modules[path].exports.join(", ");
        self.text
            .push_str(&format!("const {name} = (() => {{\n{body}return {{{exports}}};\n}})();\n"));
        Ok(())
    }
}

/// What holds the exports of a module.
fn variable(path: &str) -> String {
    format!("${}", path.trim_end_matches(".js").replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::files;
    use super::*;

    fn joined(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        let html = files(&[("index.html", "<script src=\"__APP__/page.js\">")]);
        let mut app = files(list);
        join(&html, &mut app).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        app.into_iter().map(|(path, bytes)| (path, text(bytes))).collect()
    }

    #[test]
    fn a_module_of_one_file_goes_into_it_after_what_it_needs() {
        let made = joined(&[
            ("page.js", "import { f } from './a.js';\nf();\n"),
            (
                "a.js",
                "import { one as eins } from './b-c.js';\nexport function f() {\nreturn eins;\n}\n",
            ),
            ("b-c.js", "export const one = 1;\n"),
        ]);
        let expected = "const $b_c = (() => {\nconst one = 1;\nreturn {one};\n})();\n\
            const $a = (() => {\nconst { one: eins } = $b_c;\nfunction f() {\nreturn eins;\n}\nreturn {f};\n})();\n\
            const { f } = $a;\nf();\n";
        assert_eq!(made["page.js"], expected);
        assert_eq!(made.len(), 1);
    }

    #[test]
    fn a_file_exports_what_it_did() {
        let made = joined(&[
            ("page.js", "import('./app.js').then(({ App }) => new App());\n"),
            ("app.js", "import { a } from './a.js';\nexport class App {\n}\n"),
            ("a.js", "export const a = 1;\n"),
        ]);
        assert!(made["app.js"].ends_with("class App {\n}\nexport {App};\n"));
    }

    #[test]
    fn what_two_files_need_or_what_is_asked_for_by_name_stays() {
        let made = joined(&[
            (
                "page.js",
                "import { s } from './shared.js';\nimport { g } from './own.js';\nimport('./app.js');\n",
            ),
            (
                "app.js",
                "import { s } from './shared.js';\nnew Worker(new URL('./worker.js', import.meta.url));\n",
            ),
            ("worker.js", "import { s } from './shared.js';\nimport init from './glue.js';\n"),
            ("shared.js", "export const s = 1;\n"),
            ("own.js", "import { s } from './shared.js';\nexport const g = s;\n"),
            ("glue.js", "export default 1;\n"),
        ]);
        let names: Vec<&str> = made.keys().map(String::as_str).collect();
        assert_eq!(names, ["app.js", "glue.js", "page.js", "shared.js", "worker.js"]);
        assert!(
            made["page.js"].starts_with("import * as $shared from './shared.js';\nconst $own =")
        );
        assert!(made["worker.js"].starts_with("import { s }"), "nothing to join there");
    }

    #[test]
    fn modules_that_import_each_other_are_refused() {
        let html = files(&[("index.html", "<script src=\"__APP__/page.js\">")]);
        let a = ("a.js", "import { b } from './page.js';\nexport const a = 1;\n");
        let page = ("page.js", "import { a } from './a.js';\nexport const b = 2;\n");
        assert!(join(&html, &mut files(&[a, page])).is_err());
    }
}
