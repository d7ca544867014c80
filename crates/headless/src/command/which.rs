//! The arguments that say which formula, for every command that computes one.

use std::str::FromStr;

use fractal::Formula;

use crate::failure::Failure;

/// What is iterated.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Which {
    /// Family: mandelbrot, julia, multibrot, burning-ship, tricorn, celtic or newton
    #[arg(long, value_name = "F", default_value_t, alias = "formula")]
    family: Formula,
    /// Power of a multibrot, 2 to 8, or of newton, 3 to 8
    #[arg(long, value_name = "P")]
    power: Option<u8>,
    /// The constant of a Julia set of the family
    #[arg(long, value_name = "RE,IM", allow_hyphen_values = true)]
    #[arg(conflicts_with_all = ["c_re", "c_im"])]
    constant: Option<Constant>,
    /// Real part of the constant
    #[arg(long, value_name = "S", allow_hyphen_values = true, default_value = "0")]
    c_re: String,
    /// Imaginary part of the constant
    #[arg(long, value_name = "S", allow_hyphen_values = true, default_value = "0")]
    c_im: String,
}

/// Two decimal numbers, still as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constant(pub(crate) String, pub(crate) String);

impl FromStr for Constant {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (re, im) = text.split_once(',').ok_or("write two numbers: -0.8,0.156")?;
        Ok(Constant(re.trim().to_owned(), im.trim().to_owned()))
    }
}

impl Which {
    /// The formula, with the constant that it uses, if it uses any.
    pub(crate) fn resolve(&self) -> Result<(Formula, Constant), Failure> {
        let formula = formula(self.family, self.power, self.constant.is_some());
        let parts = || Constant(self.c_re.clone(), self.c_im.clone());
        Ok((formula.map_err(Failure::usage)?, self.constant.clone().unwrap_or_else(parts)))
    }
}

/// The formula of a family and a power; whoever names a constant wants a Julia set.
pub(crate) fn formula(
    family: Formula,
    power: Option<u8>,
    has_constant: bool,
) -> Result<Formula, fractal::UnknownFormula> {
    let formula = power.map_or(Ok(family), |power| family.with_power(power))?;
    if has_constant { formula.julia() } else { Ok(formula) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_asks_for_the_julia_sets_of_the_family() {
        let name = |family: &str, power, has_constant| {
            formula(family.parse().unwrap(), power, has_constant).map(|formula| formula.to_string())
        };
        assert_eq!(name("mandelbrot", None, true).as_deref(), Ok("julia"));
        assert_eq!(name("julia", Some(4), false).as_deref(), Ok("multibrot-4-julia"));
        assert_eq!(name("tricorn", None, true).as_deref(), Ok("tricorn-julia"));
        assert_eq!(name("newton", Some(6), false).as_deref(), Ok("newton-6"));
        assert!(name("newton", None, true).unwrap_err().to_string().contains("no constant"));
        assert!(name("multibrot", Some(9), false).unwrap_err().to_string().contains("2 to 8"));
    }

    #[test]
    fn constants() {
        let constant = Constant("-0.8".into(), "0.156".into());
        assert_eq!("-0.8, 0.156".parse(), Ok(constant));
        assert!("0.3".parse::<Constant>().is_err());
    }
}
