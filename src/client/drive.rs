//! How operations go on: from the session's events to the next call, or to the end.
//!
//! Rules of this file: an operation is in the table from its start to its one end; at most one call
//! of it is open; one that finds all calls taken waits for its turn; a list that the server doesn't
//! offer is empty, and nothing is sent for it.

use alloc::boxed::Box;
use core::time::Duration;

use crate::model::content::ContentBlock;
use crate::model::method::{
    CallTool, Complete, GetPrompt, ListPrompts, ListResourceTemplates, ListResources, ListTools,
    Progress, ReadResource,
};
use crate::model::owned::IntoOwned;
use crate::model::resource::ReadResourceParams;
#[cfg(feature = "skills")]
use crate::model::skill::{
    GetSkill, GetSkillParams, ListSkills, ReadResourceDirectory, SkillError,
};
use crate::model::subscription::SubscriptionFilter;
use crate::model::tool::CallToolResult;
use crate::rpc::Source;
#[cfg(feature = "skills")]
use crate::rpc::bounded;
use crate::session::{
    CallClock, CallError, CallId, CallOptions, ClientEvent, ClientSession, CloseReason, Completed,
    Misuse, Received, Session, SubscriptionId, Timeout, Weigh,
};
use crate::time::Instant;
use crate::trace::{self, Role};

use super::links::Links;
use super::operation::{
    Next, Operation, OperationId, Outcome, Output, ProgressHandler, Running, Step, ToolCall,
    WaitsFor, Work, done,
};
use super::result::{OutputPart, ResourceOutput, ToolOutput};
use super::{Client, ClientError, ClientOptions, Event, Stage};

impl Weigh for OperationId {
    fn weight(&self) -> usize {
        0
    }
}

impl Client {
    /// Makes the first call of an operation, or lets it wait until the session takes one.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        id: OperationId,
        request: &Operation,
        progress: Option<ProgressHandler>,
        total: Option<Duration>,
    ) {
        let begun = match self.can_call() {
            true => self.first_step(now, request, progress),
            false => {
                let operation = Work::Waits(Box::new(request.clone()), progress);
                return self.wait(id, Running::new(operation, total));
            }
        };
        match begun {
            Ok((step, operation)) => self.follow(id, step, Running::new(operation, total)),
            Err(misuse) => self.finish(id, Box::new(Err(misuse.into()))),
        }
    }

    /// Makes the next call of an operation, or lets it wait until the session takes one.
    pub(super) fn start_call(&mut self, now: Instant, id: OperationId) {
        let Some(running) = self.operations.remove(id.number()) else {
            return;
        };
        if !self.can_call() {
            return self.wait(id, running);
        }
        let total = running.total;
        let begun = match running.operation {
            Work::Waits(request, progress) => self.first_step(now, &request, progress),
            mut operation => {
                let step = self.next_step(now, &mut operation);
                step.map(|step| (step, operation))
            }
        };
        match begun {
            Ok((step, operation)) => self.follow(id, step, Running::new(operation, total)),
            Err(misuse) => self.finish(id, Box::new(Err(misuse.into()))),
        }
    }

    /// Lets an operation wait for its turn.
    fn wait(&mut self, id: OperationId, mut running: Running) {
        running.waits = WaitsFor::Turn;
        self.waiting.insert(id);
        self.operations.insert(id.number(), running);
    }

    /// Notes what an operation waits for after a step.
    fn follow(&mut self, id: OperationId, step: Step, mut running: Running) {
        running.waits = match step {
            Step::Call(call) => {
                self.calls.insert(call.number(), id);
                WaitsFor::Call(call)
            }
            Step::Subscription(subscription) => {
                self.subscribing.insert(subscription, id);
                WaitsFor::Subscription(subscription)
            }
            Step::Done(output) => return self.finish(id, Box::new(Ok(*output))),
        };
        self.operations.insert(id.number(), running);
    }

    /// Whether the session takes another call now: then none is refused for want of room.
    pub(super) fn can_call(&self) -> bool {
        self.session.can_call()
    }

    fn first_step(
        &mut self,
        now: Instant,
        request: &Operation,
        progress: Option<ProgressHandler>,
    ) -> Result<(Step, Work), Misuse> {
        let options = CallOptions::new();
        let session = &mut self.session;
        let (call, operation) = match request {
            Operation::ListTools => return self.listing::<ListTools>(now),
            Operation::ListResources => return self.listing::<ListResources>(now),
            Operation::ListResourceTemplates => {
                return self.listing::<ListResourceTemplates>(now);
            }
            Operation::ListPrompts => return self.listing::<ListPrompts>(now),
            Operation::CallTool(call) => {
                let name = self.options.own_name(call);
                let options = call_options(&self.options, call, progress.is_some());
                let options = options.task(self.task_use(name));
                let params = call.params(name);
                let call = self.session.call::<CallTool>(now, &params, options)?;
                (call.any(), Work::Tool(progress))
            }
            Operation::DirectCallTool(call) => {
                let options = call_options(&self.options, call, progress.is_some());
                let options = options.task(self.task_use(&call.name));
                let params = call.params(&call.name);
                let call = self.session.call::<CallTool>(now, &params, options)?;
                (call.any(), Work::RawTool(progress))
            }
            Operation::StartTool(_)
            | Operation::AwaitTask(_)
            | Operation::GetTask(_)
            | Operation::CancelTask(_) => return self.task_step(now, request, progress),
            Operation::ReadResource(uri) => {
                let params = ReadResourceParams::new(uri.as_str());
                let call = session.call::<ReadResource>(now, &params, options)?;
                (call.any(), Work::Resource)
            }
            Operation::GetPrompt(params) => {
                let call = session.call::<GetPrompt>(now, params, options)?;
                (call.any(), Work::Prompt)
            }
            Operation::Complete(params) => {
                let call = session.call::<Complete>(now, params, options)?;
                (call.any(), Work::Completion)
            }
            Operation::Ping => (session.ping(now, options)?.any(), Work::Other),
            Operation::SetLogLevel(level) => {
                let call = session.set_log_level(now, *level, options)?;
                (call.any(), Work::Other)
            }
            Operation::Subscribe(filter) => {
                let subscription = session.subscribe(now, filter)?;
                return Ok((Step::Subscription(subscription), Work::Other));
            }
            #[cfg(feature = "skills")]
            Operation::ListSkills => return self.listing::<ListSkills>(now),
            #[cfg(feature = "skills")]
            Operation::GetSkill(uri) => {
                let params = GetSkillParams::new(uri.as_str());
                let call = session.call::<GetSkill>(now, &params, options)?;
                (call.any(), Work::Skill(uri.clone()))
            }
            #[cfg(feature = "skills")]
            Operation::ReadDirectory(params) => {
                let call = session.call::<ReadResourceDirectory>(now, params, options)?;
                (call.any(), Work::Directory)
            }
        };
        Ok((Step::Call(call), operation))
    }

    /// The next call of an operation that makes several.
    fn next_step(&mut self, now: Instant, operation: &mut Work) -> Result<Step, Misuse> {
        match operation {
            Work::Tools(listing) => self.page::<ListTools>(now, listing),
            Work::Resources(listing) => self.page::<ListResources>(now, listing),
            Work::ResourceTemplates(listing) => self.page::<ListResourceTemplates>(now, listing),
            Work::Prompts(listing) => self.page::<ListPrompts>(now, listing),
            #[cfg(feature = "skills")]
            Work::Skills(listing) => self.page::<ListSkills>(now, listing),
            Work::Links(output) => self.read_link(now, output),
            Work::Searches(_) => self.search_on(now, operation),
            _ => Ok(done(Output::Done)),
        }
    }

    /// Reads the next link of a tool's output.
    fn read_link(&mut self, now: Instant, links: &mut Links) -> Result<Step, Misuse> {
        while let Some(link) = links.next() {
            let params = ReadResourceParams::new(link.uri.reborrow());
            let options = CallOptions::new();
            match self.session.call::<ReadResource>(now, &params, options) {
                Ok(call) => return Ok(Step::Call(call.any())),
                Err(misuse) => links.put(OutputPart::Failed(misuse.into())),
            }
        }
        Ok(done(Output::Tool(links.take_output())))
    }

    /// Ends an operation, which is no longer in the table.
    pub(super) fn finish(&mut self, operation: OperationId, outcome: Outcome) {
        let operations = &self.operations;
        self.deadlines.tidy(operations.len(), |operation| {
            operations.get(operation.number()).is_some()
        });
        let (name, code) = match &*outcome {
            Ok(_) => ("result", None),
            Err(error) => error.outcome(),
        };
        self.spans.end(self.now, &operation, name, code);
        self.push_event(Event::Finished { operation, outcome });
    }

    /// Ends an operation that is in the table, and whatever it waits for.
    pub(super) fn end(
        &mut self,
        now: Instant,
        id: OperationId,
        outcome: Result<Output, ClientError>,
    ) {
        let number = id.number_in(self.tag);
        let Some(running) = number.and_then(|number| self.operations.remove(number)) else {
            return;
        };
        self.withdraw(now, id, running.waits);
        self.finish(id, Box::new(outcome));
    }

    /// Takes back what an operation waits for. What the session says of it goes to nobody.
    fn withdraw(&mut self, now: Instant, id: OperationId, waits: WaitsFor) {
        // What has ended already can't be taken back, and need not.
        let _ = match waits {
            WaitsFor::Turn => {
                self.waiting.remove(&id);
                Ok(())
            }
            WaitsFor::Call(call) => match self.calls.remove(call.number()) {
                Some(_) => self.session.cancel(now, call, None),
                None => Ok(()),
            },
            WaitsFor::Subscription(subscription) => match self.subscribing.remove(&subscription) {
                Some(_) => self.session.unsubscribe(now, subscription),
                None => Ok(()),
            },
        };
    }

    /// Ends the operations that have had all their time.
    pub(super) fn expire(&mut self, now: Instant) {
        while self.suspended.is_none()
            && let Some(id) = self.deadlines.pop_due(now)
        {
            let Some(running) = self.operations.remove(id.number()) else {
                continue;
            };
            self.withdraw(now, id, running.waits);
            let outcome = match running.operation {
                // The tool has answered: the links that are left stay unread.
                Work::Links(mut links) => Ok(Output::Tool(links.take_output())),
                _ => Err(ClientError::TimedOut {
                    clock: CallClock::Total,
                    after: running.total.unwrap_or_default(),
                }),
            };
            self.finish(id, Box::new(outcome));
        }
    }

    /// Takes what has happened in the session, and lets whoever waits for a call have it.
    pub(super) fn pump(&mut self, now: Instant) {
        self.now = now;
        loop {
            while let Some(mut event) = self.session.poll_event() {
                self.weight = event.held();
                match &mut event {
                    // Most of them, and large: it is looked at where it is.
                    ClientEvent::Completed(done) => self.completed(now, done),
                    _ => self.take(now, event),
                }
            }
            self.weight = 0;
            if !self.start_waiting(now) {
                return;
            }
        }
    }

    /// Says that something has happened. What holds the frame that it came with counts as it does.
    pub(super) fn push_event(&mut self, event: Event) {
        show(&event, &self.session);
        self.held += self.weight;
        self.events.push_back((self.weight, event));
    }

    /// Gives operations that wait for a call their turn; whether any was waiting for it.
    fn start_waiting(&mut self, now: Instant) -> bool {
        let mut has_begun = false;
        while self.can_call() && !self.session.is_closed() {
            let Some(id) = self.waiting.pop_first() else {
                break;
            };
            self.start_call(now, id);
            has_begun = true;
        }
        has_begun
    }

    fn take(&mut self, now: Instant, event: ClientEvent) {
        match event {
            ClientEvent::Opened { .. } => self.session_opened(now),
            ClientEvent::Progress { call, progress } => self.progressed(call, &progress),
            ClientEvent::Changed { change, .. } => {
                self.catalog.changed(change);
                self.push_event(Event::Session(Box::new(event)));
            }
            ClientEvent::Subscribed {
                subscription,
                ref honoured,
            } => match self.subscribing.remove(&subscription) {
                Some(id) => self.end(now, id, Ok(subscribed(subscription, honoured))),
                None => self.push_event(Event::Session(Box::new(event))),
            },
            ClientEvent::SubscriptionEnded {
                subscription,
                ref outcome,
                ..
            } => match self.subscribing.remove(&subscription) {
                Some(id) => {
                    let error = outcome.clone().err().unwrap_or(CallError::Cancelled);
                    self.end(now, id, Err(error.into()));
                }
                None => self.push_event(Event::Session(Box::new(event))),
            },
            ClientEvent::Closed(reason) => self.closed(now, reason),
            event => self.push_event(Event::Session(Box::new(event))),
        }
    }

    fn progressed(&mut self, call: CallId, progress: &Received) {
        let Some(id) = self.calls.get(call.number()) else {
            return;
        };
        let running = self.operations.get(id.number());
        let handler = match running.map(|running| &running.operation) {
            Some(Work::Tool(progress) | Work::RawTool(progress) | Work::Starts(progress)) => {
                progress.clone()
            }
            _ => None,
        };
        if let (Some(handler), Ok(params)) = (handler, progress.params::<Progress>()) {
            self.push_event(Event::Progress {
                operation: *id,
                progress: Box::new(params.into_owned()),
                handler,
            });
        }
    }

    fn completed(&mut self, now: Instant, done: &mut Completed) {
        if let Stage::SettingLevel(call, time) = self.stage
            && call == done.call
        {
            let took = CloseReason::OpeningTimedOut(time);
            return match done.raw() {
                Ok(_) => self.opened(),
                Err(CallError::TimedOut { .. }) => {
                    self.fail_opening(now, ClientError::Opening(took));
                }
                // The end of the session follows, and says why.
                Err(CallError::Lost(_)) => {}
                Err(error) => self.fail_opening(now, error.clone().into()),
            };
        }
        let Some(id) = self.calls.remove(done.call.number()) else {
            return;
        };
        let Some(mut running) = self.operations.remove(id.number()) else {
            return;
        };
        let whole = done.share();
        let source = Source::of(whole.as_ref());
        match self.advance(now, running.operation, done, source) {
            Ok(Next::Done(outcome)) => self.finish(id, outcome),
            Ok(Next::Again(operation)) => {
                running.operation = operation;
                running.waits = WaitsFor::Turn;
                self.operations.insert(id.number(), running);
                self.start_call(now, id);
            }
            Err(error) => self.finish(id, Box::new(Err(error))),
        }
    }

    /// What an operation does with the end of its call.
    fn advance(
        &mut self,
        now: Instant,
        operation: Work,
        done: &Completed,
        source: Source<'_>,
    ) -> Result<Next, ClientError> {
        Ok(Next::Done(Box::new(Ok(match operation {
            Work::Tools(listing) => return self.paged::<ListTools>(now, listing, done, source),
            Work::Resources(listing) => {
                return self.paged::<ListResources>(now, listing, done, source);
            }
            Work::ResourceTemplates(listing) => {
                return self.paged::<ListResourceTemplates>(now, listing, done, source);
            }
            Work::Prompts(listing) => return self.paged::<ListPrompts>(now, listing, done, source),
            #[cfg(feature = "skills")]
            Work::Skills(listing) => return self.paged::<ListSkills>(now, listing, done, source),
            #[cfg(feature = "skills")]
            Work::Skill(uri) => {
                let skill = done.result_in::<GetSkill>(source)?.skill.owned_from(source);
                if skill.uri != *uri.as_str() {
                    return Err(SkillError::Contents(bounded(&uri).into()).into());
                }
                Output::Skill(Box::new(skill))
            }
            #[cfg(feature = "skills")]
            Work::Directory => Output::Directory(
                done.result_in::<ReadResourceDirectory>(source)?
                    .owned_from(source),
            ),
            Work::Searches(search) => return self.searched(now, search, done, source),
            Work::Task => Self::task_told(done, source)?,
            Work::Starts(_) if done.task().is_some() => Self::handed_out(done, source),
            Work::Tool(_) | Work::Starts(_) => {
                let raw = done
                    .result_in::<CallTool>(source)
                    .map_err(ClientError::from);
                let raw = raw.map_err(ClientError::of_tool_call)?.owned_from(source);
                let output = ToolOutput::new(raw)?;
                self.hold_to_strictness(&output.raw)?;
                let limit = self.session.limits().links;
                if Links::are_in(&output, limit) {
                    let links = Box::new(Links::new(output, limit));
                    return Ok(Next::Again(Work::Links(links)));
                }
                Output::Tool(output)
            }
            Work::Links(mut links) => {
                links.put(match done.result_in::<ReadResource>(source) {
                    Ok(raw) => ResourceOutput::new(raw.owned_from(source)).value,
                    Err(error) => OutputPart::Failed(error.into()),
                });
                return Ok(Next::Again(Work::Links(links)));
            }
            Work::RawTool(_) => {
                let raw = done.result_in::<CallTool>(source)?.owned_from(source);
                self.hold_to_strictness(&raw)?;
                Output::RawTool(raw)
            }
            Work::Resource => {
                let raw = done.result_in::<ReadResource>(source)?.owned_from(source);
                Output::Resource(ResourceOutput::new(raw))
            }
            Work::Prompt => Output::Prompt(done.result_in::<GetPrompt>(source)?.owned_from(source)),
            Work::Completion => {
                Output::Completion(done.result_in::<Complete>(source)?.owned_from(source))
            }
            Work::Other | Work::Waits(..) => {
                done.raw().map_err(CallError::clone)?;
                Output::Done
            }
        }))))
    }

    /// Refuses a result with a block that can't be read, if the options say so.
    fn hold_to_strictness(&self, raw: &CallToolResult<'_>) -> Result<(), ClientError> {
        let malformed = raw.content.iter().find_map(|block| match block {
            ContentBlock::Malformed(block) => Some(block),
            _ => None,
        });
        match malformed.filter(|_| self.options.strict) {
            Some(block) => Err(ClientError::Unreadable(Box::new(
                block.clone().into_owned(),
            ))),
            None => Ok(()),
        }
    }
}

pub(super) fn call_options(
    client: &ClientOptions,
    call: &ToolCall,
    wants_progress: bool,
) -> CallOptions<'static> {
    let mut options = CallOptions::new().progress(wants_progress);
    options.meta = call.meta.clone().filter(|meta| !meta.is_empty());
    if let Some(time) = call.read_timeout {
        options = options.idle(Timeout::After(time));
        let total = client.total(Some(time));
        options.total = total.map_or(Timeout::Never, Timeout::After);
    }
    options
}

/// Traces what has happened.
fn show(event: &Event, session: &ClientSession) {
    match event {
        Event::Opened => trace::opened(Role::Client, session.revision()),
        Event::OpeningFailed(error) => trace::opening_failed(error),
        Event::Session(event) => match &**event {
            ClientEvent::Closed(reason) => trace::closed(Role::Client, reason),
            ClientEvent::Ignored(ignored) => {
                trace::ignored(Role::Client, ignored.kind(), ignored);
            }
            _ => {}
        },
        _ => {}
    }
}

fn subscribed(subscription: SubscriptionId, honoured: &SubscriptionFilter<'static>) -> Output {
    Output::Subscribed {
        subscription,
        honoured: honoured.clone(),
    }
}
