//! A frame on its way to a session, which need not be scanned again by whom it passes: what a scan
//! has found travels with it.

use alloc::boxed::Box;
use core::fmt;

use bytes::Bytes;

use super::decode::{Envelope, Kind};
use super::id::RequestId;
use super::scan::Scan;
use crate::limits::Limits;

/// A frame, and what was found in it if it was scanned before. `Bytes::into` makes one that wasn't.
///
/// `Debug` shows its length, not what is in it; two are equal when their bytes are.
#[derive(Clone)]
pub struct ScannedFrame {
    bytes: Bytes,
    found: Option<Box<Found>>,
}

/// What a scan has found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    kind: Kind,
    id: Option<RequestId>,
    scan: Scan,
    bounds: Bounds,
}

/// The bounds that a scan keeps.
type Bounds = (usize, usize, usize);

const fn bounds(limits: &Limits) -> Bounds {
    (limits.depth, limits.id, limits.name)
}

impl ScannedFrame {
    /// A frame that was found to be one message within `limits`.
    #[cfg(feature = "http-core")]
    pub(crate) fn new(bytes: Bytes, limits: &Limits, envelope: Envelope<'_>) -> Self {
        let found = Found {
            kind: envelope.kind,
            id: envelope.id,
            scan: envelope.scan.clone(),
            bounds: bounds(limits),
        };
        Self {
            bytes,
            found: Some(Box::new(found)),
        }
    }

    /// Returns the bytes of the frame.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the bytes of the frame.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Returns the bytes and what was found in them, or the bytes alone as the error when they are still
    /// to be scanned within `limits`.
    pub(crate) fn open(self, limits: &Limits) -> Result<(Bytes, Box<Found>), Bytes> {
        match self.found {
            Some(found) if found.bounds == bounds(limits) => Ok((self.bytes, found)),
            _ => Err(self.bytes),
        }
    }
}

impl Found {
    pub(crate) fn envelope(&mut self) -> Envelope<'_> {
        Envelope {
            kind: self.kind,
            id: self.id.take(),
            scan: &self.scan,
        }
    }
}

impl From<Bytes> for ScannedFrame {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, found: None }
    }
}

impl PartialEq for ScannedFrame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for ScannedFrame {}

impl fmt::Debug for ScannedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScannedFrame")
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
