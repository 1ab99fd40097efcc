//! How operations go on: from the session's events to the next call, or to the end.
//!
//! Rules of this file: an operation is in the table from its start to its one end; at most one call
//! of it is open; one that finds all calls taken waits for its turn; a list that the server doesn't
//! offer is empty, and nothing is sent for it.

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::model::method::{
    CallTool, Complete, GetPrompt, ListPrompts, ListResourceTemplates, ListResources, ListTools,
    Progress, ReadResource,
};
use crate::model::owned::IntoOwned;
use crate::model::page::PaginatedRequestParams;
use crate::model::resource::ReadResourceParams;
use crate::model::subscription::SubscriptionFilter;
use crate::revision::Era;
use crate::rpc::{Text, code};
use crate::session::{
    CallError, CallId, CallOptions, ClientEvent, CloseReason, Completed, Delivery, Misuse,
    Received, Session, SubscriptionId, Timeout,
};
use crate::time::Instant;

use super::catalog::{Listable, stale_at};
use super::operation::{Listing, Operation, OperationId, Output, Request, ToolCall};
use super::result::{OutputPart, ResourceOutput, ToolOutput};
use super::{Client, ClientError, ClientOptions, Event, Stage};

/// What an operation waits for next.
enum Step {
    Call(CallId),
    Subscription(SubscriptionId),
    /// Nothing: it is done.
    Done(Box<Output>),
}

impl Client {
    /// The operation that does what is requested.
    pub(super) fn operation(&mut self, request: Request) -> Operation {
        match request {
            Request::ListTools => self.listing::<ListTools>(),
            Request::ListResources => self.listing::<ListResources>(),
            Request::ListResourceTemplates => self.listing::<ListResourceTemplates>(),
            Request::ListPrompts => self.listing::<ListPrompts>(),
            Request::CallTool(mut call) => {
                call.name = self.options.tool_prefix.remove(&call.name).into();
                Operation::Tool(call)
            }
            Request::DirectCallTool(call) => Operation::RawTool(call),
            Request::ReadResource(uri) => Operation::Resource(uri),
            Request::GetPrompt(params) => Operation::Prompt(params),
            Request::Complete(params) => Operation::Completion(params),
            Request::Ping => Operation::Ping,
            Request::SetLogLevel(level) => Operation::Level(level),
            Request::Subscribe(filter) => Operation::Subscribe(filter),
        }
    }

    fn listing<M: Listable>(&mut self) -> Operation {
        let pages = self.session.limits().pages;
        let generation = M::list(&mut self.catalog).generation();
        M::operation(Listing::new(pages, generation))
    }

    /// Makes the next call of an operation.
    pub(super) fn go(&mut self, now: Instant, id: OperationId, mut operation: Operation) {
        let limit = self.session.limits().calls;
        if self.session.open_calls() >= limit {
            self.operations.insert(id, operation);
            return self.waiting.push_back(id);
        }
        let step = self.step(now, &mut operation);
        self.operations.insert(id, operation);
        match step {
            Ok(Step::Call(call)) => {
                self.calls.insert(call, id);
            }
            Ok(Step::Subscription(subscription)) => {
                self.subscribing.insert(subscription, id);
            }
            Ok(Step::Done(output)) => self.finish(id, Ok(*output)),
            Err(misuse) => self.finish(id, Err(misuse.into())),
        }
    }

    fn step(&mut self, now: Instant, operation: &mut Operation) -> Result<Step, Misuse> {
        let options = CallOptions::new();
        let session = &mut self.session;
        Ok(Step::Call(match operation {
            Operation::Tools(listing) => return self.page(now, listing),
            Operation::Resources(listing) => return self.page(now, listing),
            Operation::ResourceTemplates(listing) => return self.page(now, listing),
            Operation::Prompts(listing) => return self.page(now, listing),
            Operation::Tool(call) | Operation::RawTool(call) => return self.call_tool(now, call),
            Operation::Links(output) => return self.read_link(now, output),
            Operation::Resource(uri) => {
                let params = ReadResourceParams::new(uri.as_str());
                session.call::<ReadResource>(now, &params, options)?.any()
            }
            Operation::Prompt(params) => session.call::<GetPrompt>(now, params, options)?.any(),
            Operation::Completion(params) => session.call::<Complete>(now, params, options)?.any(),
            Operation::Ping => session.ping(now, options)?.any(),
            Operation::Level(level) => session.set_log_level(now, *level, options)?.any(),
            Operation::Subscribe(filter) => {
                return Ok(Step::Subscription(session.subscribe(now, filter)?));
            }
        }))
    }

    fn page<M: Listable>(
        &mut self,
        now: Instant,
        listing: &mut Listing<M>,
    ) -> Result<Step, Misuse> {
        let list = M::list(&mut self.catalog);
        if listing.cursor.is_none()
            && let Some(items) = list.fresh(now)
        {
            return Ok(done(M::output(items)));
        }
        let mut params = PaginatedRequestParams::new();
        params.cursor = listing.cursor.as_ref().map(Text::reborrow);
        match self.session.call::<M>(now, &params, CallOptions::new()) {
            Ok(call) => Ok(Step::Call(call.any())),
            Err(Misuse::NotDeclaredByPeer(_)) => Ok(done(M::output(Arc::new([])))),
            Err(misuse) => Err(misuse),
        }
    }

    fn call_tool(&mut self, now: Instant, call: &ToolCall) -> Result<Step, Misuse> {
        let mut options = CallOptions::new().progress(call.progress.is_some());
        options.meta = call.meta.clone().filter(|meta| !meta.is_empty());
        if let Some(time) = call.read_timeout {
            options = options.idle(Timeout::After(time));
            options.total = ClientOptions::total(time).map_or(Timeout::Never, Timeout::After);
        }
        let called = self
            .session
            .call::<CallTool>(now, &call.params(), options)?;
        Ok(Step::Call(called.any()))
    }

    /// Reads the next link of a tool's output.
    fn read_link(&mut self, now: Instant, output: &mut ToolOutput) -> Result<Step, Misuse> {
        while let Some(part) = output.unread() {
            let OutputPart::Link(link) = part else { break };
            let params = ReadResourceParams::new(link.uri.reborrow());
            match self
                .session
                .call::<ReadResource>(now, &params, CallOptions::new())
            {
                Ok(call) => return Ok(Step::Call(call.any())),
                Err(misuse) => *part = OutputPart::Failed(misuse.into()),
            }
        }
        Ok(done(Output::Tool(output.clone())))
    }

    /// Ends an operation.
    pub(super) fn finish(&mut self, operation: OperationId, outcome: Result<Output, ClientError>) {
        self.operations.remove(&operation);
        let outcome = Box::new(outcome);
        self.events
            .push_back(Event::Finished { operation, outcome });
    }

    /// Takes what has happened in the session.
    pub(super) fn digest(&mut self, now: Instant) {
        while let Some(event) = self.session.poll_event() {
            self.take(now, event);
            self.go_on(now);
        }
    }

    /// Gives operations that wait for a call their turn.
    fn go_on(&mut self, now: Instant) {
        let limit = self.session.limits().calls;
        while self.session.open_calls() < limit && !self.session.is_closed() {
            let Some(id) = self.waiting.pop_front() else {
                return;
            };
            if let Some(operation) = self.operations.remove(&id) {
                self.go(now, id, operation);
            }
        }
    }

    fn take(&mut self, now: Instant, event: ClientEvent) {
        match event {
            ClientEvent::Opened { .. } => self.session_opened(now),
            ClientEvent::Completed(done) => self.completed(now, &done),
            ClientEvent::Progress { call, progress } => self.progressed(call, &progress),
            ClientEvent::Changed { change, .. } => {
                self.catalog.changed(change);
                self.events.push_back(Event::Session(event));
            }
            ClientEvent::Subscribed {
                subscription,
                ref honoured,
            } => match self.subscribing.remove(&subscription) {
                Some(id) => self.finish(id, Ok(subscribed(subscription, honoured))),
                None => self.events.push_back(Event::Session(event)),
            },
            ClientEvent::SubscriptionEnded {
                subscription,
                ref outcome,
                ..
            } => match self.subscribing.remove(&subscription) {
                Some(id) => {
                    let error = outcome.clone().err().unwrap_or(CallError::Cancelled);
                    self.finish(id, Err(error.into()));
                }
                None => self.events.push_back(Event::Session(event)),
            },
            ClientEvent::Closed(reason) => self.closed(reason),
            event => self.events.push_back(Event::Session(event)),
        }
    }

    fn session_opened(&mut self, now: Instant) {
        let Stage::Opening(deadline) = self.stage else {
            return;
        };
        let is_legacy = self.session.revision().map(|revision| revision.era()) == Some(Era::Legacy);
        // Modern requests carry the level each.
        let Some(level) = self.options.log_level.filter(|_| is_legacy) else {
            return self.opened();
        };
        let rest = Timeout::After(deadline - now);
        let options = CallOptions::new().idle(rest).total(rest);
        match self.session.set_log_level(now, level, options) {
            Ok(call) => self.stage = Stage::SettingLevel(call.any()),
            Err(misuse) => self.fail_opening(now, misuse.into()),
        }
    }

    fn opened(&mut self) {
        self.stage = Stage::Open;
        self.events.push_back(Event::Opened);
    }

    fn fail_opening(&mut self, now: Instant, error: ClientError) {
        self.stage = Stage::Over;
        self.events.push_back(Event::OpeningFailed(error));
        self.session.close(now);
    }

    fn closed(&mut self, reason: CloseReason) {
        // Their calls never were: none of them was sent.
        while let Some(id) = self.waiting.pop_front() {
            if self.operations.contains_key(&id) {
                self.finish(id, Err(ClientError::Lost(Delivery::NotSent)));
            }
        }
        if !matches!(self.stage, Stage::Open | Stage::Over) {
            let error = match &reason {
                CloseReason::OpeningRefused(error) => ClientError::Rpc(error.clone()),
                reason => ClientError::Opening(reason.clone()),
            };
            self.events.push_back(Event::OpeningFailed(error));
        }
        self.stage = Stage::Over;
        let event = ClientEvent::Closed(reason);
        self.events.push_back(Event::Session(event));
    }

    fn progressed(&mut self, call: CallId, progress: &Received) {
        let Some(id) = self.calls.get(&call) else {
            return;
        };
        let handler = match self.operations.get(id) {
            Some(Operation::Tool(call) | Operation::RawTool(call)) => call.progress.clone(),
            _ => None,
        };
        if let (Some(handler), Ok(params)) = (handler, progress.params::<Progress>()) {
            self.events.push_back(Event::Progress {
                operation: *id,
                progress: params.into_owned(),
                handler,
            });
        }
    }

    fn completed(&mut self, now: Instant, done: &Completed) {
        if self.stage == Stage::SettingLevel(done.call) {
            let took = CloseReason::OpeningTimedOut(self.options.timeout);
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
        let Some(id) = self.calls.remove(&done.call) else {
            return;
        };
        let Some(operation) = self.operations.remove(&id) else {
            return;
        };
        match self.go_on_with(now, operation, done) {
            Ok(Next::Done(output)) => self.finish(id, Ok(*output)),
            Ok(Next::Again(operation)) => self.go(now, id, operation),
            Err(error) => self.finish(id, Err(error)),
        }
    }

    /// What an operation does with the end of its call.
    fn go_on_with(
        &mut self,
        now: Instant,
        operation: Operation,
        done: &Completed,
    ) -> Result<Next, ClientError> {
        Ok(Next::Done(Box::new(match operation {
            Operation::Tools(listing) => return self.paged(now, listing, done),
            Operation::Resources(listing) => return self.paged(now, listing, done),
            Operation::ResourceTemplates(listing) => return self.paged(now, listing, done),
            Operation::Prompts(listing) => return self.paged(now, listing, done),
            Operation::Tool(_) => {
                let raw = done.result::<CallTool>().map_err(ClientError::from);
                let raw = raw.map_err(ClientError::of_tool_call)?.into_owned();
                let mut output = ToolOutput::new(raw)?;
                if output.unread().is_some() {
                    return Ok(Next::Again(Operation::Links(Box::new(output))));
                }
                Output::Tool(output)
            }
            Operation::Links(mut output) => {
                let read = done.result::<ReadResource>();
                if let Err(CallError::Cancelled) = read {
                    return Err(ClientError::Cancelled);
                }
                if let Some(part) = output.unread() {
                    *part = match read {
                        Ok(raw) => ResourceOutput::new(raw.into_owned()).value,
                        Err(error) => OutputPart::Failed(error.into()),
                    };
                }
                return Ok(Next::Again(Operation::Links(output)));
            }
            Operation::RawTool(_) => Output::RawTool(done.result::<CallTool>()?.into_owned()),
            Operation::Resource(_) => {
                let raw = done.result::<ReadResource>()?.into_owned();
                Output::Resource(ResourceOutput::new(raw))
            }
            Operation::Prompt(_) => Output::Prompt(done.result::<GetPrompt>()?.into_owned()),
            Operation::Completion(_) => Output::Completion(done.result::<Complete>()?.into_owned()),
            Operation::Ping | Operation::Level(_) | Operation::Subscribe(_) => {
                done.raw().map_err(CallError::clone)?;
                Output::Done
            }
        })))
    }

    /// Takes a page; then the list is complete, or another page is asked for.
    fn paged<M: Listable>(
        &mut self,
        now: Instant,
        mut listing: Listing<M>,
        done: &Completed,
    ) -> Result<Next, ClientError> {
        let page = match done.result::<M>() {
            Ok(page) => page,
            Err(CallError::Rpc(error))
                if error.code == code::INVALID_PARAMS
                    && listing.cursor.is_some()
                    && !listing.restarted =>
            {
                // The list has changed under the cursor: once more from the start (`cache.pages`).
                let pages = self.session.limits().pages;
                let generation = M::list(&mut self.catalog).generation();
                let mut again = Listing::new(pages, generation);
                again.restarted = true;
                return Ok(Next::Again(M::operation(again)));
            }
            Err(error) => return Err(error.into()),
        };
        let is_modern = self.session.revision().map(|revision| revision.era()) == Some(Era::Modern);
        if is_modern {
            let stale = stale_at(now, &M::hints(&page));
            listing.stale = Some(listing.stale.map_or(stale, |known| known.min(stale)));
        }
        let next = M::next_cursor(&page).map(Text::into_owned);
        listing.items.extend(M::items(page));
        listing.cursor = listing.guard.advance(next)?;
        if listing.cursor.is_some() {
            return Ok(Next::Again(M::operation(listing)));
        }
        let items = listing.items.into();
        M::list(&mut self.catalog).keep(&items, listing.generation, listing.stale);
        Ok(Next::Done(Box::new(M::output(items))))
    }
}

/// What follows the end of a call.
enum Next {
    Done(Box<Output>),
    Again(Operation),
}

fn done(output: Output) -> Step {
    Step::Done(Box::new(output))
}

fn subscribed(subscription: SubscriptionId, honoured: &SubscriptionFilter<'static>) -> Output {
    Output::Subscribed {
        subscription,
        honoured: honoured.clone(),
    }
}
