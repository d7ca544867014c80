//! Rust source as far as tidy needs it: what is code, what is a test, where a function ends.
//!
//! Not a parser. Everything here keeps byte positions and line breaks, so that a finding in the
//! changed text has the same place in the file.

use std::ops::Range;

/// The source with comments and the insides of literals blanked.
pub(crate) fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at + 1..].starts_with(b"/") => find(bytes, at, b"\n"),
            b'/' if bytes[at + 1..].starts_with(b"*") => block_comment_end(bytes, at),
            b'"' => string_end(bytes, at + 1),
            b'r' if !continues_word(bytes, at) => match raw_string_end(bytes, at) {
                Some(end) => end,
                None => {
                    at += 1;
                    continue;
                }
            },
            b'\'' => match char_end(bytes, at) {
                Some(end) => end,
                None => {
                    at += 1;
                    continue;
                }
            },
            _ => {
                at += 1;
                continue;
            }
        };
        blank(&mut out, at..end);
        at = end;
    }
    // Whole characters were blanked or kept, so this changes nothing.
    String::from_utf8_lossy(&out).into_owned()
}

/// `code` with every item under `#[cfg(test)]` or `#[test]` blanked.
pub(crate) fn without_tests(code: &str) -> String {
    let mut out = code.as_bytes().to_vec();
    for mark in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        for (at, _) in code.match_indices(mark) {
            blank(&mut out, at..item_end(code.as_bytes(), at));
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A function's name and its lines, signature included.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// All functions with a body in `code`, which is the result of [`code_only`].
pub(crate) fn functions(code: &str) -> Vec<Function<'_>> {
    let mut found = Vec::new();
    for at in words(code, "fn") {
        let after = code[at + 2..].trim_start();
        let name = after.split(|c: char| !is_word(c)).next().unwrap_or("");
        if name.is_empty() {
            continue;
        }
        let end = item_end(code.as_bytes(), at);
        if code[..end].ends_with('}') {
            let lines = code[at..end].lines().count();
            found.push(Function { name, line: line_of(code, at), lines });
        }
    }
    found
}

/// Positions where `word` stands by itself.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The inside of the bracket that opens at or after `at`, without the brackets.
pub(crate) fn bracketed(code: &str, at: usize) -> &str {
    let Some(open) = code[at..].find(['(', '[', '{']).map(|found| at + found) else { return "" };
    let mut depth = 0usize;
    for (offset, c) in code[open..].char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &code[open + 1..open + offset];
        }
    }
    &code[open + 1..]
}

/// Line number from 1.
pub(crate) fn line_of(code: &str, at: usize) -> usize {
    1 + code.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count()
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The end of the item that starts at `at`, its attributes included: behind the first `;` or
/// closed `{}` that stands in no bracket.
fn item_end(code: &[u8], at: usize) -> usize {
    let mut depth = 0usize;
    let mut in_body = false;
    for (offset, byte) in code[at..].iter().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b'{' => {
                in_body |= depth == 0;
                depth += 1;
            }
            b')' | b']' => depth = depth.saturating_sub(1),
            b'}' => {
                depth = depth.saturating_sub(1);
                if in_body && depth == 0 {
                    return at + offset + 1;
                }
            }
            b';' if depth == 0 => return at + offset + 1,
            _ => {}
        }
    }
    code.len()
}

fn blank(out: &mut [u8], range: Range<usize>) {
    for byte in &mut out[range] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// The position of `needle` from `at` on, or the end.
fn find(bytes: &[u8], at: usize, needle: &[u8]) -> usize {
    let found = bytes[at..].windows(needle.len()).position(|window| window == needle);
    found.map_or(bytes.len(), |offset| at + offset)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    let mut at = start;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The end of a string whose opening quote lies before `at`.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of `r"…"` or `r#"…"#` at `at`, if there is one.
fn raw_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let hashes = bytes[at + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = at + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    Some((find(bytes, open + 1, &close) + close.len()).min(bytes.len()))
}

/// The end of a character literal at `at`; none where it is a lifetime.
fn char_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    if first == b'\\' {
        return Some((find(bytes, at + 3, b"'") + 1).min(bytes.len()));
    }
    let length = match first {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    (bytes.get(at + 1 + length) == Some(&b'\'')).then_some(at + 2 + length)
}

/// Whether the byte at `at` belongs to a word that began earlier; the prefixes of `br"…"` and
/// `cr"…"` do not count.
fn continues_word(bytes: &[u8], at: usize) -> bool {
    let word = |at: usize| bytes.get(at).is_some_and(|&byte| is_word(byte as char));
    at > 0 && word(at - 1) && !(matches!(bytes[at - 1], b'b' | b'c') && (at < 2 || !word(at - 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_no_code() {
        let check = |source: &str, expected: &str| {
            let code = code_only(source);
            assert_eq!(code.len(), source.len(), "{source}");
            assert_eq!(code.split_whitespace().collect::<Vec<_>>().join(" "), expected, "{source}");
        };
        check("a // Instant\nb", "a b");
        check("a /* x /* Instant */ y */ b", "a b");
        check(r#"f("std::fs \" // x") + g"#, "f( ) + g");
        check(r##"f(r#"a " HashMap"#, br"x\") + g"##, "f( , b ) + g");
        check("let r = var; for_r\"x\"", "let r = var; for_r");
        check("fn f<'a>(x: &'a str) -> char { '\"' }", "fn f<'a>(x: &'a str) -> char { }");
        check("['\\'', '\\\\', 'é', '→', '\\u{1F980}'] b", "[ , , , , ] b");
        check("\"unclosed", "");
        check("/* unclosed", "");
    }

    #[test]
    fn tests_are_taken_out_whole() {
        let source = "use a::b;\n#[cfg(test)]\nuse x::{y};\nfn f() {}\n#[cfg(test)]\n\
                      #[expect(dead_code)]\nmod tests {\n fn g(a: [u8; 4]) { h(); }\n}\nfn k() {}\n\
                      #[cfg(test)]\nmod more;\nfn l() {}";
        let left = without_tests(source);
        assert_eq!(left.lines().count(), source.lines().count());
        let names: Vec<&str> = functions(&left).iter().map(|function| function.name).collect();
        assert_eq!(names, ["f", "k", "l"]);
    }

    #[test]
    fn functions_are_measured_with_their_signature() {
        let code = "trait T { fn a(x: [u8; 4]); }\nfn b(\n    x: u8,\n) -> [u8; 2] {\n    {}\n}\n\
                    type F = fn(u8) -> u8;";
        assert_eq!(functions(code), [Function { name: "b", line: 2, lines: 5 }]);
    }

    #[test]
    fn brackets_are_matched() {
        assert_eq!(bracketed("cfg(any(unix, x)) y", 0), "any(unix, x)");
        assert_eq!(bracketed("std::{a, b::{c}};", 0), "a, b::{c}");
        assert_eq!(bracketed("cfg(open", 0), "open");
        assert_eq!(bracketed("none", 0), "");
    }
}
