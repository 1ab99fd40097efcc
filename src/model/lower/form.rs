//! The schema of an elicitation form for 2025-06-18, the first revision that has any.
//! It knows fewer kinds of fields, no defaults but those of booleans, and no `$schema`.

use alloc::vec::Vec;

use serde::Deserialize;

use crate::Revision;
use crate::model::encode::EncodeError;
use crate::rpc::Text;
use crate::rpc::write::write_string;
use crate::rpc::{Entry, member_of, members, string_of};

/// Rewrites the form schema that was just written.
pub(super) fn old_form(
    out: &mut Vec<u8>,
    _: usize,
    value_start: usize,
    revision: Revision,
) -> Result<(), EncodeError> {
    let schema = out.split_off(value_start);
    rewrite(out, &schema, |out, name, member, value| match name {
        "$schema" => Ok(()),
        "properties" => {
            copy_key(out, member);
            rewrite(out, value, |out, _, member, field| {
                copy_key(out, member);
                old_field(out, field, revision)
            })
        }
        _ => {
            copy_member(out, member);
            Ok(())
        }
    })
}

/// Refuses a filled-in form in which a field has several values: no form of `revision` asks for them.
#[expect(clippy::ptr_arg, reason = "rules hold functions of one type")]
pub(super) fn old_content(
    out: &mut Vec<u8>,
    _: usize,
    value_start: usize,
    revision: Revision,
) -> Result<(), EncodeError> {
    let content = out.get(value_start..).unwrap_or_default();
    let is_list = |entry: Entry| entry.value.of(content).first() == Some(&b'[');
    if content.first() == Some(&b'{') && members(content).any(is_list) {
        let what = "a form field with several values";
        return Err(EncodeError::NotInRevision { what, revision });
    }
    Ok(())
}

/// Appends one field of the form as `revision` has it.
fn old_field(out: &mut Vec<u8>, field: &[u8], revision: Revision) -> Result<(), EncodeError> {
    let kind = member_of(field, "type").unwrap_or_default();
    if kind == b"\"array\"" {
        let what = "a form field with several choices";
        return Err(EncodeError::NotInRevision { what, revision });
    }
    rewrite(out, field, |out, name, member, value| {
        match name {
            "default" if kind != b"\"boolean\"" => {}
            "oneOf" => write_choices(out, value)?,
            _ => copy_member(out, member),
        }
        Ok(())
    })
}

/// Appends titled choices as `enum` and `enumNames`.
fn write_choices(out: &mut Vec<u8>, one_of: &[u8]) -> Result<(), EncodeError> {
    #[derive(Deserialize)]
    struct Choice<'a> {
        #[serde(rename = "const", borrow)]
        value: Text<'a>,
        #[serde(borrow)]
        title: Text<'a>,
    }

    let choices: Vec<Choice<'_>> =
        serde_json::from_slice(one_of).map_err(serde::ser::Error::custom)?;
    write_texts(
        out,
        b"\"enum\":",
        choices.iter().map(|choice| choice.value.as_str()),
    );
    out.push(b',');
    write_texts(
        out,
        b"\"enumNames\":",
        choices.iter().map(|choice| choice.title.as_str()),
    );
    Ok(())
}

fn write_texts<'t>(out: &mut Vec<u8>, key: &[u8], texts: impl Iterator<Item = &'t str>) {
    out.extend_from_slice(key);
    out.push(b'[');
    for (index, text) in texts.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, text);
    }
    out.push(b']');
}

/// A member as it stands in the original: its key, and both with what is between them.
struct Original<'a> {
    key: &'a [u8],
    whole: &'a [u8],
}

fn copy_key(out: &mut Vec<u8>, member: &Original<'_>) {
    out.extend_from_slice(member.key);
    out.push(b':');
}

fn copy_member(out: &mut Vec<u8>, member: &Original<'_>) {
    out.extend_from_slice(member.whole);
}

/// Appends the object `original`, with `write` choosing what becomes of each member: it is given
/// the name, the member and the value, and drops a member by writing nothing.
fn rewrite(
    out: &mut Vec<u8>,
    original: &[u8],
    write: impl Fn(&mut Vec<u8>, &str, &Original<'_>, &[u8]) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    if original.first() != Some(&b'{') {
        out.extend_from_slice(original);
        return Ok(());
    }
    out.push(b'{');
    let mut separated = true;
    for Entry { key, value } in members(original) {
        if !separated {
            out.push(b',');
        }
        let start = out.len();
        let member = Original {
            key: key.of(original),
            whole: key.to(value).of(original),
        };
        write(out, &string_of(member.key), &member, value.of(original))?;
        separated = out.len() == start;
    }
    if separated && out.last() == Some(&b',') {
        out.pop();
    }
    out.push(b'}');
    Ok(())
}
