//! The elements of a batch (2025-03-26), each decoded as the frame of its own that it could be.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::limits::Limits;
use crate::rpc::{Decoded, Envelope, Kind, Rejection, decode, elements};

/// What a batch holds.
pub(super) struct Elements {
    pub(super) list: Vec<(Bytes, Result<Envelope, Rejection>)>,
    /// How many of them are requests, or may have been meant as one.
    pub(super) open: usize,
}

/// Splits a frame that is an array. `None` when it is empty or over the limit: then the frame as a
/// whole is one invalid request (`base.batch.empty`).
pub(super) fn split(frame: &Bytes, limits: &Limits) -> Option<Elements> {
    let spans: Vec<_> = elements(frame).take(limits.batch + 1).collect();
    if spans.is_empty() || spans.len() > limits.batch {
        return None;
    }
    let list: Vec<_> = spans
        .into_iter()
        .map(|span| {
            let element = frame.slice(span.range());
            let envelope = match decode(&element, limits) {
                Ok(Decoded::One(envelope)) => Ok(envelope),
                Ok(Decoded::Batch) => {
                    Err(Rejection::invalid("Invalid request: a batch in a batch"))
                }
                Err(rejection) => Err(rejection),
            };
            (element, envelope)
        })
        .collect();
    let is_open = |element: &Result<Envelope, Rejection>| match element {
        Ok(envelope) => envelope.kind == Kind::Request,
        Err(rejection) => rejection.is_answerable(),
    };
    let open = list.iter().filter(|(_, element)| is_open(element)).count();
    Some(Elements { list, open })
}
