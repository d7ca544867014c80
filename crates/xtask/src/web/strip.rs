//! JavaScript without what only its readers need: comments, indentation, empty lines.
//!
//! Not a minifier: names and statements stay, so a stack trace of the shipped page can still be
//! read. Comments are recognised by where they stand, not by parsing: those that fill whole lines
//! or end them, and JSDoc casts within one. A script in which that could be mistaken is shipped as it is.

/// The script that is shipped for `script`.
pub(super) fn strip(script: &str) -> String {
    if script.lines().any(leaves_template_open) {
        return script.to_owned();
    }
    let mut shipped = String::with_capacity(script.len());
    let mut lines = script.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if line.starts_with("/*") {
            // Code behind a comment's end is not ours to cut off.
            let mut rest = std::iter::once(line).chain(&mut lines);
            let code = rest.find_map(|line| line.split_once("*/")).map_or("", |(_, code)| code);
            push(&mut shipped, without_casts(code).trim());
            continue;
        }
        push(&mut shipped, without_end(without_casts(line).trim()));
    }
    shipped
}

fn push(shipped: &mut String, line: &str) {
    if !line.is_empty() {
        shipped.push_str(line);
        shipped.push('\n');
    }
}

/// A template literal may span lines, and then its lines are text.
fn leaves_template_open(line: &str) -> bool {
    line.matches('`').count() % 2 == 1
}

/// The line without `/** @type {…} */` and its like. No text of a person begins so.
fn without_casts(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((code, comment)) = rest.split_once("/** @") {
        let Some((_, behind)) = comment.split_once("*/") else { break };
        kept.push_str(code);
        rest = behind.strip_prefix(' ').unwrap_or(behind);
    }
    kept + rest
}

/// The line without a comment at its end. What stands before has no open text: its quotes are paired.
fn without_end(line: &str) -> &str {
    let Some((code, _)) = line.split_once(" // ") else { return line };
    let is_paired = |quote: char| code.matches(quote).count() % 2 == 0;
    let is_whole = code.ends_with([';', ',', '{', '}', '(', ')', '[', ']']);
    if is_whole && ['\'', '"', '`'].into_iter().all(is_paired) { code } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_readers_need_is_left_out() {
        let check = |script: &str, shipped: &str| assert_eq!(strip(script), shipped, "{script}");
        check("// What it is.\n\nimport a from './a.js';\n", "import a from './a.js';\n");
        check(
            "/**\n * @param {string} a\n */\nfunction f(a) {\n  g(a);\n}",
            "function f(a) {\ng(a);\n}\n",
        );
        check("/** One. @type {number} */\nlet a = 1; // why", "let a = 1;\n");
        check(
            "const a = /** @type {any} */ (b), c = /** @type {D} */ (d);",
            "const a = (b), c = (d);\n",
        );
        check("f((/** @type {string} */ a) => a);", "f((a) => a);\n");
        check("/*\n * two\n */ let a;\nlet b;", "let a;\nlet b;\n");
    }

    #[test]
    fn what_could_be_text_stays() {
        for script in [
            "f('a; // b');\n",
            "const a = `\n  // text\n`;\n",
            "let a = 'http://x'; /* b */ f();\n",
            "a = b\n/ c\n",
        ] {
            assert_eq!(strip(script), script);
        }
    }
}
