//! Structured results held to the output schemas of the tools that gave them.
//!
//! Rules of this file: a schema is read once for each list that has it; no code of the validator runs
//! while something is locked.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::sync::Arc;

use super::{ClientError, Listed};
use crate::lock::Lock;
use crate::model::tool::{CallToolResult, Tool};
use crate::model::validation::{CompiledSchema, Validator, check_output};
use crate::rpc::bounded;

/// What checks the results of one client, and the schemas that it has read.
pub(crate) struct Outputs {
    validator: Arc<dyn Validator>,
    known: Lock<Option<Known>>,
}

/// The list of tools that came last, and those of its schemas that were needed, by the tools' names.
struct Known {
    tools: Listed<Tool<'static>>,
    schemas: BTreeMap<Box<str>, Arc<dyn CompiledSchema>>,
}

impl Outputs {
    pub(super) fn new(validator: Arc<dyn Validator>) -> Self {
        Self {
            validator,
            known: Lock::default(),
        }
    }

    /// Whether a list has come that has this tool.
    pub(crate) fn knows(&self, name: &str) -> bool {
        let tools = self.known.with(|known| Some(known.as_ref()?.tools.clone()));
        tools.is_some_and(|tools| tools.iter().any(|tool| tool.name == *name))
    }

    /// Takes the list of tools that has come.
    pub(crate) fn take(&self, tools: Listed<Tool<'static>>) {
        let _replaced = self.known.with(|known| {
            let is_same = |known: &Known| known.tools.is_same(&tools);
            match known.as_ref().is_some_and(is_same) {
                true => None,
                false => known.replace(Known {
                    tools,
                    schemas: BTreeMap::new(),
                }),
            }
        });
    }

    /// Returns an error if the result of the tool `name` breaks what its output schema promises, or the
    /// schema can't be used.
    // `tools.output.validate`
    pub(crate) fn check(&self, name: &str, result: &CallToolResult<'_>) -> Result<(), ClientError> {
        let wrong = |reason: &str| ClientError::OutputSchema {
            tool: bounded(name).into(),
            reason: bounded(reason).into(),
        };
        match self.schema(name).map_err(|reason| wrong(&reason))? {
            None => Ok(()),
            Some(schema) => {
                let checked = check_output(&*schema, result);
                checked.map_err(|violation| wrong(&violation.to_string()))
            }
        }
    }

    /// The schema of a tool; `None` when it has none.
    fn schema(&self, name: &str) -> Result<Option<Arc<dyn CompiledSchema>>, Box<str>> {
        let known = self.known.with(|known| {
            let known = known.as_ref()?;
            Some((known.tools.clone(), known.schemas.get(name).cloned()))
        });
        let Some((tools, None)) = known else {
            return Ok(known.and_then(|(_, schema)| schema));
        };
        let tool = tools.iter().find(|tool| tool.name == *name);
        let Some(written) = tool.and_then(|tool| tool.output_schema.as_ref()) else {
            return Ok(None);
        };
        let compiled = self.validator.compile(written);
        let schema = compiled.map_err(|error| error.to_string())?;
        let _replaced = self.known.with(|known| {
            let known = known.as_mut().filter(|known| known.tools.is_same(&tools))?;
            known.schemas.insert(name.into(), Arc::clone(&schema))
        });
        Ok(Some(schema))
    }
}
