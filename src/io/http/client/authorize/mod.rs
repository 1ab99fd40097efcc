//! What a connection does about servers that want to know who asks. With the feature `auth` it
//! authorizes itself; without, a challenge is a refusal.

#[cfg(not(feature = "auth"))]
mod off;
#[cfg(feature = "auth")]
mod on;

#[cfg(not(feature = "auth"))]
pub(super) use off::Authorization;
#[cfg(feature = "auth")]
pub(super) use on::Authorization;
