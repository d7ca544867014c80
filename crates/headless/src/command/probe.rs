//! `millefeuille probe`: what this build makes of single points.

use std::fs;
use std::io::Read as _;

use anyhow::Context as _;
use fractal::{Formula, View, probe};
use serde_json::{Value, json};

use super::which::{self, Constant, Which};
use crate::failure::Failure;
use crate::report;

/// Tell after how many iterations points escape
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["batch", "re"]))]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Real part of the point
    #[arg(long, value_name = "S", allow_hyphen_values = true, requires = "im")]
    re: Option<String>,
    /// Imaginary part of the point
    #[arg(long, value_name = "S", allow_hyphen_values = true, requires = "re")]
    im: Option<String>,
    /// Iterations after which a point counts as inside
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_iter: u32,
    /// A JSON array of points, each {"family", "power", "re", "im", "max_iter"} and for Julia sets
    /// "c_re" and "c_im"; - is standard input
    #[arg(long, value_name = "FILE")]
    batch: Option<String>,
}

/// Prints one answer, or one line for each point of a batch.
pub(crate) fn run(args: &Args, is_json: bool) -> Result<(), Failure> {
    if let Some(file) = &args.batch {
        return batch(file);
    }
    let (formula, Constant(c_re, c_im)) = args.which.resolve()?;
    let point = Point {
        formula,
        re: args.re.clone().unwrap_or_default(),
        im: args.im.clone().unwrap_or_default(),
        c_re,
        c_im,
        max_iter: args.max_iter,
    };
    let iterations = point.iterations().map_err(Failure::usage)?;
    match iterations {
        _ if is_json => report::print(&json!({ "iterations": iterations })),
        Some(n) => println!("escapes after {n} iterations"),
        None => println!("does not escape within {} iterations", args.max_iter),
    }
    Ok(())
}

fn batch(file: &str) -> Result<(), Failure> {
    let text = match file {
        "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text).context("standard input")
        }
        file => fs::read_to_string(file).with_context(|| file.to_owned()),
    };
    let points: Vec<Value> = serde_json::from_str(&text?)
        .map_err(|error| Failure::usage(format_args!("{file} is no JSON array: {error}")))?;
    let mut refused = 0;
    for answer in answers(&points) {
        let line = answer.map_or_else(
            |error| {
                refused += 1;
                json!({ "error": error })
            },
            |iterations| json!({ "iterations": iterations }),
        );
        report::print(&line);
    }
    if refused > 0 {
        let message = format!("{refused} of {} points are none", points.len());
        return Err(Failure { is_told: true, ..Failure::usage(message) });
    }
    Ok(())
}

/// One answer for each point, computed on all processors.
fn answers(points: &[Value]) -> Vec<Result<Option<u32>, String>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = points.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let shares: Vec<_> = points
            .chunks(share)
            .map(|points| scope.spawn(|| points.iter().map(answer).collect::<Vec<_>>()))
            .collect();
        let join = |share: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
            share.join().expect("answers do not panic")
        };
        shares.into_iter().flat_map(join).collect()
    })
}

fn answer(value: &Value) -> Result<Option<u32>, String> {
    Point::read(value)?.iterations()
}

#[derive(Debug)]
struct Point {
    formula: Formula,
    re: String,
    im: String,
    c_re: String,
    c_im: String,
    max_iter: u32,
}

impl Point {
    fn iterations(&self) -> Result<Option<u32>, String> {
        let Point { formula, re, im, c_re, c_im, max_iter } = self;
        probe::iterations(*formula, re, im, c_re, c_im, *max_iter).map_err(|e| e.to_string())
    }

    fn read(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("a point is a JSON object")?;
        let known = ["family", "formula", "power", "re", "im", "c_re", "c_im", "max_iter"];
        if let Some(unknown) = fields.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!("unknown field {unknown:?}"));
        }
        let family = match fields.get("family").or(fields.get("formula")) {
            None => Ok(Formula::default()),
            Some(name) => name.as_str().unwrap_or_default().parse::<Formula>(),
        };
        let power = match fields.get("power") {
            None => None,
            Some(power) => Some(
                power
                    .as_u64()
                    .and_then(|power| u8::try_from(power).ok())
                    .ok_or("power is no digit")?,
            ),
        };
        let formula = family.and_then(|family| which::formula(family, power, false));
        let formula = formula.map_err(|error| error.to_string())?;
        let max_iter = match fields.get("max_iter") {
            None => View::default().max_iter,
            Some(limit) => limit
                .as_u64()
                .and_then(|limit| u32::try_from(limit).ok())
                .ok_or("max_iter is not a whole number in range")?,
        };
        // A number is taken as the text that it is the shortest of.
        let decimal = |name: &str, otherwise: Option<&str>| match fields.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(_) => Err(format!("{name} is not a decimal number")),
            None => otherwise.map(str::to_owned).ok_or(format!("{name} is missing")),
        };
        Ok(Point {
            formula,
            re: decimal("re", None)?,
            im: decimal("im", None)?,
            c_re: decimal("c_re", Some("0"))?,
            c_im: decimal("c_im", Some("0"))?,
            max_iter,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points() {
        for (point, expected) in [
            (
                json!({ "formula": "mandelbrot", "re": "1", "im": "0", "max_iter": 100 }),
                Ok(Some(5)),
            ),
            (json!({ "re": -2, "im": 0.0 }), Ok(None)),
            (
                json!({ "formula": "julia", "re": "4", "im": "0", "c_re": "0", "c_im": "0" }),
                Ok(Some(3)),
            ),
            (json!({ "re": "1" }), Err("im is missing")),
            (json!({ "re": "1", "im": [] }), Err("im is not")),
            (json!({ "re": "x", "im": "0" }), Err("decimal")),
            (json!({ "re": "1", "im": "0", "imm": 1 }), Err("unknown field")),
            (json!({ "family": "newton", "power": 4, "re": "1", "im": "0" }), Ok(Some(1))),
            (json!({ "family": "multibrot", "power": 8, "re": "1", "im": "0" }), Ok(Some(3))),
            (json!({ "family": "multibrot-5", "re": "0", "im": "1" }), Ok(Some(4))),
            (json!({ "family": "newton", "power": 9, "re": "1", "im": "0" }), Err("3 to 8")),
            (json!({ "family": "cubism", "re": "1", "im": "0" }), Err("unknown family")),
            (json!({ "re": "1", "im": "0", "max_iter": -1 }), Err("max_iter")),
            (json!(7), Err("object")),
        ] {
            match (answer(&point), expected) {
                (Ok(got), Ok(want)) => assert_eq!(got, want, "{point}"),
                (Err(got), Err(want)) => assert!(got.contains(want), "{point}: {got}"),
                (got, want) => panic!("{point}: {got:?}, not {want:?}"),
            }
        }
    }

    #[test]
    fn a_batch_keeps_its_order() {
        let points: Vec<Value> =
            (1..=50).map(|n| json!({ "re": n.to_string(), "im": "0", "max_iter": n })).collect();
        let alone: Vec<_> = points.iter().map(answer).collect();
        assert_eq!(answers(&points), alone);
        assert!(answers(&[]).is_empty());
    }
}
