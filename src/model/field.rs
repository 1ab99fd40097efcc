//! How fields are read and written where a plain derive would be too strict or too loose, and the
//! macros that spare the wire types what they would otherwise all repeat.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::rpc::{Raw, bounded};

/// Reads one value as the JSON text it is.
pub(crate) fn json_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'de str, D::Error> {
    <&'de RawValue>::deserialize(deserializer).map(RawValue::get)
}

/// An error inside a value that was read as text of its own, for the outer reader, which adds the
/// value's place.
pub(crate) fn inner_error<E: de::Error>(error: serde_json::Error) -> E {
    E::custom(reason(&error))
}

/// What is wrong with a text, without the place: the offset in a part of a frame means nothing to
/// a reader. It is bounded, since serde quotes what the peer sent.
pub(crate) fn reason(error: &serde_json::Error) -> Box<str> {
    let shown = error.to_string();
    // The position stands last; the same words inside a quoted text are not it.
    let position = shown.rfind(" at line ").filter(|_| error.line() > 0);
    bounded(position.and_then(|end| shown.get(..end)).unwrap_or(&shown)).into()
}

/// Reads a member that only informs, such as annotations: one that doesn't fit counts as absent and
/// costs nothing else.
pub(crate) fn hint<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    let text = json_text(deserializer)?;
    Ok(serde_json::from_str(text).unwrap_or_default())
}

/// One entry for each key: the last value, in the place of the first.
pub(crate) fn last_of_each_key<K: AsRef<str>, V>(entries: Vec<(K, V)>) -> Vec<(K, V)> {
    let keys = entries.iter().enumerate();
    let Some(places) = places_of_firsts(keys.map(|(at, (key, _))| (key.as_ref(), at)).collect())
    else {
        return entries;
    };
    let mut kept: Vec<Option<(K, V)>> = entries.iter().map(|_| None).collect();
    for (place, entry) in places.into_iter().zip(entries) {
        if let Some(kept) = kept.get_mut(place) {
            *kept = Some(entry);
        }
    }
    kept.into_iter().flatten().collect()
}

/// For each of these keys and their places the place of the first that is the same; `None` if no two are.
///
/// It sorts instead of looking each key up, since a peer chooses how many there are.
fn places_of_firsts<K: Ord>(mut keys: Vec<(K, usize)>) -> Option<Vec<usize>> {
    keys.sort_unstable();
    let same = |pair: &&[(K, usize)]| matches!(pair, [(one, _), (other, _)] if one == other);
    keys.windows(2).find(same)?;
    let mut places: Vec<usize> = (0..keys.len()).collect();
    for pair in keys.windows(2).filter(same) {
        if let [(_, at), (_, next)] = pair
            && let Some(first) = places.get(*at).copied()
            && let Some(place) = places.get_mut(*next)
        {
            *place = first;
        }
    }
    Some(places)
}

/// Reads a list that a peer may have written as `null`, as Go does for an empty one.
pub(crate) fn list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a value for which a `null` that is there differs from nothing being there.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Raw<'de>>, D::Error> {
    Raw::deserialize(deserializer).map(Some)
}

/// Reads a JSON object; `null` counts as absent, everything else is refused.
pub(crate) fn object<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Raw<'de>>, D::Error> {
    let raw = Raw::deserialize(deserializer)?;
    if raw.is_null() {
        return Ok(None);
    }
    if !raw.is_object() {
        return Err(de::Error::custom("expected an object"));
    }
    Ok(Some(raw))
}

/// Reads an integer that only informs: what is no number counts as absent, a fraction is cut off.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let raw = Raw::deserialize(deserializer)?;
    let text = raw.as_str();
    let number = text.parse().ok();
    Ok(number.or_else(|| text.parse::<f64>().ok().map(|number| number as i64)))
}

/// How many milliseconds a result stays fresh, written as never less than none (`cache.ttl`).
pub(crate) struct Lifetime<'a>(pub(crate) &'a i64);

impl Serialize for Lifetime<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64((*self.0).max(0))
    }
}

/// A number that is written without a fraction when it has none, so that `5` stays `5`.
pub(crate) struct Number<'a>(pub(crate) &'a f64);

impl Serialize for Number<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let whole = *self.0 as i64;
        // Beyond 2^53 a double no longer holds every integer, so its own digits are kept.
        if whole as f64 == *self.0 && whole.unsigned_abs() < 1 << 53 {
            return serializer.serialize_i64(whole);
        }
        serializer.serialize_f64(*self.0)
    }
}

/// A member with one fixed value, such as the `type` of a content block. It takes no room, is
/// written where it stands in its struct, and refuses any other value.
macro_rules! tag {
    ($name:ident = $text:literal) => {
        #[derive(Debug, Clone, Copy, Default, PartialEq)]
        pub(crate) struct $name;

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_unit_variant(stringify!($name), 0, $text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <$crate::rpc::Text<'de>>::deserialize(deserializer)?;
                if text != $text {
                    return Err(serde::de::Error::custom(concat!("expected `", $text, "`")));
                }
                Ok(Self)
            }
        }

        $crate::model::owned::already_owned!($name);
    };
}

/// An enum of known strings that keeps every other one as `Other`.
macro_rules! open_enum {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name<'a> {
            $($(#[$doc])* $variant,)*
            /// A value that no revision names, as it stands on the wire.
            Other($crate::rpc::Text<'a>),
        }

        impl $name<'_> {
            /// Returns the value as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl<'a> From<$crate::rpc::Text<'a>> for $name<'a> {
            fn from(text: $crate::rpc::Text<'a>) -> Self {
                match text.as_str() {
                    $($text => Self::$variant,)*
                    _ => Self::Other(text),
                }
            }
        }

        impl<'a> From<&'a str> for $name<'a> {
            fn from(text: &'a str) -> Self {
                $crate::rpc::Text::from(text).into()
            }
        }

        impl serde::Serialize for $name<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <$crate::rpc::Text<'a>>::deserialize(deserializer).map(Self::from)
            }
        }

        impl $crate::model::owned::IntoOwned for $name<'_> {
            type Owned = $name<'static>;

            fn owned_from(self, source: $crate::rpc::Source<'_>) -> $name<'static> {
                match self {
                    $(Self::$variant => $name::$variant,)*
                    Self::Other(text) => $name::Other(text.owned_from(source)),
                }
            }
        }
    };
}

/// Chained setters for optional fields, named as the fields.
macro_rules! setters {
    ($($name:ident { $($field:ident: $type:ty),* $(,)? })*) => { $(
        impl<'a> $name<'a> {
            $(
                #[doc = concat!("Sets `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(mut self, $field: impl Into<$type>) -> Self {
                    self.$field = Some($field.into());
                    self
                }
            )*
        }
    )* };
}

pub(crate) use {open_enum, setters, tag};

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::cmp::Ordering;

    use super::places_of_firsts;

    /// A key that counts how often it is compared.
    struct Key<'c>(usize, &'c Cell<usize>);

    impl Ord for Key<'_> {
        fn cmp(&self, other: &Self) -> Ordering {
            self.1.set(self.1.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    impl PartialOrd for Key<'_> {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl PartialEq for Key<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }

    impl Eq for Key<'_> {}

    #[test]
    fn many_keys_are_compared_about_as_often_as_it_takes_to_sort_them() {
        for distinct in [1, 100, 50_000] {
            let (count, compared) = (50_000_usize, Cell::new(0));
            // Spread, so that they aren't in order already.
            let key = |n: usize| Key(n * 7919 % distinct, &compared);
            let keys = (0..count).map(|n| (key(n), n)).collect();
            let places = places_of_firsts(keys).unwrap_or_else(|| (0..count).collect());
            let firsts = places.iter().enumerate().filter(|(at, first)| at == *first);
            assert_eq!(firsts.count(), distinct);
            assert!(
                compared.get() < count * 40,
                "{} comparisons",
                compared.get()
            );
        }
    }
}
