//! Which picture: a family, its power, and whether the points of the picture are c or z₀.
//!
//! Names and codes are here; what a family computes is in `family.rs`.

use std::fmt;
use std::str::FromStr;

use crate::escape::Orbit;

/// A family of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// z ← zᵖ + c, p = 2 to 8: the Mandelbrot set at 2, Multibrot sets above.
    Power,
    /// z ← (|x| + i|y|)² + c.
    BurningShip,
    /// z ← conj(z)² + c.
    Tricorn,
    /// z ← |Re z²| + i·Im z² + c.
    Celtic,
    /// Newton's method for zⁿ = 1, n = 3 to 8.
    Newton,
}

/// What is iterated: a family with its power, in one of its two planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Formula {
    family: Family,
    power: u8,
    is_julia: bool,
}

/// The text or the combination names no formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFormula {
    /// No such name.
    #[error(
        "unknown family; there are mandelbrot, julia, multibrot, burning-ship, tricorn, celtic and \
         newton, and -julia behind a name for its Julia sets, as in burning-ship-julia"
    )]
    Name,
    /// The family has no such power.
    #[error("this family's power is {least} to {most}")]
    Power {
        /// The smallest.
        least: u8,
        /// The largest.
        most: u8,
    },
    /// Newton's method has no constant.
    #[error("newton has no Julia sets: it has no constant")]
    NoJulia,
}

impl Family {
    const ALL: [Family; 5] =
        [Family::Power, Family::BurningShip, Family::Tricorn, Family::Celtic, Family::Newton];

    /// The powers that there are.
    fn powers(self) -> std::ops::RangeInclusive<u8> {
        match self {
            Family::Power => 2..=8,
            Family::BurningShip | Family::Tricorn | Family::Celtic => 2..=2,
            Family::Newton => 3..=8,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Family::Power => "multibrot",
            Family::BurningShip => "burning-ship",
            Family::Tricorn => "tricorn",
            Family::Celtic => "celtic",
            Family::Newton => "newton",
        }
    }

    /// The upper half of a formula's code. A number once given is never given again.
    fn code(self) -> u8 {
        match self {
            Family::Power => 0,
            Family::BurningShip => 1,
            Family::Tricorn => 2,
            Family::Celtic => 3,
            Family::Newton => 4,
        }
    }
}

impl Formula {
    /// z ← z² + c from 0: c is the point of the picture, so that z₁ = c.
    pub const MANDELBROT: Formula = Formula { family: Family::Power, power: 2, is_julia: false };
    /// z ← z² + c, where z₀ is the point of the picture and c is the same for all of it.
    pub const JULIA: Formula = Formula { is_julia: true, ..Formula::MANDELBROT };

    /// A formula of a family.
    ///
    /// # Errors
    /// When the family has no such power, or no Julia sets.
    pub fn new(family: Family, power: u8, is_julia: bool) -> Result<Formula, UnknownFormula> {
        let powers = family.powers();
        if !powers.contains(&power) {
            return Err(UnknownFormula::Power { least: *powers.start(), most: *powers.end() });
        }
        if is_julia && family == Family::Newton {
            return Err(UnknownFormula::NoJulia);
        }
        Ok(Formula { family, power, is_julia })
    }

    /// All formulas, in the order in which an interface shows them.
    pub fn all() -> impl Iterator<Item = Formula> {
        let of = |family: Family| family.powers().map(move |power| (family, power));
        let planes =
            |(family, power)| [false, true].map(|julia| Formula::new(family, power, julia));
        Family::ALL.into_iter().flat_map(of).flat_map(planes).flatten()
    }

    /// Its family.
    pub fn family(self) -> Family {
        self.family
    }

    /// Its power, 2 to 8.
    pub fn power(self) -> u32 {
        self.power.into()
    }

    /// How many roots a level names, which begin at different places of a palette's ring; 0 where it
    /// names none.
    pub fn roots(self) -> u32 {
        if self.family == Family::Newton { self.power() } else { 0 }
    }

    /// Whether z₀ is the point of the picture and c the same for all of it.
    pub fn is_julia(self) -> bool {
        self.is_julia
    }

    /// The same with another power.
    ///
    /// # Errors
    /// When the family has no such power.
    pub fn with_power(self, power: u8) -> Result<Formula, UnknownFormula> {
        Formula::new(self.family, power, self.is_julia)
    }

    /// Its Julia sets.
    ///
    /// # Errors
    /// When it has none.
    pub fn julia(self) -> Result<Formula, UnknownFormula> {
        Formula::new(self.family, self.power, true)
    }

    /// Where a picture of it has its middle, as decimal text, when the whole is to be seen.
    pub fn centre(self) -> (&'static str, &'static str) {
        match self {
            Formula::MANDELBROT => ("-0.5", "0"),
            Formula { family: Family::BurningShip, is_julia: false, .. } => ("-0.5", "-0.5"),
            Formula { family: Family::Celtic, is_julia: false, .. } => ("-0.5", "0"),
            _ => ("0", "0"),
        }
    }

    /// The orbit of the point `(re, im)` before its first step; `c` is the parameter of the view.
    pub fn orbit(self, re: f64, im: f64, c_re: f64, c_im: f64) -> Orbit {
        if self.family == Family::Newton {
            Orbit { x: re, y: im, c_re: 0.0, c_im: 0.0 }
        } else if self.is_julia {
            Orbit { x: re, y: im, c_re, c_im }
        } else {
            Orbit { x: 0.0, y: 0.0, c_re: re, c_im: im }
        }
    }

    /// The byte of the canonical encoding: family, power − 2, plane.
    pub(crate) fn code(self) -> u8 {
        self.family.code() << 4 | (self.power - 2) << 1 | u8::from(self.is_julia)
    }

    pub(crate) fn from_code(code: u8) -> Option<Formula> {
        let family = Family::ALL.into_iter().find(|family| family.code() == code >> 4)?;
        Formula::new(family, (code >> 1 & 7) + 2, code & 1 == 1).ok()
    }
}

impl Default for Formula {
    fn default() -> Formula {
        Formula::MANDELBROT
    }
}

/// The name in commands and links, in lower case: `mandelbrot`, `julia`, `multibrot-5`,
/// `multibrot-5-julia`, `burning-ship`, `newton-3`.
impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Formula::MANDELBROT => return f.write_str("mandelbrot"),
            Formula::JULIA => return f.write_str("julia"),
            _ => f.write_str(self.family.name())?,
        }
        if self.family.powers().count() > 1 {
            write!(f, "-{}", self.power)?;
        }
        f.write_str(if self.is_julia { "-julia" } else { "" })
    }
}

/// Reads what [`Formula`] displays. A power that is not named is 3 where there are several.
impl FromStr for Formula {
    type Err = UnknownFormula;

    fn from_str(text: &str) -> Result<Formula, UnknownFormula> {
        match text {
            "mandelbrot" => return Ok(Formula::MANDELBROT),
            "julia" => return Ok(Formula::JULIA),
            _ => {}
        }
        let (text, is_julia) = match text.strip_suffix("-julia") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (family, rest) = Family::ALL
            .into_iter()
            .find_map(|family| Some((family, text.strip_prefix(family.name())?)))
            .ok_or(UnknownFormula::Name)?;
        let powers = family.powers();
        let power = match rest.strip_prefix('-') {
            None if rest.is_empty() => (*powers.end()).min(3),
            Some(digit) if digit.len() == 1 => digit.parse().map_err(|_| UnknownFormula::Name)?,
            _ => return Err(UnknownFormula::Name),
        };
        Formula::new(family, power, is_julia)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_round_trip() {
        let all: Vec<Formula> = Formula::all().collect();
        // Seven powers, three families of one power, and six of Newton's.
        assert_eq!(all.len(), 7 * 2 + 3 * 2 + 6);
        for (index, formula) in all.iter().enumerate() {
            assert_eq!(formula.to_string().parse(), Ok(*formula));
            assert_eq!(Formula::from_code(formula.code()), Some(*formula));
            assert!(!all[..index].contains(formula));
        }
        let known = (0..=u8::MAX).filter_map(Formula::from_code).count();
        assert_eq!(known, all.len(), "one code each");
        assert_eq!((Formula::MANDELBROT.code(), Formula::JULIA.code()), (0, 1));
    }

    #[test]
    fn names_are_read_as_people_write_them() {
        let name = |text: &str| text.parse::<Formula>().map(|formula| formula.to_string());
        for (text, canonical) in [
            ("multibrot", "multibrot-3"),
            ("multibrot-2", "mandelbrot"),
            ("multibrot-2-julia", "julia"),
            ("newton", "newton-3"),
            ("burning-ship-julia", "burning-ship-julia"),
        ] {
            assert_eq!(name(text).as_deref(), Ok(canonical));
        }
        for text in ["", "Mandelbrot", "newton-", "newton-10", "multibrot--julia", "ship", "-julia"]
        {
            assert_eq!(name(text), Err(UnknownFormula::Name), "{text}");
        }
        assert_eq!(name("newton-2"), Err(UnknownFormula::Power { least: 3, most: 8 }));
        assert_eq!(name("tricorn-3"), Err(UnknownFormula::Power { least: 2, most: 2 }));
        assert_eq!(name("newton-julia"), Err(UnknownFormula::NoJulia));
    }

    #[test]
    fn the_refusal_lists_every_family() {
        let refusal = UnknownFormula::Name.to_string();
        assert!(Family::ALL.iter().all(|family| refusal.contains(family.name())), "{refusal}");
    }
}
