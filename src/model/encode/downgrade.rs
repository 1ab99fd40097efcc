//! What older revisions lack of the model's types, which are a superset of all revisions.
//! A type states its rules where it is declared (`wire_type!`); the encoder asks while it writes.
//!
//! Rules of this file: what no rule mentions is written as it is, also in revisions to come; a
//! field or type without an end stays; a type with a rule is listed in [`downgraded_types`], and a
//! field with one in [`may_downgrade`], or the crate doesn't compile.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "rules are made at compile time, when what overflows or is missing does not compile"
)]

use alloc::vec::Vec;

use serde::{Deserialize, Serialize, ser};

use super::error::EncodeError;
use crate::revision::Revision;
use crate::rpc::{member_of, read_json};

/// For whom something is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) revision: Revision,
    /// Whether fields about structured content are kept where the revision doesn't know them.
    pub(super) keeps_structured: bool,
}

/// What becomes of a member whose value is already written.
pub(crate) enum Rewritten {
    /// It stays as it is.
    Kept,
    /// The member is left out.
    Dropped,
    /// Its value is this text instead.
    Replaced(Vec<u8>),
}

/// Decides what is written for a member, given the JSON of its value and the revision.
pub(crate) type Rewrite = fn(&[u8], Revision) -> Result<Rewritten, EncodeError>;

/// Says the same as the JSON of a struct with what an older revision has.
pub(crate) type Replace = fn(&[u8]) -> Result<Vec<u8>, EncodeError>;

/// What becomes of a struct in a revision that doesn't know it.
#[derive(Clone, Copy)]
enum Unsupported {
    /// It can't be said there; this is what the error calls it.
    Refused(&'static str),
    /// It is replaced by something that says the same.
    Replaced(Replace),
}

/// The rules for a struct and its fields.
pub(crate) struct StructRules {
    unsupported: Option<(Revision, Unsupported)>,
    fields: &'static [FieldRule],
    /// A bit for each revision in which something changes, in the order of `Revision::ALL`.
    changed_in: u8,
}

/// The revisions that know a field, and how older ones want it.
#[derive(Clone, Copy)]
pub(crate) struct FieldRule {
    name: &'static str,
    /// What it is called before 2026-07-28, if that is something else.
    older_name: Option<&'static str>,
    since: Revision,
    /// The last revision that knows the field; `None` when the newest one does.
    until: Option<Revision>,
    /// Whether it is about structured content, which older revisions may be sent on request.
    is_structured: bool,
    /// Applied in revisions before the one that is given; in all of them when none is.
    rewrite: Option<(Option<Revision>, Rewrite)>,
}

impl StructRules {
    /// Rules for a struct that every revision knows.
    pub(crate) const fn new(fields: &'static [FieldRule]) -> Self {
        let mut changed_in = 0;
        let mut index = 0;
        while index < fields.len() {
            let mut bit = 0;
            while bit < Revision::ALL.len() {
                let revision = Revision::ALL[bit];
                if !fields[index].is_verbatim(revision) {
                    assert!(
                        may_downgrade(fields[index].name, revision),
                        "a field with a rule has to be listed in `may_downgrade`"
                    );
                    changed_in |= 1 << bit;
                }
                bit += 1;
            }
            index += 1;
        }
        Self {
            unsupported: None,
            fields,
            changed_in,
        }
    }

    /// Adds that revisions before `since` have no words for the struct, which errors call `what`.
    pub(crate) const fn refused_before(self, since: Revision, what: &'static str) -> Self {
        self.unsupported_before(since, Unsupported::Refused(what))
    }

    /// Adds that the struct is replaced by what `replace` makes of it in revisions before `since`.
    pub(crate) const fn replaced_before(self, since: Revision, replace: Replace) -> Self {
        self.unsupported_before(since, Unsupported::Replaced(replace))
    }

    const fn unsupported_before(mut self, since: Revision, unsupported: Unsupported) -> Self {
        self.unsupported = Some((since, unsupported));
        self.changed_in |= (1 << since as u8) - 1;
        self
    }

    /// Checks that the struct of these rules, called `name`, is one that the encoder looks up.
    pub(crate) const fn listed_as(self, name: &str) -> Self {
        assert!(
            self.changed_in == 0 || is_listed(name),
            "a type with a rule has to be listed in `downgraded_types`"
        );
        self
    }

    /// Whether `revision` takes the struct as it is.
    #[inline]
    pub(super) fn is_verbatim(&self, revision: Revision) -> bool {
        self.changed_in & (1 << revision as u8) == 0
    }

    /// Returns an error if `revision` has no words for the struct.
    pub(super) fn refuse(&self, revision: Revision) -> Result<(), EncodeError> {
        match self.unsupported {
            Some((since, Unsupported::Refused(what))) if revision < since => {
                Err(EncodeError::NotInRevision { what, revision })
            }
            _ => Ok(()),
        }
    }

    /// What to replace the struct with in `revision`; `None` when it stays.
    #[inline]
    pub(super) fn replacement(&self, revision: Revision) -> Option<Replace> {
        match self.unsupported {
            Some((since, Unsupported::Replaced(replace))) if revision < since => Some(replace),
            _ => None,
        }
    }

    /// The rule for the field `name`; `None` when there is none.
    pub(super) fn field(&self, name: &str) -> Option<&'static FieldRule> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl FieldRule {
    /// The rule that every revision takes the field `name` as it is.
    pub(crate) const fn always(name: &'static str) -> Self {
        // MCP writes keys in camel case; so a field of several words has been given its key.
        let bytes = name.as_bytes();
        let mut index = 1;
        while index < bytes.len() {
            assert!(bytes[index] != b'_', "a key in snake case");
            index += 1;
        }
        Self {
            name,
            older_name: None,
            since: Revision::V2024_11_05,
            until: None,
            is_structured: false,
            rewrite: None,
        }
    }

    /// Adds that the field is called `older` before 2026-07-28.
    pub(crate) const fn formerly(mut self, older: &'static str) -> Self {
        self.older_name = Some(older);
        self
    }

    /// What the field is called in `revision`.
    pub(super) fn name_in(&self, revision: Revision) -> &'static str {
        match self.older_name {
            Some(older) if revision < Revision::V2026_07_28 => older,
            _ => self.name,
        }
    }

    /// Adds that `since` is the first revision with the field.
    pub(crate) const fn since(mut self, since: Revision) -> Self {
        self.since = since;
        self
    }

    /// Adds that `until` is the last revision with the field.
    pub(crate) const fn until(mut self, until: Revision) -> Self {
        self.until = Some(until);
        self
    }

    /// Adds that only `revision` has the field.
    pub(crate) const fn only(self, revision: Revision) -> Self {
        self.since(revision).until(revision)
    }

    /// Adds that the field is about structured content.
    pub(crate) const fn structured(mut self) -> Self {
        self.is_structured = true;
        self
    }

    /// Adds that `rewrite` decides about the field in revisions before `before`.
    pub(crate) const fn rewritten_before(mut self, before: Revision, rewrite: Rewrite) -> Self {
        self.rewrite = Some((Some(before), rewrite));
        self
    }

    /// Adds that `rewrite` decides about the field in every revision.
    pub(crate) const fn rewritten(mut self, rewrite: Rewrite) -> Self {
        self.rewrite = Some((None, rewrite));
        self
    }

    /// Whether `revision` takes the field as it is.
    const fn is_verbatim(&self, revision: Revision) -> bool {
        let is_rewritten = match self.rewrite {
            Some((Some(before), _)) => (revision as u8) < before as u8,
            Some((None, _)) => true,
            None => false,
        };
        let is_renamed =
            self.older_name.is_some() && (revision as u8) < Revision::V2026_07_28 as u8;
        self.is_known_in(revision) && !is_rewritten && !is_renamed
    }

    /// Whether the field is written at all.
    pub(super) fn is_said_to(&self, target: Target) -> bool {
        self.is_known_in(target.revision) || (self.is_structured && target.keeps_structured)
    }

    /// Whether `revision` knows the field.
    pub(crate) const fn is_known_in(&self, revision: Revision) -> bool {
        let is_over = match self.until {
            Some(until) => revision as u8 > until as u8,
            None => false,
        };
        self.since as u8 <= revision as u8 && !is_over
    }

    /// Changes the value that stands from `value_start` on to what `revision` wants. Returns
    /// whether the member stays.
    pub(super) fn rewrite(
        &self,
        out: &mut Vec<u8>,
        value_start: usize,
        revision: Revision,
    ) -> Result<bool, EncodeError> {
        let Some((before, rewrite)) = self.rewrite else {
            return Ok(true);
        };
        if before.is_some_and(|before| revision >= before) {
            return Ok(true);
        }
        match rewrite(out.get(value_start..).unwrap_or_default(), revision)? {
            Rewritten::Kept => Ok(true),
            Rewritten::Dropped => Ok(false),
            Rewritten::Replaced(value) => {
                out.truncate(value_start);
                out.extend_from_slice(&value);
                Ok(true)
            }
        }
    }
}

/// Whether some struct has a rule for a field of this name that may change it in `revision`.
// Inlined so that for a name known at compile time a comparison of revisions is all that remains.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) const fn may_downgrade(name: &str, revision: Revision) -> bool {
    match name.as_bytes() {
        b"_meta" | b"capabilities" | b"elicitationId" | b"execution" | b"task" => true,
        b"cacheScope" | b"error" | b"inputRequests" | b"inputResponses" | b"outputSchema"
        | b"pollIntervalMs" | b"requestState" | b"result" | b"structuredContent" | b"ttlMs" => {
            (revision as u8) < Revision::V2026_07_28 as u8
        }
        b"$schema" | b"annotations" | b"content" | b"context" | b"default" | b"description"
        | b"icons" | b"lastModified" | b"message" | b"mode" | b"title" | b"toolChoice"
        | b"tools" | b"websiteUrl" => (revision as u8) < Revision::V2025_11_25 as u8,
        _ => false,
    }
}

/// The prefix of the names by which the model's types announce themselves to a serializer. No
/// derive gives it, so a type of the user that has the same name is never taken for ours.
macro_rules! announced {
    ($name:ident) => {
        concat!("mcp_proto::", stringify!($name))
    };
}

/// Hands the types that have rules to a macro.
macro_rules! downgraded_types {
    ($callback:ident) => {
        $callback! {
            Annotations, AudioContent, BlobResourceContents, CallToolParams, CallToolResult,
            CompleteParams, CreateMessageParams, CreateMessageResult, CreateTaskResult,
            DiscoverResult, ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult,
            EmbeddedResource, GetPromptParams, ImageContent,
            Implementation, InitializeParams, InitializeResult, InputRequiredResult,
            LegacyTitledEnumSchema, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListRootsResult,
            ListToolsResult, NumberSchema, ProgressParams, Prompt, PromptArgument, PromptReference,
            ReadResourceParams, ReadResourceResult, RequestedSchema, Resource, ResourceLink, ResourceTemplate, Root,
            SamplingMessage, StringSchema, Task, TextContent, TextResourceContents,
            TitledMultiSelectEnumSchema, TitledSingleSelectEnumSchema, Tool, ToolResultContent,
            ToolUseContent, UntitledMultiSelectEnumSchema, UntitledSingleSelectEnumSchema,
        }
    };
}

pub(crate) use {announced, downgraded_types};

macro_rules! is_listed {
    ($($name:ident,)*) => {
        const fn is_listed(name: &str) -> bool {
            $(if is_same(name, stringify!($name)) {
                return true;
            })*
            false
        }
    };
}

downgraded_types!(is_listed);

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

/// Drops a value that isn't an object (`tools.struct.obj`).
#[expect(clippy::unnecessary_wraps, reason = "rules hold functions of one type")]
pub(crate) fn keep_object(written: &[u8], _: Revision) -> Result<Rewritten, EncodeError> {
    Ok(match written.first() {
        Some(b'{') => Rewritten::Kept,
        _ => Rewritten::Dropped,
    })
}

/// Drops a schema that doesn't describe an object (`tools.def.schema.keywords`).
#[expect(clippy::unnecessary_wraps, reason = "rules hold functions of one type")]
pub(crate) fn keep_object_schema(written: &[u8], _: Revision) -> Result<Rewritten, EncodeError> {
    Ok(match member_of(written, "type") {
        Some(b"\"object\"") => Rewritten::Kept,
        _ => Rewritten::Dropped,
    })
}

/// Reads back what was written as a `T`, and writes what `convert` makes of it.
///
/// What is inside of it was written for the revision already, so plain JSON of it is right.
pub(crate) fn converted<'w, T: Deserialize<'w>, U: Serialize>(
    written: &'w [u8],
    convert: impl FnOnce(T) -> Result<U, EncodeError>,
) -> Result<Vec<u8>, EncodeError> {
    let value = read_json(written).map_err(ser::Error::custom)?;
    serde_json::to_vec(&convert(value)?).map_err(ser::Error::custom)
}
