//! The serializer for everything inside a body: appends compact JSON as a revision wants it.
//!
//! Each element and member is written with a comma before it; closing a compound turns the first
//! of them into its bracket. So nothing has to remember whether a comma is due.
//!
//! What is decided by a key or a name is inlined, so that it is decided at compile time where one is known. A
//! build that isn't optimised would gain nothing by it, and write four times as much code for each type.

use alloc::vec::Vec;
use core::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::downgrade::{Replace, StructRules, Target, may_downgrade};
use super::error::EncodeError;
use super::key::Key;
use super::table::rules;
use super::verbatim::Verbatim;
use crate::rpc::RAW_TOKEN;
use crate::rpc::plain::is_clean_run;
use crate::rpc::write::{
    write_escaped, write_f32, write_f64, write_i64, write_name, write_shown, write_shown_string,
    write_string, write_u64,
};

/// The names under which `serde_json` announces text that is to be copied as it stands.
const SERDE_JSON_TOKENS: [&str; 2] = [
    "$serde_json::private::RawValue",
    "$serde_json::private::Number",
];

/// Appends one value.
pub(super) struct Value<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) target: Target,
}

impl<'o> Value<'o> {
    #[inline]
    fn open(self) -> Compound<'o> {
        let start = self.out.len();
        Compound {
            out: self.out,
            target: self.target,
            start,
            wrapped: false,
        }
    }

    /// Opens the object around an enum's variant, as serde's external tagging has it.
    fn open_variant(self, variant: &'static str) -> Compound<'o> {
        self.out.push(b'{');
        write_string(self.out, variant);
        self.out.push(b':');
        Compound {
            wrapped: true,
            ..self.open()
        }
    }
}

macro_rules! whole {
    ($write:ident: $($method:ident($kind:ty)),* $(,)?) => { $(
        #[inline]
        fn $method(self, number: $kind) -> Result<(), EncodeError> {
            $write(self.out, number.into());
            Ok(())
        }
    )* };
}

impl<'o> Serializer for Value<'o> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Compound<'o>;
    type SerializeTuple = Compound<'o>;
    type SerializeTupleStruct = Compound<'o>;
    type SerializeTupleVariant = Compound<'o>;
    type SerializeMap = Compound<'o>;
    type SerializeStruct = Object<'o>;
    type SerializeStructVariant = Compound<'o>;

    whole!(write_u64: serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64));
    whole!(write_i64: serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64));

    fn serialize_i128(self, number: i128) -> Result<(), EncodeError> {
        write_shown(self.out, format_args!("{number}"));
        Ok(())
    }

    fn serialize_u128(self, number: u128) -> Result<(), EncodeError> {
        write_shown(self.out, format_args!("{number}"));
        Ok(())
    }

    fn serialize_f32(self, number: f32) -> Result<(), EncodeError> {
        if write_f32(self.out, number) {
            Ok(())
        } else {
            Err(EncodeError::NotFinite)
        }
    }

    fn serialize_f64(self, number: f64) -> Result<(), EncodeError> {
        if write_f64(self.out, number) {
            Ok(())
        } else {
            Err(EncodeError::NotFinite)
        }
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out
            .extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), EncodeError> {
        write_string(self.out, character.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), EncodeError> {
        write_string(self.out, text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.collect_seq(bytes)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    // Inlined so that a name that is known at compile time is checked then.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        write_name(self.out, variant);
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        if name == RAW_TOKEN {
            value.serialize(Verbatim(self.out))
        } else {
            value.serialize(self)
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.out.push(b'{');
        write_string(self.out, variant);
        self.out.push(b':');
        value.serialize(Value {
            out: self.out,
            target: self.target,
        })?;
        self.out.push(b'}');
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'o>, EncodeError> {
        Ok(self.open())
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Compound<'o>, EncodeError> {
        Ok(self.open())
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Compound<'o>, EncodeError> {
        Ok(self.open())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'o>, EncodeError> {
        Ok(self.open_variant(variant))
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'o>, EncodeError> {
        Ok(self.open())
    }

    // Inlined so that the look-up of a name that is known at compile time costs nothing.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Object<'o>, EncodeError> {
        Object::open(self, name)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'o>, EncodeError> {
        Ok(self.open_variant(variant))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        if write_shown_string(self.out, format_args!("{value}")) {
            return Ok(());
        }
        Err(ser::Error::custom("a display implementation failed"))
    }
}

/// An array, a map, or a variant with fields, while it is written.
pub(super) struct Compound<'o> {
    pub(super) out: &'o mut Vec<u8>,
    target: Target,
    start: usize,
    /// Whether the object around a variant has to be closed too.
    wrapped: bool,
}

impl<'o> Compound<'o> {
    #[inline]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.out.push(b',');
        value.serialize(Value {
            out: self.out,
            target: self.target,
        })
    }

    /// Closes the compound, and the object around it if it is a variant; returns the buffer.
    #[inline]
    pub(super) fn close(self, brackets: [u8; 2]) -> &'o mut Vec<u8> {
        close(self.out, self.start, brackets);
        if self.wrapped {
            self.out.push(b'}');
        }
        self.out
    }
}

/// Puts `brackets` around what was written from `start` on; its first byte is a spare comma.
#[inline]
pub(super) fn close(out: &mut Vec<u8>, start: usize, [open, close]: [u8; 2]) {
    match out.get_mut(start) {
        Some(comma) => *comma = open,
        None => out.push(open),
    }
    out.push(close);
}

/// Puts what `replace` makes of what was written from `start` on in its place.
#[cold]
fn replace_written(out: &mut Vec<u8>, start: usize, replace: Replace) -> Result<(), EncodeError> {
    let replacement = replace(out.get(start..).unwrap_or_default())?;
    out.truncate(start);
    out.extend_from_slice(&replacement);
    Ok(())
}

/// Appends a comma, the key and a colon.
// Inlined so that a key that is known at compile time is checked then and copied in one piece.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn write_key(out: &mut Vec<u8>, key: &str) {
    out.extend_from_slice(b",\"");
    if is_clean_run(key.as_bytes()) {
        out.extend_from_slice(key.as_bytes());
    } else {
        write_escaped(out, key);
    }
    out.extend_from_slice(b"\":");
}

macro_rules! array {
    ($($compound:ident $method:ident),*) => { $(
        impl ser::$compound for Compound<'_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.close(*b"[]");
                Ok(())
            }
        }
    )* };
}

array!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.out.push(b',');
        key.serialize(Key(self.out))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.out.push(b':');
        value.serialize(Value {
            out: self.out,
            target: self.target,
        })
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        self.close(*b"{}");
        Ok(())
    }
}

impl ser::SerializeStructVariant for Compound<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        write_key(self.out, key);
        value.serialize(Value {
            out: self.out,
            target: self.target,
        })
    }

    fn end(self) -> Result<(), EncodeError> {
        self.close(*b"{}");
        Ok(())
    }
}

/// A struct while it is written.
pub(super) struct Object<'o> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) target: Target,
    pub(super) start: usize,
    plan: Plan,
}

/// How a struct's fields are written.
#[derive(Clone, Copy)]
enum Plan {
    /// As they are.
    Plain,
    /// As this revision wants them.
    Downgraded(&'static StructRules),
    /// It is no struct, but a text in disguise.
    Verbatim,
}

impl<'o> Object<'o> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn open(value: Value<'o>, name: &'static str) -> Result<Self, EncodeError> {
        let Value { out, target } = value;
        let plan = match rules(name) {
            Some(rules) if !rules.is_verbatim(target.revision) => {
                rules.refuse(target.revision)?;
                Plan::Downgraded(rules)
            }
            Some(_) => Plan::Plain,
            None if SERDE_JSON_TOKENS.contains(&name) => Plan::Verbatim,
            None => Plan::Plain,
        };
        let start = out.len();
        Ok(Self {
            out,
            target,
            start,
            plan,
        })
    }

    /// Whether this is a text in disguise.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_verbatim(&self) -> bool {
        matches!(self.plan, Plan::Verbatim)
    }

    /// Appends a member, and tells where its value starts; `None` when the revision drops it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn member<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<Option<usize>, EncodeError> {
        let plain = match self.plan {
            Plan::Plain => true,
            Plan::Downgraded(_) => !may_downgrade(key, self.target.revision),
            Plan::Verbatim => false,
        };
        if !plain {
            return self.planned_member(key, value);
        }
        write_key(self.out, key);
        let start = self.out.len();
        value.serialize(Value {
            out: self.out,
            target: self.target,
        })?;
        Ok(Some(start))
    }

    fn planned_member<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<Option<usize>, EncodeError> {
        let rule = match self.plan {
            Plan::Verbatim => return value.serialize(Verbatim(self.out)).map(|()| None),
            Plan::Downgraded(rules) => rules.field(key),
            Plan::Plain => None,
        };
        if rule.is_some_and(|rule| !rule.is_said_to(self.target)) {
            return Ok(None);
        }
        let member_start = self.out.len();
        self.out.push(b',');
        let key = rule.map_or(key, |rule| rule.name_in(self.target.revision));
        write_string(self.out, key);
        self.out.push(b':');
        let value_start = self.out.len();
        value.serialize(Value {
            out: self.out,
            target: self.target,
        })?;
        let is_kept = match rule {
            Some(rule) => rule.rewrite(self.out, value_start, self.target.revision)?,
            None => true,
        };
        if !is_kept {
            self.out.truncate(member_start);
        }
        Ok(is_kept.then_some(value_start))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn close(self) -> Result<(), EncodeError> {
        match self.plan {
            Plan::Verbatim => Ok(()),
            Plan::Plain => {
                close(self.out, self.start, *b"{}");
                Ok(())
            }
            Plan::Downgraded(rules) => {
                close(self.out, self.start, *b"{}");
                match rules.replacement(self.target.revision) {
                    Some(replace) => replace_written(self.out, self.start, replace),
                    None => Ok(()),
                }
            }
        }
    }
}

impl ser::SerializeStruct for Object<'_> {
    type Ok = ();
    type Error = EncodeError;

    // Inlined so that what depends on the key is decided at compile time.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.member(key, value).map(|_| ())
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        self.close()
    }
}
