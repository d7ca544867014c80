//! The families of pictures and where the orbit of a point begins in each.
//!
//! Both families iterate z ← z² + c; they differ in which of z and c is the point of the picture.

use std::fmt;
use std::str::FromStr;

use crate::escape::Orbit;

/// A family of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Formula {
    /// z₀ = 0 and c is the point of the picture, so that z₁ = c.
    #[default]
    Mandelbrot,
    /// z₀ is the point of the picture and c is the same for all of it.
    Julia,
}

/// The text names no family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown formula; there are \"mandelbrot\" and \"julia\"")]
pub struct UnknownFormula;

impl Formula {
    /// All families, in the order in which an interface shows them.
    pub const ALL: [Formula; 2] = [Formula::Mandelbrot, Formula::Julia];

    /// The name in commands and links, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Formula::Mandelbrot => "mandelbrot",
            Formula::Julia => "julia",
        }
    }

    /// The orbit of the point `(re, im)` before its first step; `c` is the parameter of the view.
    pub fn orbit(self, re: f64, im: f64, c_re: f64, c_im: f64) -> Orbit {
        match self {
            Formula::Mandelbrot => Orbit { x: 0.0, y: 0.0, c_re: re, c_im: im },
            Formula::Julia => Orbit { x: re, y: im, c_re, c_im },
        }
    }

    /// The byte of the canonical encoding. A number once given is never given again.
    pub(crate) fn code(self) -> u8 {
        match self {
            Formula::Mandelbrot => 0,
            Formula::Julia => 1,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Formula> {
        Formula::ALL.into_iter().find(|formula| formula.code() == code)
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Formula {
    type Err = UnknownFormula;

    fn from_str(text: &str) -> Result<Formula, UnknownFormula> {
        Formula::ALL.into_iter().find(|formula| formula.name() == text).ok_or(UnknownFormula)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_round_trip() {
        for formula in Formula::ALL {
            assert_eq!(formula.to_string().parse(), Ok(formula));
            assert_eq!(Formula::from_code(formula.code()), Some(formula));
        }
        assert_eq!("Mandelbrot".parse::<Formula>(), Err(UnknownFormula));
        assert_eq!(Formula::from_code(2), None);
    }
}
