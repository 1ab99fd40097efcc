//! A serializer that takes one string and appends it as it stands: the inside of
//! [`Raw`](crate::rpc::Raw), of `serde_json`'s `RawValue`, and of its numbers when they are kept as text.

use alloc::vec::Vec;

use serde::{Serialize, Serializer, ser::Impossible};

use super::error::{EncodeError, refuse};
use crate::rpc::write::write_raw;

/// Appends the text it is given; asks for text by not being human readable.
pub(super) struct Verbatim<'o>(pub(super) &'o mut Vec<u8>);

fn unexpected() -> EncodeError {
    EncodeError::Custom("a raw json value gave something else than its text".into())
}

impl Serializer for Verbatim<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Impossible<(), EncodeError>;
    type SerializeTuple = Impossible<(), EncodeError>;
    type SerializeTupleStruct = Impossible<(), EncodeError>;
    type SerializeTupleVariant = Impossible<(), EncodeError>;
    type SerializeMap = Impossible<(), EncodeError>;
    type SerializeStruct = Impossible<(), EncodeError>;
    type SerializeStructVariant = Impossible<(), EncodeError>;

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), EncodeError> {
        write_raw(self.0, text);
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), EncodeError> {
        Err(unexpected())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        Err(unexpected())
    }

    refuse!(values, unexpected() =>
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32),
        serialize_i64(i64), serialize_i128(i128), serialize_u8(u8), serialize_u16(u16),
        serialize_u32(u32), serialize_u64(u64), serialize_u128(u128), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_bytes(&[u8]), serialize_none(),
        serialize_unit(), serialize_unit_struct(&'static str),
        serialize_unit_variant(&'static str, u32, &'static str),
    );
    refuse!(compounds, unexpected() =>
        SerializeSeq serialize_seq(Option<usize>), SerializeTuple serialize_tuple(usize),
        SerializeTupleStruct serialize_tuple_struct(&'static str, usize),
        SerializeTupleVariant serialize_tuple_variant(&'static str, u32, &'static str, usize),
        SerializeMap serialize_map(Option<usize>),
        SerializeStruct serialize_struct(&'static str, usize),
        SerializeStructVariant serialize_struct_variant(&'static str, u32, &'static str, usize),
    );
}
