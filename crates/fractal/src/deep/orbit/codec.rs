//! The canonical bytes of a reference orbit, so that it can be kept and named by its digest.
//!
//! ```text
//! version u8 = 1 | paths u8 | c: 2 × f64 | per path: points u32, tiny u32 | deflate(symbols)
//! symbols, path by path:
//!   per point: for x and y a varint, zigzag(value − prediction)
//!   per tiny point: varint place − previous place, f64 x, f64 y, i32 exponent
//! ```
//!
//! Little-endian. The prediction is the step in f64 from the point before, and the difference counts
//! the f64 between the two numbers, a few units of the last place mostly: one byte instead of eight,
//! and nothing is lost. The first point is predicted as 0.
//!
//! The reader believes nothing: counts bound all memory, and every byte must be accounted for.

use miniz_oxide::deflate::compress_to_vec;

use super::packed::{VARINT_BYTES_MAX, inflate, read_varint, write_varint};
use super::{Orbit, PATH_POINTS_MAX, Path, TINY, Walk};
use crate::deep::plan::Plan;
use crate::deep::wide::{Wide, larger};
use crate::family::ESCAPE_NORM;
use crate::vector::Complex;

const VERSION: u8 = 1;
/// Bytes of a tiny point besides its place.
const TINY_BYTES: usize = 8 + 8 + 4;
/// Deflate cannot expand by more than this.
const EXPANSION_MAX: usize = 1_032;
/// Higher levels save 5 % at most, for several times the work: what is left is mostly noise.
const DEFLATE_LEVEL: u8 = 1;
/// How far a point may be from the step in f64 of the point before, as share of |z|² + |c|: a few
/// roundings of each. Farther, it is of no orbit.
const ROUNDING: f64 = 1.0 / (1_u64 << 48) as f64;

/// Why bytes are not the reference orbit of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrbitError {
    /// The picture is computed in f64.
    #[error("the picture needs no reference orbit")]
    NotNeeded,
    /// Another version of the format.
    #[error("the orbit is of another version")]
    Version,
    /// Cut short, too long, or damaged.
    #[error("the orbit is damaged")]
    Damaged,
    /// No orbit, or one of another picture.
    #[error("the orbit is not one of this picture")]
    OfAnother,
}

impl Orbit {
    /// The canonical encoding: about two bytes for each point.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.paths.len() as u8];
        self.c.iter().for_each(|part| bytes.extend(part.to_le_bytes()));
        let mut symbols = Vec::new();
        for path in &self.paths {
            bytes.extend((path.points.len() as u32).to_le_bytes());
            bytes.extend((path.tiny.len() as u32).to_le_bytes());
            self.write_points(path, &mut symbols);
            write_tiny(path, &mut symbols);
        }
        bytes.extend(compress_to_vec(&symbols, DEFLATE_LEVEL));
        bytes
    }

    /// Reads the canonical encoding, within memory of the size that it claims and that its length
    /// makes possible.
    ///
    /// # Errors
    /// When the bytes are not the encoding of an orbit, entirely and exactly.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Orbit, OrbitError> {
        let mut reader = Reader(bytes);
        let [version, paths] = reader.array()?;
        if version != VERSION {
            return Err(OrbitError::Version);
        }
        let c = [f64::from_le_bytes(reader.array()?), f64::from_le_bytes(reader.array()?)];
        let mut counts = Vec::new();
        for _ in 0..paths {
            let (points, tiny) = (reader.u32()?, reader.u32()?);
            if points > PATH_POINTS_MAX + 1 || tiny > points {
                return Err(OrbitError::Damaged);
            }
            counts.push((points as usize, tiny as usize));
        }
        let most = counts.iter().map(|(points, tiny)| {
            points * 2 * VARINT_BYTES_MAX + tiny * (VARINT_BYTES_MAX + TINY_BYTES)
        });
        let most = most.sum::<usize>().min(reader.0.len() * EXPANSION_MAX);
        let symbols = inflate(reader.0, most).ok_or(OrbitError::Damaged)?;
        let mut reader = Reader(&symbols);
        let mut orbit = Orbit { c, paths: Vec::new() };
        for (points, tiny) in counts {
            let mut path = Path::default();
            orbit.read_points(&mut path, points, &mut reader)?;
            read_tiny(&mut path, tiny, &mut reader)?;
            orbit.paths.push(path);
        }
        let is_canonical = reader.0.is_empty() && orbit.encode() == bytes;
        if is_canonical { Ok(orbit) } else { Err(OrbitError::Damaged) }
    }

    /// Whether this can be the orbit of a picture: its c and beginnings, its length, and each point
    /// where the step from the one before leads. Not the digits beyond f64.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), OrbitError> {
        let mut walks = vec![Walk::of_centre(plan)];
        if plan.is_julia() {
            walks.push(Walk::of_zero(plan));
        }
        let starts = self.paths.len() == walks.len()
            && self.c == walks[0].constant()
            && self.paths.iter().zip(&walks).all(|(path, walk)| {
                let (x, y) = walk.point::<f64>().at(0);
                let lengths = 2..=plan.max_iter() as usize + 1;
                lengths.contains(&path.points.len()) && path.points[0] == [x, y]
            });
        let is_orbit = || self.paths.iter().all(|path| self.is_orbit(path));
        if starts && is_orbit() { Ok(()) } else { Err(OrbitError::OfAnother) }
    }

    fn is_orbit(&self, path: &Path) -> bool {
        let size_of_c = self.c[0].abs() + self.c[1].abs();
        path.points.windows(2).all(|pair| {
            let [x, y] = pair[0];
            let norm = x * x + y * y;
            let [next_x, next_y] = self.predict(pair[0]);
            let error = larger(next_x - pair[1][0], next_y - pair[1][1]);
            norm <= ESCAPE_NORM && error <= (norm + size_of_c) * ROUNDING
        })
    }

    fn predict(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let c = Complex { re: self.c[0], im: self.c[1] };
        let Complex { re, im } = Complex { re: x, im: y }.square().plus(c);
        [re, im]
    }

    fn write_points(&self, path: &Path, symbols: &mut Vec<u8>) {
        let mut prediction = [0.0; 2];
        for &point in &path.points {
            for (value, predicted) in point.into_iter().zip(prediction) {
                write_varint(symbols, zigzag(order(value).wrapping_sub(order(predicted))));
            }
            prediction = self.predict(point);
        }
    }

    fn read_points(
        &self,
        path: &mut Path,
        points: usize,
        reader: &mut Reader<'_>,
    ) -> Result<(), OrbitError> {
        let mut prediction = [0.0; 2];
        for _ in 0..points {
            let mut point = [0.0; 2];
            for (value, predicted) in point.iter_mut().zip(prediction) {
                *value = value_at(order(predicted).wrapping_add(unzigzag(reader.varint()?)));
            }
            if !point.iter().all(|part| part.is_finite()) {
                return Err(OrbitError::Damaged);
            }
            path.points.push(point);
            prediction = self.predict(point);
        }
        Ok(())
    }
}

fn write_tiny(path: &Path, symbols: &mut Vec<u8>) {
    let mut previous = 0;
    for &(place, Wide { x, y, exponent }) in &path.tiny {
        write_varint(symbols, u64::from(place - previous));
        symbols.extend(x.to_le_bytes());
        symbols.extend(y.to_le_bytes());
        symbols.extend(exponent.to_le_bytes());
        previous = place;
    }
}

/// Tiny points are what [`Path::push`] would have kept: in order, small, and rounding to the point.
fn read_tiny(path: &mut Path, tiny: usize, reader: &mut Reader<'_>) -> Result<(), OrbitError> {
    let mut previous = 0;
    for _ in 0..tiny {
        let step = u32::try_from(reader.varint()?).map_err(|_| OrbitError::Damaged)?;
        let place = step.checked_add(previous).ok_or(OrbitError::Damaged)?;
        let (x, y) = (f64::from_le_bytes(reader.array()?), f64::from_le_bytes(reader.array()?));
        let exponent = i32::from_le_bytes(reader.array()?);
        let is_new = path.tiny.last().is_none_or(|&(last, _)| last < place);
        let size = larger(x, y);
        // Finite, and normal as a `Wide` is; far above where exponents end.
        let is_number = (1.0..2.0).contains(&size) && (-(1 << 20)..0).contains(&exponent);
        let point = path.points.get(place as usize);
        let is_same = |&[at_x, at_y]: &[f64; 2]| (at_x, at_y) == Wide::new(x, y, exponent).at(0);
        if !(is_new
            && is_number
            && point.is_some_and(|at| larger(at[0], at[1]) < TINY && is_same(at)))
        {
            return Err(OrbitError::Damaged);
        }
        path.tiny.push((place, Wide { x, y, exponent }));
        previous = place;
    }
    Ok(())
}

/// Numbers in the order of their size to whole numbers in the same order, without a gap.
fn order(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    if bits < 0 { i64::MIN - bits } else { bits }
}

fn value_at(order: i64) -> f64 {
    let bits = if order < 0 { i64::MIN.wrapping_sub(order) } else { order };
    f64::from_bits(bits as u64)
}

fn zigzag(delta: i64) -> u64 {
    (delta << 1 ^ delta >> 63) as u64
}

fn unzigzag(code: u64) -> i64 {
    (code >> 1 ^ (code & 1).wrapping_neg()) as i64
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], OrbitError> {
        let (head, tail) = self.0.split_first_chunk().ok_or(OrbitError::Damaged)?;
        self.0 = tail;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, OrbitError> {
        self.array().map(u32::from_le_bytes)
    }

    fn varint(&mut self) -> Result<u64, OrbitError> {
        read_varint(&mut self.0).ok_or(OrbitError::Damaged)
    }
}

#[cfg(test)]
mod tests;
