//! A serializer for the keys of a map, which JSON wants as strings.
//! Numbers and booleans are put in quotes, as `serde_json` does.

use alloc::vec::Vec;
use core::fmt;

use serde::{Serialize, Serializer, ser::Impossible};

use super::error::{EncodeError, refuse};
use crate::rpc::write::{write_shown_string, write_string};

/// Appends a key in quotes.
pub(super) struct Key<'o>(pub(super) &'o mut Vec<u8>);

impl Key<'_> {
    fn shown(self, key: fmt::Arguments<'_>) -> Result<(), EncodeError> {
        if write_shown_string(self.0, key) {
            Ok(())
        } else {
            Err(EncodeError::KeyNotString)
        }
    }
}

macro_rules! quote {
    ($($method:ident($kind:ty)),* $(,)?) => { $(
        fn $method(self, key: $kind) -> Result<(), EncodeError> {
            self.shown(format_args!("{key}"))
        }
    )* };
}

impl Serializer for Key<'_> {
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
    fn serialize_str(self, key: &str) -> Result<(), EncodeError> {
        write_string(self.0, key);
        Ok(())
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, key: &T) -> Result<(), EncodeError> {
        self.shown(format_args!("{key}"))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), EncodeError> {
        Err(EncodeError::KeyNotString)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::KeyNotString)
    }

    quote!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_u128(u128),
        serialize_char(char),
    );
    refuse!(values, EncodeError::KeyNotString =>
        serialize_f32(f32), serialize_f64(f64), serialize_bytes(&[u8]), serialize_none(),
        serialize_unit(), serialize_unit_struct(&'static str),
    );
    refuse!(compounds, EncodeError::KeyNotString =>
        SerializeSeq serialize_seq(Option<usize>), SerializeTuple serialize_tuple(usize),
        SerializeTupleStruct serialize_tuple_struct(&'static str, usize),
        SerializeTupleVariant serialize_tuple_variant(&'static str, u32, &'static str, usize),
        SerializeMap serialize_map(Option<usize>),
        SerializeStruct serialize_struct(&'static str, usize),
        SerializeStructVariant serialize_struct_variant(&'static str, u32, &'static str, usize),
    );
}
