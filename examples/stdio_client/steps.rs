//! The steps of the scenario: everything a client can do, each with what has to come of it.

use std::error::Error;
use std::time::{Duration, Instant};

use mcp_proto::client::{ClientError, OutputPart, ToolCall};
use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::prompt::GetPromptParams;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::session::Misuse;
use serde_json::json;

use crate::host::MODEL_SAYS;
use crate::script::{Outcome, Script, comes};
use crate::show;

/// Does one thing and checks what comes of it.
type Step<'a> = fn(&mut Script<'a>) -> Outcome;

/// The steps in their order; each goes on from where the one before has left off.
pub fn all<'a>() -> [(&'static str, Step<'a>); 16] {
    [
        ("revision", Script::agreed_revision),
        ("log level", Script::log_level),
        ("lists", Script::lists),
        ("tool", Script::tool),
        ("failing tool", Script::failing_tool),
        ("unknown tool", Script::unknown_tool),
        ("progress", Script::progress),
        ("logging", Script::logging),
        ("sampling", Script::sampling),
        ("elicitation", Script::elicitation),
        ("resources", Script::resources),
        ("prompt", Script::prompt),
        ("completion", Script::completion),
        ("subscription", Script::subscription),
        ("cancelled call", Script::cancelled_call),
        ("ping", Script::ping),
    ]
}

impl Script<'_> {
    fn agreed_revision(&mut self) -> Outcome {
        let revision = self.client.revision()?;
        let revision = revision.ok_or("no revision is agreed")?;
        if let Some(expected) = self.revision {
            check(revision == expected, || {
                format!("{revision}, not {expected}")
            })?;
        }
        let info = self.client.server_info()?;
        let name = info.map_or_else(String::new, |info| {
            format!(" with {} {}", info.name, info.version)
        });
        Ok(format!("{revision}{name}"))
    }

    fn log_level(&mut self) -> Outcome {
        self.client.set_log_level(LoggingLevel::Debug)?;
        Ok("debug".into())
    }

    fn lists(&mut self) -> Outcome {
        let profile = &self.profile;
        // Some servers add tools once they know their client.
        let (sampling, _) = profile.sampling_tool;
        comes(|| {
            let tools = show::tools(self.client).unwrap_or_default();
            tools.iter().any(|tool| tool.starts_with(sampling))
        });
        let lists = [
            ("tools", show::tools(self.client)?.len(), profile.tools),
            ("resources", show::resources(self.client)?.len(), 1),
            (
                "templates",
                show::templates(self.client)?.len(),
                profile.templates,
            ),
            (
                "prompts",
                show::prompts(self.client)?.len(),
                profile.prompts,
            ),
        ];
        for (name, found, least) in lists {
            check(found >= least, || format!("{found} {name}, not {least}"))?;
        }
        Ok(lists
            .map(|(name, found, _)| format!("{found} {name}"))
            .join(", "))
    }

    fn tool(&mut self) -> Outcome {
        let (is_good, text) = self.call(self.profile.tool)?;
        check(is_good && text.contains(self.profile.tool_says), || {
            text.clone()
        })?;
        Ok(text)
    }

    fn failing_tool(&mut self) -> Outcome {
        let (is_good, text) = self.call(self.profile.failing_tool)?;
        check(!is_good, || format!("it did not fail: {text}"))?;
        Ok(text)
    }

    /// The specification wants an error; some servers make it a failed result.
    fn unknown_tool(&mut self) -> Outcome {
        match self.run(ToolCall::new("no_such_tool")) {
            Ok((false, text)) => Ok(format!("a failed result: {text}")),
            Ok((true, text)) => Err(format!("it was found: {text}").into()),
            Err(ClientError::Rpc(error)) => Ok(format!("an error: {error}")),
            Err(other) => Err(other.into()),
        }
    }

    fn progress(&mut self) -> Outcome {
        let before = self.seen().progress.len();
        self.call(self.profile.progress_tool)?;
        let least = before + self.profile.progress;
        comes(|| self.seen().progress.len() >= least);
        let seen = self.seen();
        let progress = &seen.progress[before..];
        check(progress.len() >= self.profile.progress, || {
            format!("only {progress:?}")
        })?;
        check(progress.is_sorted(), || {
            format!("not in order: {progress:?}")
        })?;
        Ok(format!("{progress:?}"))
    }

    fn logging(&mut self) -> Outcome {
        let before = self.seen().logs;
        self.call(self.profile.logging_tool)?;
        check(comes(|| self.seen().logs > before), || {
            "no message came".into()
        })?;
        let logs = self.seen().logs - before;
        Ok(format!("{logs} messages"))
    }

    fn sampling(&mut self) -> Outcome {
        let before = self.seen().samplings;
        let (_, text) = self.call(self.profile.sampling_tool)?;
        check(self.seen().samplings > before, || {
            format!("it was not asked for: {text}")
        })?;
        check(text.contains(MODEL_SAYS), || {
            format!("not what was answered: {text}")
        })?;
        Ok(text)
    }

    fn elicitation(&mut self) -> Outcome {
        let before = self.seen().elicitations;
        let (is_good, text) = self.call(self.profile.elicitation_tool)?;
        check(self.seen().elicitations > before, || {
            format!("it was not asked for: {text}")
        })?;
        check(is_good && text.contains("fox"), || {
            format!("not what was answered: {text}")
        })?;
        Ok(text)
    }

    fn resources(&mut self) -> Outcome {
        let mut lengths = Vec::new();
        for uri in self.profile.resources {
            let length = match &self.client.read_resource(uri)?.value {
                OutputPart::Text(text) => text.len(),
                OutputPart::Json(json) => json.as_str().len(),
                _ => return Err(format!("{uri} is no text").into()),
            };
            lengths.push(format!("{length} bytes"));
        }
        Ok(lengths.join(", "))
    }

    fn prompt(&mut self) -> Outcome {
        let (name, json) = self.profile.prompt;
        let mut params = GetPromptParams::new(name);
        params.arguments = Some(serde_json::from_str(json)?);
        let result = self.client.get_prompt(params)?;
        let message = result.messages.first().ok_or("no messages")?;
        Ok(show::brief(&message.content))
    }

    fn completion(&mut self) -> Outcome {
        let (prompt, argument, typed) = self.profile.completion;
        let params = CompleteParams::new(PromptReference::new(prompt), argument, typed);
        let completed = self.client.complete(params)?.completion;
        let values = &completed.values[..];
        let fits = !values.is_empty() && values.iter().all(|value| value.starts_with(typed));
        check(fits, || format!("{values:?}"))?;
        Ok(format!("{values:?}"))
    }

    fn subscription(&mut self) -> Outcome {
        let filter = SubscriptionFilter::new()
            .tools_list_changed(true)
            .resource_subscriptions([self.profile.resources[1]]);
        let subscribed = self.client.subscribe(filter);
        if !self.profile.subscribes {
            let misuse = matches!(
                subscribed,
                Err(ClientError::Misuse(Misuse::NotDeclaredByPeer(_)))
            );
            check(misuse, || format!("not refused: {subscribed:?}"))?;
            return Ok("refused here, as the server didn't declare it".into());
        }
        let (subscription, honoured) = subscribed?;
        self.client.unsubscribe(subscription)?;
        Ok(format!("honoured: {}", json!(honoured)))
    }

    /// A call that is given up is cancelled, and the server hears of it.
    fn cancelled_call(&mut self) -> Outcome {
        let before = self.seen().cancelled;
        let call = self.prepare(self.profile.slow_tool)?;
        let outcome = self.run(call.read_timeout(Duration::from_millis(300)));
        let is_late = matches!(outcome, Err(ClientError::TimedOut { .. }));
        check(is_late, || format!("it ended by itself: {outcome:?}"))?;
        check(comes(|| self.seen().cancelled > before), || {
            "the server was not told".into()
        })?;
        Ok("given up and cancelled".into())
    }

    fn ping(&mut self) -> Outcome {
        let before = Instant::now();
        self.client.ping()?;
        Ok(format!("{:?}", before.elapsed()))
    }
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Box<dyn Error>> {
    match holds {
        true => Ok(()),
        false => Err(otherwise().into()),
    }
}
