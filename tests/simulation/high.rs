//! A high-level client and a user who asks for anything at any time: what was asked for ends exactly
//! once, and nothing waits that nothing will end.

use std::collections::BTreeSet;

use mcp_proto::client::{
    Client, ClientError, ClientOptions, Event, Operation, OperationId, ToolCall,
};
use mcp_proto::model::completion::{CompleteParams, PromptReference};
use mcp_proto::model::elicitation::ElicitResult;
use mcp_proto::model::logging::LoggingLevel;
use mcp_proto::model::method::Elicit;
use mcp_proto::model::prompt::GetPromptParams;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::rpc::RpcError;
use mcp_proto::session::{ClientEvent, EraPolicy, InputId, Misuse};
use mcp_proto::{Instant, Limits, Session};

use super::end::{Common, End, duration, limits, revisions};
use super::random::Random;
use super::tally::Kind;

pub struct HighEnd {
    common: Common,
    client: Client,
    operations: BTreeSet<OperationId>,
    ended: Vec<OperationId>,
    inputs: BTreeSet<InputId>,
    was_told: bool,
}

impl HighEnd {
    pub fn new(random: &mut Random) -> Self {
        let mut common = Common::new("client", random, false);
        let mut client = Client::new(options(random, &mut common));
        if client.open(common.now).is_err() {
            client.close(common.now);
        }
        Self {
            common,
            client,
            operations: BTreeSet::new(),
            ended: Vec::new(),
            inputs: BTreeSet::new(),
            was_told: false,
        }
    }

    fn start(&mut self, random: &mut Random) {
        let request = request(random);
        let operation = self.client.start(self.common.now, request);
        self.common.mark(Kind::Called);
        assert!(self.operations.insert(operation), "{operation} came twice");
    }

    fn cancel(&mut self, random: &mut Random) {
        let open: Vec<OperationId> = self.operations.iter().copied().collect();
        let chosen = random.one_of(&open).or_else(|| random.one_of(&self.ended));
        if let Some(operation) = chosen {
            self.common.mark(Kind::CancelledCall);
            self.client.cancel(self.common.now, operation);
        }
    }

    fn answer(&mut self, random: &mut Random, input: InputId) {
        let now = self.common.now;
        let answered = match random.below(3) {
            0 => self
                .client
                .answer::<Elicit>(now, input, &ElicitResult::decline()),
            _ => self.client.decline(now, input, RpcError::internal("no")),
        };
        if answered.is_ok() {
            self.common.mark(Kind::Answered);
            self.inputs.remove(&input);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Finished { operation, outcome } => {
                let was_open = self.operations.remove(&operation);
                assert!(was_open, "{operation} has ended twice or never began");
                self.ended.push(operation);
                self.common.mark(match *outcome {
                    Ok(_) => Kind::Finished,
                    Err(_) => Kind::FinishedWithError,
                });
            }
            Event::Progress { operation, .. } => {
                let is_open = self.operations.contains(&operation);
                assert!(is_open, "progress of {operation}, which has ended");
                self.common.mark(Kind::Progress);
            }
            Event::Opened => {
                assert!(!self.was_told, "the opening was told twice");
                self.was_told = true;
                let revision = self.client.session().revision();
                self.common.mark_opened(revision.expect("it is open"));
            }
            Event::OpeningFailed(_) => {
                assert!(!self.was_told, "the opening was told twice");
                self.was_told = true;
                self.common.mark(Kind::OpeningFailed);
            }
            Event::Session(event) => match *event {
                ClientEvent::InputRequested(asked) => {
                    self.common.mark(Kind::InputRequested);
                    self.inputs.insert(asked.input);
                }
                ClientEvent::InputWithdrawn(input) => {
                    self.common.mark(Kind::InputWithdrawn);
                    self.inputs.remove(&input);
                }
                ClientEvent::Closed(_) => self.common.is_closed = true,
                _ => {}
            },
            _ => {}
        }
    }
}

impl End for HighEnd {
    type Session = Client;

    fn parts(&mut self) -> (&mut Client, &mut Common) {
        (&mut self.client, &mut self.common)
    }

    fn command(&mut self, random: &mut Random) {
        let now = self.common.now;
        let inputs: Vec<InputId> = self.inputs.iter().copied().collect();
        match (random.below(32), random.one_of(&inputs)) {
            (0..18, _) => self.start(random),
            (18..22, _) => self.cancel(random),
            (22..29, Some(input)) => self.answer(random, input),
            (29, _) => {
                let _ = self.client.roots_changed(now);
            }
            (30, _) if random.below(8) == 0 => {
                self.common.mark(Kind::ClosedByClient);
                self.client.close(now);
            }
            _ => {}
        }
    }

    fn take_event(&mut self, _random: &mut Random) -> bool {
        let Some(event) = self.client.poll_event() else {
            return false;
        };
        // What is asked of a client that is over is refused by an event.
        let is_refusal = matches!(&event, Event::Finished { outcome, .. }
            if matches!(**outcome, Err(ClientError::Misuse(Misuse::Closed))));
        match is_refusal {
            true => self.common.note(&event),
            false => self.common.note_event(&event),
        }
        self.take(event);
        true
    }

    fn answer_all(&mut self, random: &mut Random) -> bool {
        let open = self.inputs.clone();
        for input in &open {
            self.answer(random, *input);
        }
        open.iter().any(|input| !self.inputs.contains(input))
    }

    fn held(&self) -> (usize, &Limits) {
        let session = self.client.session();
        (session.held_bytes(), session.limits())
    }

    fn patience(&self) -> usize {
        // What times out makes room for what waits, which may have no time at all.
        self.operations.len() + 1
    }

    fn waits_for(&self) -> Option<String> {
        let mut open = self.operations.iter().map(ToString::to_string);
        match self.client.is_closed() || self.client.is_open() {
            true => open.next(),
            false => Some("the opening".into()),
        }
    }

    fn is_full(&self) -> bool {
        // A subscription of the modern era takes the place of a call.
        !self.client.session().can_call()
    }

    fn assert_over(&self) {
        assert!(self.common.is_closed, "the end was never told");
        assert!(self.was_told, "nobody was told of the opening");
        assert_eq!(self.client.poll_timeout(), None::<Instant>);
        assert_eq!(self.client.open_operations(), 0);
        assert!(
            self.operations.is_empty(),
            "never ended: {:?}",
            self.operations
        );
    }
}

fn options(random: &mut Random, common: &mut Common) -> ClientOptions {
    let era = [EraPolicy::Auto, EraPolicy::Legacy, EraPolicy::Modern][random.below(3)];
    let mut options = ClientOptions::new("client", "1")
        .era(era)
        .revisions(revisions(random))
        .limits(limits(random, &mut common.marks))
        .elicitation(|_| Ok(ElicitResult::decline()));
    if random.below(2) == 0 {
        options = options
            .read_timeout(duration(random))
            .timeout(duration(random));
    }
    if random.below(4) == 0 {
        options = options.log_level(LoggingLevel::Debug);
    }
    options
}

fn request(random: &mut Random) -> Operation {
    match random.below(12) {
        0 => Operation::ListTools,
        1 => Operation::ListResources,
        2 => Operation::ListResourceTemplates,
        3 => Operation::ListPrompts,
        4 => Operation::ReadResource("a:b".into()),
        5 => Operation::GetPrompt(GetPromptParams::new("p")),
        6 => Operation::Complete(CompleteParams::new(PromptReference::new("p"), "a", "v")),
        7 => Operation::Ping,
        8 => Operation::SetLogLevel(LoggingLevel::Error),
        9 => Operation::Subscribe(SubscriptionFilter::new().tools_list_changed(true)),
        10 => Operation::DirectCallTool(ToolCall::new("t").on_progress(|_| {})),
        _ => {
            let mut call = ToolCall::new("t").on_progress(|_| {});
            if random.below(4) == 0 {
                call = call.read_timeout(duration(random));
            }
            Operation::CallTool(call)
        }
    }
}
