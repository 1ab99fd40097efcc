//! The five released revisions of the protocol and the two eras they fall into.
//! A new one is a variant here; the compiler then names every place that has to decide about it.
//! A revision is an opaque date string on the wire, compared for equality only.

use core::fmt;

use crate::named::named;

/// A released revision of the protocol; later revisions compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Revision {
    /// 2024-11-05
    V2024_11_05,
    /// 2025-03-26
    V2025_03_26,
    /// 2025-06-18
    V2025_06_18,
    /// 2025-11-25
    V2025_11_25,
    /// 2026-07-28
    V2026_07_28,
    /// Made up: in this crate's own tests it stands for the next revision.
    #[cfg(test)]
    V2027_06_30,
}

named! {
    enum Revision {
        V2024_11_05 = "2024-11-05",
        V2025_03_26 = "2025-03-26",
        V2025_06_18 = "2025-06-18",
        V2025_11_25 = "2025-11-25",
        V2026_07_28 = "2026-07-28",
        #[cfg(test)]
        V2027_06_30 = "2027-06-30",
    }
}

/// How a revision opens a conversation and who may send requests in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Era {
    /// The `initialize` handshake, session state, requests in both directions (up to 2025-11-25).
    Legacy,
    /// Stateless requests that describe themselves in `_meta` (from 2026-07-28).
    Modern,
}

named! { enum Era { Legacy, Modern } }

impl Revision {
    /// Every revision, oldest first.
    #[cfg(not(test))]
    pub const ALL: [Self; 5] = Self::RELEASED;
    #[cfg(test)]
    /// Every revision, oldest first, and the made-up one.
    pub const ALL: [Self; 6] = {
        let [a, b, c, d, e] = Self::RELEASED;
        [a, b, c, d, e, Self::V2027_06_30]
    };

    const RELEASED: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// The newest revision that is opened by the `initialize` handshake.
    pub const NEWEST_LEGACY: Self = Self::V2025_11_25;

    /// The newest revision of all.
    pub const NEWEST: Self = Self::ALL[Self::ALL.len() - 1];

    /// Returns the revision that the wire calls `text`; `None` for any other string.
    pub fn from_wire(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.as_str() == text)
    }

    /// Returns the name on the wire, such as `2025-11-25`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
            #[cfg(test)]
            Self::V2027_06_30 => "2027-06-30",
        }
    }

    /// Returns the era this revision belongs to.
    pub const fn era(self) -> Era {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 => {
                Era::Legacy
            }
            Self::V2026_07_28 => Era::Modern,
            #[cfg(test)]
            Self::V2027_06_30 => Era::Modern,
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
