//! The tile codec: what survives, and what is refused.

use super::*;
use proptest::prelude::*;

fn any_level() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), LEVEL_MIN..=20_000, LEVEL_MIN..=u32::MAX]
}

fn any_tile() -> impl Strategy<Value = Tile> {
    (1..=40_u32, 1..=40_u32).prop_flat_map(|(width, height)| {
        let levels = prop::collection::vec(any_level(), (width * height) as usize);
        levels.prop_map(move |levels| Tile { width, height, levels })
    })
}

proptest! {
    #[test]
    fn decode_undoes_encode(tile in any_tile()) {
        let bytes = encode_tile(&tile);
        prop_assert_eq!(decode_tile(&bytes, tile.width, tile.height), Ok(tile));
    }

    #[test]
    fn a_part_or_more_is_refused(tile in any_tile(), cut in any::<prop::sample::Index>()) {
        let bytes = encode_tile(&tile);
        let part = &bytes[..cut.index(bytes.len())];
        prop_assert!(decode_tile(part, tile.width, tile.height).is_err());
        let more = [&bytes[..], &[0]].concat();
        prop_assert_eq!(decode_tile(&more, tile.width, tile.height), Err(CodecError::End));
    }

    #[test]
    fn another_size_is_refused(tile in any_tile()) {
        let bytes = encode_tile(&tile);
        let other = decode_tile(&bytes, tile.width + 1, tile.height);
        prop_assert_eq!(other, Err(CodecError::Size));
    }

    #[test]
    fn damage_yields_an_error_or_a_valid_tile(
        tile in any_tile(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode_tile(&tile);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = decode_tile(&bytes, tile.width, tile.height) {
            prop_assert_eq!(other.levels.len(), tile.levels.len());
            prop_assert!(other.levels.iter().all(|&level| level == 0 || level >= LEVEL_MIN));
        }
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), form in 0..3_u8) {
        let _ = decode_tile(&[&[VERSION, 9, 0, 9, 0, form], &bytes[..]].concat(), 9, 9);
        let _ = decode_tile(&bytes, 256, 256);
    }

    #[test]
    fn packed_levels_have_one_form(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let bytes = [&[VERSION, 3, 0, 3, 0, PACKED], &bytes[..]].concat();
        if let Ok(tile) = decode_tile(&bytes, 3, 3) {
            let header = bytes[..HEADER_BYTES - 1].to_vec();
            let is_smaller = bytes.len() < HEADER_BYTES + 9 * LEVEL_BYTES;
            prop_assert_eq!(packed(&tile, header), is_smaller.then_some(bytes));
        }
    }
}

#[test]
fn the_worst_tile_is_plain() {
    let mut state = 1_u64;
    let levels = (0..TILE * TILE)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 32) as u32).max(LEVEL_MIN)
        })
        .collect();
    let tile = Tile { width: TILE, height: TILE, levels };
    let bytes = encode_tile(&tile);
    assert_eq!(bytes.len(), TILE_BYTES_MAX as usize);
    assert_eq!(decode_tile(&bytes, TILE, TILE), Ok(tile));
    let too_long = vec![VERSION; TILE_BYTES_MAX as usize + 1];
    assert_eq!(decode_tile(&too_long, 1, 1), Err(CodecError::Length));
}

#[test]
fn a_difference_beyond_the_symbols_is_plain() {
    let mut levels = vec![LEVEL_MIN; 64];
    levels[20] = LEVEL_MIN + (1 << 31) - 1;
    levels[40] = LEVEL_MIN + (1 << 31);
    for (width, height) in [(64, 1), (1, 64), (8, 8)] {
        let tile = Tile { width, height, levels: levels.clone() };
        let bytes = encode_tile(&tile);
        assert_eq!(bytes[HEADER_BYTES - 1], PLAIN);
        assert_eq!(decode_tile(&bytes, width, height), Ok(tile.clone()));
        let tile =
            Tile { levels: levels.iter().map(|&level| level.min(levels[20])).collect(), ..tile };
        let bytes = encode_tile(&tile);
        assert_eq!(bytes[HEADER_BYTES - 1], PACKED);
        assert_eq!(decode_tile(&bytes, width, height), Ok(tile));
    }
}

#[test]
fn levels_below_one_iteration_are_refused() {
    let plain = [&[VERSION, 1, 0, 1, 0, PLAIN][..], &255_u32.to_le_bytes()].concat();
    assert_eq!(decode_tile(&plain, 1, 1), Err(CodecError::Symbols));
    // A segment that is not zero, and 256 − 1: symbol 1 + 1, of order 0.
    let packed = [VERSION, 1, 0, 1, 0, PACKED, 0b1011_0000];
    assert_eq!(decode_tile(&packed, 1, 1), Err(CodecError::Symbols));
}

#[test]
fn the_inside_costs_next_to_nothing() {
    let tile = Tile { width: TILE, height: TILE, levels: vec![0; (TILE * TILE) as usize] };
    // A bit for each segment, and the first row's first symbol.
    assert!(encode_tile(&tile).len() < HEADER_BYTES + 300);
}

#[test]
fn the_format_is_this() {
    let tile = Tile { width: 2, height: 2, levels: vec![512, 0, 512, 600] };
    // 256 is expected and 256 more found, then the inside; 512 as above, and then 512 − 512 + 256, for
    // the place of the inside is known by the level above it.
    let symbols = [1 + 512, 1, 0, 1 + 2 * 344];
    let (mut prediction, mut row) = (Prediction::new(2), [0; 2]);
    for (levels, expected) in tile.levels.chunks(2).zip(symbols.chunks(2)) {
        assert_eq!((prediction.read_row(levels, &mut row), &row[..]), (Some(()), expected));
    }
    // A segment with a symbol of order 0, and one of 6 for the 513 on its left; another segment with one
    // of 7, for three times 513, and one of 6.
    let orders = ["1", "000000000_1000000010", "1000001", "1", "10000000", "000_1011110001"];
    let bits = orders.concat().replace('_', "");
    let bytes = encode_tile(&tile);
    let written: String = bytes[HEADER_BYTES..].iter().map(|byte| format!("{byte:08b}")).collect();
    assert!(written.starts_with(&bits), "{written}");
    assert_eq!(bytes[..HEADER_BYTES], [VERSION, 2, 0, 2, 0, PACKED]);
}

/// A change of the kernel or of the format that shows here splits a network of
/// peers: it needs another [`VERSION`].
#[test]
fn the_bytes_of_a_real_tile_are_these() {
    let view = crate::View {
        re: "-0.74345".into(),
        im: "0.13135".into(),
        zoom: "1100".into(),
        width: 200,
        height: 150,
        ..crate::View::default()
    };
    let spec = view.validate().expect("valid");
    let bytes = encode_tile(&crate::compute(&spec, 0).expect("the task exists"));
    let fnv = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    assert_eq!((bytes.len(), hash), (25_928, 145_918_331_094_946_291));
}
