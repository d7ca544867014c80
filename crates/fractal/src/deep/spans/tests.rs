//! Spans against the steps that they stand for.

use super::*;

/// An orbit that stays within 2 and never comes near 0 exactly.
fn points(count: u32) -> Vec<Wide> {
    let c = Wide::new(-0.743_643_887_037, 0.131_825_904_205, 0);
    let mut z = Wide::ZERO;
    let mut points = Vec::new();
    for _ in 0..count {
        z = z.times(z).plus(c);
        points.push(z);
    }
    points
}

fn spans(points: &[Wide], offset_max: Magnitude) -> Spans {
    let mut spans = Spans::new(-700, offset_max, true);
    points.iter().for_each(|&point| spans.push(point));
    spans
}

#[test]
fn a_span_is_its_steps() {
    let points = points(400);
    let offset = Wide::new(0.3, -0.9, -700);
    let spans = spans(&points, offset.magnitude());
    let mut lengths = Vec::new();
    for at in 1..400_u32 {
        let mut distance = Wide::new(1.0, 1.0, -690);
        let Some((span, steps)) = spans.longest_wide(at, distance.magnitude(), 1_000) else {
            continue;
        };
        let jump = span.a.times(distance).plus(span.b.times(offset));
        for z in &points[at as usize - 1..(at + steps) as usize - 1] {
            distance = z.shifted(1).plus(distance).times(distance).plus(offset);
        }
        let (x, y) = jump.at(distance.exponent);
        let error = larger_of(x - distance.x, y - distance.y);
        assert!(error < 1e-12, "{at} {steps}: {error}");
        lengths.push(steps);
    }
    lengths.sort_unstable();
    // 399 steps: eight-step spans at every eighth point, and the longest of 256.
    assert_eq!((lengths.len(), lengths.last()), (49, Some(&256)));
}

fn larger_of(x: f64, y: f64) -> f64 {
    x.abs().max(y.abs())
}

#[test]
fn what_is_beyond_reach_takes_no_span() {
    let points = points(64);
    let offset_max = Magnitude::new(1.0, -60);
    let spans = spans(&points, offset_max);
    // No step of |Z| up to 2 is linear for a distance above 2⁻⁵².
    assert!(spans.longest(1, 1.0 / (1_u64 << 51) as f64, 100).is_none());
    assert!(spans.longest_wide(1, Magnitude::new(1.0, -51), 100).is_none());
    let (near, steps) = spans.longest_wide(1, Magnitude::new(1.0, -200), 100).unwrap();
    assert!(steps >= BLOCK);
    // An offset of the largest size grows to what the last step of the span still reaches.
    let grown = near.b.magnitude().times(offset_max);
    assert!(grown.is_at_most(Magnitude::new(1.0, -51)));
}

#[test]
fn a_span_is_not_longer_than_asked() {
    let spans = spans(&points(200), Magnitude::ZERO);
    let steps = |max| spans.longest_wide(1, Magnitude::new(1.0, -600), max).map(|(_, steps)| steps);
    for (max, expected) in [
        (7, None),
        (8, Some(8)),
        (15, Some(8)),
        (16, Some(16)),
        (127, Some(64)),
        (9_999, Some(128)),
    ] {
        assert_eq!(steps(max), expected, "{max}");
    }
    assert!(spans.longest_wide(0, Magnitude::ZERO, 99).is_none());
    assert!(spans.longest_wide(2, Magnitude::ZERO, 99).is_none());
    assert!(spans.longest_wide(193, Magnitude::ZERO, 99).is_none());
}
