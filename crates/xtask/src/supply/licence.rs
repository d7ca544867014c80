//! SPDX licence expressions, as far as crates use them: names, AND, OR, WITH, parentheses.

/// Whether the parts of an expression that must be accepted are all on the list; `None` when it
/// cannot be read.
pub(super) fn is_allowed(expression: &str, allowed: &[&str]) -> Option<bool> {
    // The old way to write OR.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = Words { words: spaced.split_whitespace().collect(), allowed };
    let value = words.either()?;
    words.words.is_empty().then_some(value)
}

struct Words<'a> {
    words: std::collections::VecDeque<&'a str>,
    allowed: &'a [&'a str],
}

impl Words<'_> {
    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.front() == Some(&word);
        if is_next {
            self.words.pop_front();
        }
        is_next
    }

    fn either(&mut self) -> Option<bool> {
        let mut value = self.both()?;
        while self.take("OR") {
            value |= self.both()?;
        }
        Some(value)
    }

    fn both(&mut self) -> Option<bool> {
        let mut value = self.one()?;
        while self.take("AND") {
            value &= self.one()?;
        }
        Some(value)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let value = self.either()?;
            return self.take(")").then_some(value);
        }
        let name = self.words.pop_front()?;
        if ["AND", "OR", "WITH", ")"].contains(&name) {
            return None;
        }
        let name = if self.take("WITH") {
            format!("{name} WITH {}", self.words.pop_front()?)
        } else {
            name.to_owned()
        };
        Some(self.allowed.contains(&name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, expected: Option<bool>) {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }

    #[test]
    fn one_way_of_an_or_and_all_of_an_and() {
        check("MIT", Some(true));
        check("GPL-3.0", Some(false));
        check("MIT OR GPL-3.0", Some(true));
        check("GPL-3.0/MIT", Some(true));
        check("MIT AND GPL-3.0", Some(false));
        check("(MIT OR GPL-3.0) AND Apache-2.0", Some(true));
        check("MIT OR GPL-3.0 AND LGPL-3.0", Some(true));
        check("Apache-2.0 WITH LLVM-exception OR GPL-3.0", Some(true));
        check("MIT WITH LLVM-exception", Some(false));
        for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT MIT", "AND", "MIT WITH"] {
            check(broken, None);
        }
    }
}
