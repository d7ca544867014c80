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
        prop_assert_eq!(decode_tile(&more, tile.width, tile.height), Err(CodecError::Compression));
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
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_tile(&[&[VERSION, 9, 0, 9, 0], &bytes[..]].concat(), 9, 9);
        let _ = decode_tile(&bytes, 256, 256);
    }

    #[test]
    fn symbols_have_one_form(symbols in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(levels) = levels_from_symbols(&symbols, 3, 3) {
            prop_assert_eq!(symbols_from_levels(&Tile { width: 3, height: 3, levels }), symbols);
        }
    }
}

#[test]
fn the_worst_tile_fits_the_maximum() {
    // Differences near 2³¹ and no pattern that deflate could use.
    let mut state = 1_u64;
    let levels = (0..TILE * TILE)
        .map(|i| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let noise = (state >> 36) as u32;
            LEVEL_MIN + noise + if i % 2 == 0 { 0 } else { 0x7000_0000 }
        })
        .collect();
    let tile = Tile { width: TILE, height: TILE, levels };
    let bytes = encode_tile(&tile);
    assert!(bytes.len() <= TILE_BYTES_MAX as usize, "{}", bytes.len());
    assert_eq!(decode_tile(&bytes, TILE, TILE), Ok(tile));
}

#[test]
fn a_bomb_is_stopped_at_the_size_of_the_tile() {
    let bomb = compress_to_vec(&vec![0; 10_000_000], 9);
    let bytes = [&[VERSION, 1, 0, 1, 0], &bomb[..]].concat();
    assert_eq!(decode_tile(&bytes, 1, 1), Err(CodecError::Compression));
    let too_long = vec![VERSION; TILE_BYTES_MAX as usize + 1];
    assert_eq!(decode_tile(&too_long, 1, 1), Err(CodecError::Length));
}

#[test]
fn levels_below_one_iteration_are_refused() {
    // From 256 down by one is 255: no escaped pixel has that level.
    let symbols = compress_to_vec(&[2], DEFLATE_LEVEL);
    let bytes = [&[VERSION, 1, 0, 1, 0], &symbols[..]].concat();
    assert_eq!(decode_tile(&bytes, 1, 1), Err(CodecError::Symbols));
}

#[test]
fn the_format_is_this() {
    let tile = Tile { width: 2, height: 2, levels: vec![256, 0, 258, 1_000] };
    // 0 inside, 1 + zigzag(2) = 5, then 742 ahead: 1 + 1484.
    assert_eq!(symbols_from_levels(&tile), [1, 0, 5, 0xcd, 0x0b]);
}

/// A change of the kernel, of the format or of `miniz_oxide` that shows here splits a network of
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
    assert_eq!((bytes.len(), hash), (33_405, 10_557_766_258_117_152_762));
}
