//! The elements of a batch (2025-03-26), each decoded as the frame of its own that it could be.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::limits::Limits;
use crate::model::members::decode;
use crate::rpc::{Decoded, Envelope, Kind, Rejection, Repeated, Scan, elements};

/// What a batch holds.
pub(super) struct Elements {
    pub(super) list: Vec<Bytes>,
    /// How many of them are requests, or may have been meant as one.
    pub(super) open: usize,
}

/// Splits a frame that is an array. Each element is copied: one that stays, as a request in flight
/// does, must not keep the whole batch in memory. `None` when it is empty or over the limit: then
/// the frame as a whole is one invalid request (`base.batch.empty`).
pub(super) fn split(frame: &Bytes, limits: &Limits) -> Option<Elements> {
    let list: Vec<_> = elements(frame)
        .take(limits.batch.saturating_add(1))
        .map(|span| Bytes::copy_from_slice(span.of(frame)))
        .collect();
    if list.is_empty() || list.len() > limits.batch {
        return None;
    }
    let unrepeated = Repeated::default();
    let is_open =
        |element: &&Bytes| match decode_element(element, limits, &unrepeated, &mut Scan::default())
        {
            Ok(envelope) => envelope.kind == Kind::Request,
            Err(rejection) => rejection.is_answerable(),
        };
    let open = list.iter().filter(is_open).count();
    Some(Elements { list, open })
}

/// Reads the envelope of an element, which may not be a batch itself.
pub(super) fn decode_element<'s>(
    element: &[u8],
    limits: &Limits,
    repeated: &Repeated,
    scan: &'s mut Scan,
) -> Result<Envelope<'s>, Rejection> {
    match decode(element, limits, repeated, scan)? {
        Decoded::One(envelope) => Ok(envelope),
        Decoded::Batch => Err(Rejection::invalid("Invalid request: a batch in a batch")),
    }
}
