//! The serializer for the root of a body: an object that is merged with the session's additions.
//! Structs are merged while they are written; everything else is written first and then looked at.

use alloc::vec::Vec;
use core::ops::Range;

use serde::ser::{self, Impossible, Serialize, Serializer};

use super::downgrade::Target;
use super::error::{EncodeError, refuse};
use super::value::{Compound, Object, Value, close};
use crate::revision::Revision;
use crate::rpc::{Entry, listed_members, members, string_of};

/// What the session adds to a message's params or result while it is written.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "built in place wherever a message is written"
)]
pub struct SessionMembers<'a> {
    /// Members for `_meta`, already encoded: `"key":value,"key":value`. They are merged into the
    /// value's own `_meta`, which may not have one of their keys.
    pub meta: &'a [u8],
    /// Members for the object itself, already encoded, written after the value's own. The value's
    /// own `resultType`, `ttlMs` and `cacheScope` win over those given here.
    pub members: &'a [u8],
    /// Whether revisions before 2025-06-18 are sent `structuredContent` and `outputSchema` all the
    /// same, of which their schemas say nothing.
    pub keeps_structured: bool,
}

/// What is known of a body once it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// Where in the buffer (start and end) the JSON token of the root's `name`, `uri` or `taskId`
    /// stands, which HTTP repeats in a header; `None` when the root has none of them.
    pub name: Option<(usize, usize)>,
    /// Whether the root has a `task` of its own, by which a request asks to run as one.
    pub has_task: bool,
}

/// The members of a result that a value may have itself although the session would add them.
const OWN_FIRST: [&str; 3] = ["resultType", "ttlMs", "cacheScope"];

/// Appends the root of a body.
pub(super) struct Root<'o, 'a> {
    pub(super) out: &'o mut Vec<u8>,
    pub(super) revision: Revision,
    pub(super) additions: &'a SessionMembers<'a>,
}

impl<'o, 'a> Root<'o, 'a> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn target(&self) -> Target {
        Target {
            revision: self.revision,
            keeps_structured: self.additions.keeps_structured,
        }
    }

    fn value(&mut self) -> Value<'_> {
        let target = self.target();
        Value {
            out: self.out,
            target,
        }
    }

    /// Writes an object of which nothing is known beforehand, and merges it afterwards.
    fn write_and_merge(
        mut self,
        write: impl FnOnce(Value<'_>) -> Result<(), EncodeError>,
    ) -> Result<Encoded, EncodeError> {
        let start = self.out.len();
        write(self.value())?;
        merge(self.out, start, self.additions)
    }

    /// Opens a compound that is merged when it is closed.
    fn open(
        self,
        open: impl FnOnce(Value<'o>) -> Result<Compound<'o>, EncodeError>,
    ) -> Result<RootCompound<'o, 'a>, EncodeError> {
        let target = self.target();
        let Self { out, additions, .. } = self;
        let start = out.len();
        Ok(RootCompound {
            compound: open(Value { out, target })?,
            start,
            additions,
        })
    }

    fn write_empty(self) -> Result<Encoded, EncodeError> {
        self.write_and_merge(|value| {
            value.out.extend_from_slice(b"{}");
            Ok(())
        })
    }
}

impl<'o, 'a> Serializer for Root<'o, 'a> {
    type Ok = Encoded;
    type Error = EncodeError;
    type SerializeSeq = Impossible<Encoded, EncodeError>;
    type SerializeTuple = Impossible<Encoded, EncodeError>;
    type SerializeTupleStruct = Impossible<Encoded, EncodeError>;
    type SerializeTupleVariant = RootCompound<'o, 'a>;
    type SerializeMap = RootCompound<'o, 'a>;
    type SerializeStruct = RootStruct<'o, 'a>;
    type SerializeStructVariant = RootCompound<'o, 'a>;

    fn serialize_none(self) -> Result<Encoded, EncodeError> {
        self.write_empty()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Encoded, EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Encoded, EncodeError> {
        self.write_empty()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Encoded, EncodeError> {
        self.write_empty()
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Encoded, EncodeError> {
        if name != crate::rpc::RAW_TOKEN {
            return value.serialize(self);
        }
        self.write_and_merge(|root| root.serialize_newtype_struct(name, value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Encoded, EncodeError> {
        self.write_and_merge(|root| root.serialize_newtype_variant(name, index, variant, value))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<RootCompound<'o, 'a>, EncodeError> {
        self.open(|value| value.serialize_tuple_variant(name, index, variant, length))
    }

    fn serialize_map(self, length: Option<usize>) -> Result<RootCompound<'o, 'a>, EncodeError> {
        self.open(|value| value.serialize_map(length))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<RootCompound<'o, 'a>, EncodeError> {
        self.open(|value| value.serialize_struct_variant(name, index, variant, length))
    }

    // Inlined so that the look-up of a name that is known at compile time costs nothing.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<RootStruct<'o, 'a>, EncodeError> {
        let target = self.target();
        let Self { out, additions, .. } = self;
        let object = Object::open(Value { out, target }, name)?;
        Ok(RootStruct {
            object,
            additions,
            encoded: Encoded::default(),
            own: 0,
            has_meta: false,
        })
    }

    refuse!(values, EncodeError::NotAnObject =>
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
        serialize_i64(i64), serialize_i128(i128), serialize_u8(u8), serialize_u16(u16),
        serialize_u32(u32), serialize_u64(u64), serialize_u128(u128), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_variant(&'static str, u32, &'static str),
    );
    refuse!(compounds, EncodeError::NotAnObject =>
        SerializeSeq serialize_seq(Option<usize>), SerializeTuple serialize_tuple(usize),
        SerializeTupleStruct serialize_tuple_struct(&'static str, usize),
    );
}

/// A root that is a map or a variant with fields, while it is written.
pub(super) struct RootCompound<'o, 'a> {
    compound: Compound<'o>,
    start: usize,
    additions: &'a SessionMembers<'a>,
}

impl RootCompound<'_, '_> {
    fn close(self, brackets: [u8; 2]) -> Result<Encoded, EncodeError> {
        let out = self.compound.close(brackets);
        merge(out, self.start, self.additions)
    }
}

impl ser::SerializeMap for RootCompound<'_, '_> {
    type Ok = Encoded;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.compound.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.compound.serialize_value(value)
    }

    fn end(self) -> Result<Encoded, EncodeError> {
        self.close(*b"{}")
    }
}

impl ser::SerializeTupleVariant for RootCompound<'_, '_> {
    type Ok = Encoded;
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.compound.element(value)
    }

    fn end(self) -> Result<Encoded, EncodeError> {
        self.close(*b"[]")
    }
}

impl ser::SerializeStructVariant for RootCompound<'_, '_> {
    type Ok = Encoded;
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        ser::SerializeStructVariant::serialize_field(&mut self.compound, key, value)
    }

    fn end(self) -> Result<Encoded, EncodeError> {
        self.close(*b"{}")
    }
}

/// A root that is a struct, while it is written.
pub(super) struct RootStruct<'o, 'a> {
    object: Object<'o>,
    additions: &'a SessionMembers<'a>,
    encoded: Encoded,
    /// A bit for each of [`OWN_FIRST`] that the value has itself.
    own: u8,
    has_meta: bool,
}

impl RootStruct<'_, '_> {
    /// Merges the `_meta` whose value starts at `start` and was just written.
    fn merge_meta(&mut self, start: usize) -> Result<(), EncodeError> {
        let out = &mut *self.object.out;
        let end = out.len();
        self.has_meta = true;
        insert_meta(out, start..end, self.additions.meta)
    }
}

impl ser::SerializeStruct for RootStruct<'_, '_> {
    type Ok = Encoded;
    type Error = EncodeError;

    // Inlined so that what depends on the key is decided at compile time.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let Some(start) = self.object.member(key, value)? else {
            return Ok(());
        };
        match key {
            "name" | "uri" | "taskId" if self.encoded.name.is_none() => {
                self.encoded.name = Some((start, self.object.out.len()));
            }
            "resultType" => self.own |= 1,
            "ttlMs" => self.own |= 2,
            "cacheScope" => self.own |= 4,
            "task" => self.encoded.has_task = true,
            "_meta" => return self.merge_meta(start),
            _ => {}
        }
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<Encoded, EncodeError> {
        let Self {
            object,
            additions,
            encoded,
            own,
            has_meta,
        } = self;
        if object.is_verbatim() {
            return merge(object.out, object.start, additions);
        }
        let out = &mut *object.out;
        if !has_meta {
            append_meta(out, additions.meta);
        }
        append_members(out, additions.members, own);
        object.close()?;
        Ok(encoded)
    }
}

/// Appends a `_meta` member of the session's members alone.
#[inline]
fn append_meta(out: &mut Vec<u8>, meta: &[u8]) {
    if !meta.is_empty() {
        out.extend_from_slice(b",\"_meta\":{");
        out.extend_from_slice(meta);
        out.push(b'}');
    }
}

/// Appends the session's members, without those of which `own` says that the value has them.
#[inline]
fn append_members(out: &mut Vec<u8>, added: &[u8], own: u8) {
    if added.is_empty() {
        return;
    }
    if own == 0 {
        out.push(b',');
        out.extend_from_slice(added);
        return;
    }
    for Entry { key, value } in listed_members(added) {
        let name = string_of(key.of(added));
        if own & own_bit(&name) == 0 {
            out.push(b',');
            out.extend_from_slice(key.to(value).of(added));
        }
    }
}

/// The bit of `name` among [`OWN_FIRST`]; zero for any other.
fn own_bit(name: &str) -> u8 {
    OWN_FIRST
        .iter()
        .position(|own| *own == name)
        .map_or(0, |index| 1 << index)
}

/// Puts the session's members into the `_meta` that stands at `at`. A `null` is taken for an empty
/// object.
#[cold]
fn insert_meta(out: &mut Vec<u8>, at: Range<usize>, meta: &[u8]) -> Result<(), EncodeError> {
    let own = out.get(at.clone()).unwrap_or_default();
    if own == b"null" {
        out.splice(at, [b"{", meta, b"}"].concat());
        return Ok(());
    }
    let (Some(b'{'), Some(b'}')) = (own.first(), own.last()) else {
        return Err(EncodeError::NotAnObject);
    };
    if meta.is_empty() {
        return Ok(());
    }
    let mut is_empty = true;
    for member in members(own) {
        is_empty = false;
        let key = string_of(member.key.of(own));
        let mut reserved = listed_members(meta).map(|added| added.key.of(meta));
        if reserved.any(|added| string_of(added) == key) {
            return Err(EncodeError::ReservedMeta { key: key.into() });
        }
    }
    let comma: &[u8] = if is_empty { b"" } else { b"," };
    let before_brace = at.end.saturating_sub(1);
    out.splice(before_brace..before_brace, [comma, meta].concat());
    Ok(())
}

/// Merges the additions into the root that stands, finished, from `start` to the end of `out`.
#[cold]
fn merge(
    out: &mut Vec<u8>,
    start: usize,
    additions: &SessionMembers<'_>,
) -> Result<Encoded, EncodeError> {
    let text = out.get(start..).unwrap_or_default();
    if text == b"null" {
        out.truncate(start);
        out.extend_from_slice(b"{}");
    }
    let text = out.get(start..).unwrap_or_default();
    let (Some(b'{'), Some(b'}')) = (text.first(), text.last()) else {
        return Err(EncodeError::NotAnObject);
    };
    let (mut encoded, mut own, mut meta) = (Encoded::default(), 0, None);
    let mut is_empty = true;
    for Entry { key, value } in members(text) {
        is_empty = false;
        let name = string_of(key.of(text));
        let Range {
            start: from,
            end: to,
        } = value.range();
        let at = start.saturating_add(from)..start.saturating_add(to);
        match &*name {
            "name" | "uri" | "taskId" if encoded.name.is_none() => {
                encoded.name = Some((at.start, at.end));
            }
            "_meta" if meta.is_some() => {
                return Err(EncodeError::Custom(
                    "the object has two _meta members".into(),
                ));
            }
            "_meta" => meta = Some(at),
            "task" => encoded.has_task = true,
            other => own |= own_bit(other),
        }
    }
    // From here on the root is as a struct's is before it is closed.
    out.pop();
    if is_empty {
        out.truncate(start);
    } else if let Some(brace) = out.get_mut(start) {
        *brace = b',';
    }
    match meta {
        None => append_meta(out, additions.meta),
        Some(at) => {
            let (meta_start, before) = (at.start, out.len());
            insert_meta(out, at, additions.meta)?;
            if let Some((from, to)) = encoded.name.as_mut().filter(|name| name.0 > meta_start) {
                // What stands after `_meta` keeps its distance from the end.
                let grown = out.len().saturating_sub(before);
                (*from, *to) = (from.saturating_add(grown), to.saturating_add(grown));
            }
        }
    }
    append_members(out, additions.members, own);
    close(out, start, *b"{}");
    Ok(encoded)
}
