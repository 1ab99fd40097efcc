//! Structured results held to the output schemas of the tools that gave them.
//!
//! Rules of this file: a schema is read once for as long as the list that has it is the server's; no
//! code of the validator runs while something is locked.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;

use super::{ClientError, Listed};
use crate::lock::Lock;
use crate::model::tool::{CallToolResult, Tool};
use crate::model::validation::{CompiledSchema, Validator, check_output};
use crate::rpc::bounded;

/// What checks results, and the schemas that it has read.
pub(super) struct Outputs {
    validator: Box<dyn Validator>,
    read: Lock<Option<Read>>,
}

/// The schemas of one list of tools, by their names.
struct Read {
    tools: Listed<Tool<'static>>,
    schemas: BTreeMap<Box<str>, Arc<dyn CompiledSchema>>,
}

impl Outputs {
    pub(super) fn new(validator: impl Validator + 'static) -> Self {
        Self {
            validator: Box::new(validator),
            read: Lock::default(),
        }
    }

    /// Returns an error if the result of the tool `name`, one of these, breaks what its output schema
    /// promises, or the schema can't be used. A failure promises nothing.
    // `tools.output.validate`
    pub(super) fn check(
        &self,
        tools: &Listed<Tool<'static>>,
        name: &str,
        result: &CallToolResult<'_>,
    ) -> Result<(), ClientError> {
        let wrong = |reason: &str| ClientError::OutputSchema {
            tool: bounded(name).into(),
            reason: bounded(reason).into(),
        };
        let schema = self.schema(tools, name).map_err(|reason| wrong(&reason))?;
        let Some(schema) = schema else {
            return Ok(());
        };
        check_output(&*schema, result).map_err(|violation| wrong(&violation.to_string()))
    }

    /// The schema of a tool; `None` when it has none.
    fn schema(
        &self,
        tools: &Listed<Tool<'static>>,
        name: &str,
    ) -> Result<Option<Arc<dyn CompiledSchema>>, Box<str>> {
        let known = self.read.with(|read| {
            let read = read.as_ref().filter(|read| read.tools.is_same(tools));
            read.and_then(|read| read.schemas.get(name).cloned())
        });
        if known.is_some() {
            return Ok(known);
        }
        let tool = tools.iter().find(|tool| tool.name == *name);
        let Some(written) = tool.and_then(|tool| tool.output_schema.as_ref()) else {
            return Ok(None);
        };
        let schema = self.validator.compile(written);
        let schema = schema.map_err(|error| error.to_string())?;
        let replaced = self.read.with(|read| {
            let old = read.take_if(|read| !read.tools.is_same(tools));
            let read = read.get_or_insert_with(|| Read {
                tools: tools.clone(),
                schemas: BTreeMap::new(),
            });
            (old, read.schemas.insert(name.into(), Arc::clone(&schema)))
        });
        drop(replaced);
        Ok(Some(schema))
    }
}
