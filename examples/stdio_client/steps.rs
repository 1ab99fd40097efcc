//! The steps of the scenario: everything a client can do, each with what has to come of it.

use std::error::Error;

use mcp_proto::io::client::ClientError;
use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::content::ResourceContents;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::{CallTool, Complete, GetPrompt, ReadResource};
use mcp_proto::model::prompt::GetPromptParams;
use mcp_proto::model::resource::ReadResourceParams;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::rpc::Raw;
use mcp_proto::session::{CallError, CallOptions, Misuse};
use serde_json::json;

use crate::host::MODEL_SAYS;
use crate::script::{Outcome, Script};
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
        let revision = self.client.with(|session, _| session.revision());
        let revision = revision.ok_or("the session is not open")?;
        if let Some(expected) = self.revision {
            check(revision == expected, || {
                format!("{revision}, not {expected}")
            })?;
        }
        let name = self.client.with(|session, _| {
            let info = session.server_info();
            info.map_or_else(String::new, |info| {
                format!(" with {} {}", info.name, info.version)
            })
        });
        Ok(format!("{revision}{name}"))
    }

    fn log_level(&mut self) -> Outcome {
        let call = self.client.begin(|session, now| {
            session.set_log_level(now, LoggingLevel::Debug, CallOptions::new())
        })?;
        self.client.wait(call)?;
        // Some servers add tools once they know the client.
        self.listen(300)?;
        Ok("debug".into())
    }

    fn lists(&mut self) -> Outcome {
        let profile = &self.profile;
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
        match self.call(("no_such_tool", "{}")) {
            Ok((false, text)) => Ok(format!("a failed result: {text}")),
            Ok((true, text)) => Err(format!("it was found: {text}").into()),
            Err(ClientError::Call(CallError::Rpc(error))) => Ok(format!("an error: {error}")),
            Err(other) => Err(other.into()),
        }
    }

    fn progress(&mut self) -> Outcome {
        let before = self.seen().progress.len();
        self.call(self.profile.progress_tool)?;
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
        self.listen(300)?;
        let logs = self.seen().logs - before;
        check(logs > 0, || "no message came".into())?;
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
            let params = ReadResourceParams::new(uri);
            let done = self
                .client
                .call::<ReadResource>(&params, CallOptions::new())?;
            let result = done.result::<ReadResource>()?;
            let Some(ResourceContents::Text(contents)) = result.contents.first() else {
                return Err(format!("{uri} is no text").into());
            };
            lengths.push(format!("{} bytes", contents.text.len()));
        }
        Ok(lengths.join(", "))
    }

    fn prompt(&mut self) -> Outcome {
        let (name, json) = self.profile.prompt;
        let mut params = GetPromptParams::new(name);
        params.arguments = Some(serde_json::from_str(json)?);
        let done = self.client.call::<GetPrompt>(&params, CallOptions::new())?;
        let result = done.result::<GetPrompt>()?;
        let message = result.messages.first().ok_or("no messages")?;
        Ok(show::brief(&message.content))
    }

    fn completion(&mut self) -> Outcome {
        let (prompt, argument, typed) = self.profile.completion;
        let params = CompleteParams::new(PromptReference::new(prompt), argument, typed);
        let done = self.client.call::<Complete>(&params, CallOptions::new())?;
        let values = done.result::<Complete>()?.completion.values;
        let fits = !values.is_empty() && values.iter().all(|value| value.starts_with(typed));
        check(fits, || format!("{values:?}"))?;
        Ok(format!("{values:?}"))
    }

    fn subscription(&mut self) -> Outcome {
        let filter = SubscriptionFilter::new()
            .tools_list_changed(true)
            .resource_subscriptions([self.profile.resources[1]]);
        let before = self.seen().subscribed.len();
        let subscribed = self
            .client
            .with(|session, now| session.subscribe(now, &filter));
        if !self.profile.subscribes {
            let refused = matches!(subscribed, Err(Misuse::NotDeclaredByPeer(_)));
            check(refused, || format!("not refused: {subscribed:?}"))?;
            return Ok("refused here, as the server didn't declare it".into());
        }
        let subscription = subscribed?;
        let honoured = self.confirmed(before)?;
        self.client
            .with(|session, now| session.unsubscribe(now, subscription))?;
        Ok(format!("honoured: {}", json!(honoured)))
    }

    /// Waits for the confirmation after so many others.
    fn confirmed(&mut self, before: usize) -> Result<SubscriptionFilter<'static>, Box<dyn Error>> {
        for _ in 0..50 {
            if let Some(honoured) = self.seen().subscribed.get(before) {
                return Ok(honoured.clone());
            }
            self.listen(100)?;
        }
        Err("it was not confirmed".into())
    }

    fn cancelled_call(&mut self) -> Outcome {
        let (name, arguments) = self.profile.slow_tool;
        let params = CallToolParams::new(name).arguments(Raw::new(arguments)?);
        let call = self
            .client
            .begin(|session, now| session.call::<CallTool>(now, &params, CallOptions::new()))?;
        self.listen(300)?;
        self.client
            .with(|session, now| session.cancel(now, call, Some("enough")))?;
        match self.client.wait(call) {
            Err(ClientError::Call(CallError::Cancelled)) => Ok("cancelled".into()),
            Err(other) => Err(other.into()),
            Ok(_) => Err("it ended by itself".into()),
        }
    }

    fn ping(&mut self) -> Outcome {
        let before = self.client.now();
        let call = self
            .client
            .begin(|session, now| session.ping(now, CallOptions::new()))?;
        self.client.wait(call)?;
        Ok(format!("{:?}", self.client.now() - before))
    }
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Box<dyn Error>> {
    match holds {
        true => Ok(()),
        false => Err(otherwise().into()),
    }
}
