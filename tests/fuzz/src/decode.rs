//! Bytes that become a value or a refusal.

use base::Secret;
use bytes::Bytes;
use signal::message::{ClientMessage, PeerSignal, ServerMessage};
use wire::chunk::Reader;
use wire::grid::Record;
use wire::limits::CONTROL_BYTES_MAX;
use wire::{Frame, Parcel, Sealed};

use crate::Verdict;

macro_rules! read {
    ($type:ty, $bytes:expr, $verdict:expr) => {{
        let read = <$type>::decode($bytes);
        if let Ok(value) = &read {
            assert_eq!(value.encode(), $bytes, "a second byte form of {value:?}");
        }
        $verdict.note(&read);
    }};
}

pub(crate) fn frame(bytes: &[u8], verdict: &mut Verdict) {
    read!(Frame, bytes, verdict);
}

/// Sealed messages and what is in them.
pub(crate) fn parcel(bytes: &[u8], verdict: &mut Verdict) {
    read!(Parcel, bytes, verdict);
    let network = Secret::from_seed(&[200; 32]).public().into();
    verdict.note(&Sealed::open(bytes, &network).is_ok());
}

/// A channel's chunks: the first byte of each tells its length.
pub(crate) fn chunk(mut bytes: &[u8], verdict: &mut Verdict) {
    let mut reader = Reader::new(CONTROL_BYTES_MAX);
    while let Some((&length, rest)) = bytes.split_first() {
        let (chunk, rest) = rest.split_at(rest.len().min(usize::from(length)));
        verdict.note(&reader.push(chunk));
        bytes = rest;
    }
}

/// A job's record, and its merging with another piece of itself.
pub(crate) fn record(bytes: &[u8], verdict: &mut Verdict) {
    let Ok(record) = Record::read(bytes) else { return verdict.note(&"refused") };
    assert_eq!(record.encode(), bytes, "a second byte form");
    let network = Secret::from_seed(&[200; 32]).public().into();
    verdict.note(&record.job.verify(&network).is_ok());
    let mut twice = record.clone();
    assert!(!twice.merge(&record), "a record that its own news change: {record:?}");
    verdict.note(&record);
}

pub(crate) fn signal(bytes: &[u8], verdict: &mut Verdict) {
    read!(ClientMessage, bytes, verdict);
    read!(ServerMessage, bytes, verdict);
    read!(PeerSignal, bytes, verdict);
}

/// A job as its creator describes it: kind and tasks first, then parameters.
pub(crate) fn job(bytes: &[u8], verdict: &mut Verdict) {
    let Some((&[a, b, c], params)) = bytes.split_first_chunk() else { return };
    // The kinds there are, mostly.
    let kind = match a {
        0..125 => fractal::KIND,
        125..250 => fractal::SERIES_KIND,
        other => u16::from(other),
    };
    let tasks = u32::from(u16::from_le_bytes([b, c]));
    match fractal::appraise(kind, params, tasks) {
        Ok(frames) => {
            assert_eq!(frames.series().encode(), params, "a second byte form");
            verdict.note(&(frames.series(), frames.task_count()));
        }
        Err(error) => verdict.note(&error.to_string()),
    }
}

/// A tile's bytes, as the answer to a task of a certain size.
pub(crate) fn tile(bytes: &[u8], verdict: &mut Verdict) {
    let Some((&[width, height], bytes)) = bytes.split_first_chunk() else { return };
    let tile = fractal::decode_tile(bytes, u32::from(width) + 1, u32::from(height) + 1);
    match &tile {
        Ok(tile) => verdict.note(&(tile.width, tile.height, &tile.levels)),
        Err(error) => verdict.note(error),
    }
}

/// The rest of an input as bytes of its own.
pub(crate) fn rest(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
