//! Bytes of orbits: there and back, and everything else refused.

use super::*;
use crate::view::View;
use proptest::prelude::*;

fn view(re: &str, im: &str, zoom: &str) -> View {
    View { re: re.into(), im: im.into(), zoom: zoom.into(), max_iter: 2_000, ..View::default() }
}

fn bytes(view: &View) -> Vec<u8> {
    view.validate().expect("valid").reference_orbit().expect("deep")
}

#[test]
fn an_orbit_takes_about_two_bytes_a_point() {
    for view in [
        view("0", "1", "1e300"),
        view("-1.401155189093314712", "0", "1e40"),
        view("1e-150", "0", "1e200"),
    ] {
        let bytes = bytes(&view);
        let orbit = Orbit::decode(&bytes).expect("as encoded");
        assert_eq!(orbit.encode(), bytes);
        let points = orbit.paths[0].points.len();
        let tiny = orbit.paths[0].tiny.len();
        assert!(bytes.len() <= 100 + points * 3 + tiny * 24, "{} for {points}", bytes.len());
    }
}

#[test]
fn only_an_orbit_of_the_picture_is_taken() {
    let here = view("-1.401155189093314712", "0", "1e40");
    let supply = |view: &View, bytes: &[u8]| view.validate().expect("valid").supply_orbit(bytes);
    let good = bytes(&here);
    assert_eq!(supply(&here, &good), Ok(()));
    let elsewhere = view("-1.401155189093315", "0", "1e40");
    assert_eq!(supply(&elsewhere, &good), Err(OrbitError::OfAnother));
    let shorter = View { max_iter: 1_000, ..here.clone() };
    assert_eq!(supply(&shorter, &good), Err(OrbitError::OfAnother));
    let plain = View::default();
    assert_eq!(supply(&plain, &good), Err(OrbitError::NotNeeded));
    let mut newer = good.clone();
    newer[0] = 2;
    assert_eq!(supply(&here, &newer), Err(OrbitError::Version));
    // A point that no step leads to.
    let mut orbit = Orbit::decode(&good).expect("as encoded");
    orbit.paths[0].points[70][0] += 1e-9;
    assert_eq!(supply(&here, &orbit.encode()), Err(OrbitError::OfAnother));
    // Numbers that are none.
    let mut orbit = Orbit::decode(&good).expect("as encoded");
    orbit.c[0] = f64::NAN;
    assert!(supply(&here, &orbit.encode()).is_err());
}

#[test]
fn a_small_message_claims_no_large_memory() {
    let mut bytes = vec![VERSION, 255];
    bytes.extend([0; 16]);
    for _ in 0..255 {
        bytes.extend((PATH_POINTS_MAX + 1).to_le_bytes());
        bytes.extend((PATH_POINTS_MAX + 1).to_le_bytes());
    }
    bytes.extend([1, 2, 3]);
    assert_eq!(Orbit::decode(&bytes), Err(OrbitError::Damaged));
}

proptest! {
    #[test]
    fn damaged_bytes_are_refused_or_another_orbit(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let good = bytes(&View { max_iter: 100, ..view("1e-150", "0", "1e200") });
        prop_assert!(Orbit::decode(&good[..cut.index(good.len())]).is_err());
        prop_assert!(Orbit::decode(&[&good[..], &[0]].concat()).is_err());
        let mut bad = good;
        let at = at.index(bad.len());
        bad[at] = byte;
        if let Ok(orbit) = Orbit::decode(&bad) {
            prop_assert_eq!(orbit.encode(), bad);
        }
    }

    #[test]
    fn the_order_of_numbers_is_kept_and_has_no_gap(a in any::<f64>(), b in any::<f64>()) {
        prop_assume!(!a.is_nan() && !b.is_nan());
        prop_assert_eq!(value_at(order(a)), a);
        prop_assert_eq!(a.partial_cmp(&b).filter(|_| a != b), (a != b).then(|| order(a).cmp(&order(b))));
        prop_assert_eq!(unzigzag(zigzag(order(a))), order(a));
    }
}
