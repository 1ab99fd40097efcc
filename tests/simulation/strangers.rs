//! Ids of sessions that have nothing to do with the simulated ones: whoever is given one refuses it.

use bytes::Bytes;
use mcp_proto::model::capability::{ClientCapabilities, ServerCapabilities};
use mcp_proto::model::elicitation::{ElicitParams, ElicitRequestFormParams};
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::CallTool;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::model::tool::CallToolParams;
use mcp_proto::session::{
    CallId, CallOptions, ClientConfig, ClientEvent, EraPolicy, IncomingId, InputId, Route,
    ServerConfig, ServerEvent, SubscriptionId,
};
use mcp_proto::{ClientSession, Instant, ServerSession, Session};

/// One id of each kind, open in its own session.
#[derive(Clone, Copy)]
pub struct Strangers {
    pub call: CallId,
    pub subscription: SubscriptionId,
    pub input: InputId,
    pub request: IncomingId,
}

thread_local! {
    static STRANGERS: Strangers = Strangers::new();
}

/// The same ones in every run of a thread.
pub fn strangers() -> Strangers {
    STRANGERS.with(Clone::clone)
}

const NOW: Instant = Instant::from_millis(1);

impl Strangers {
    fn new() -> Self {
        let offers = ServerCapabilities::new().tools(true);
        let offers = offers.resources(true).resources_subscribe();
        let mut server =
            ServerSession::new(ServerConfig::new("stranger", "1").capabilities(offers));
        let can = ClientCapabilities::new().elicitation_form();
        let config = ClientConfig::new("stranger", "1").capabilities(can);
        let mut client = ClientSession::new(config.era(EraPolicy::Legacy));
        client.open(NOW).expect("a good configuration");
        exchange(&mut client, &mut server);
        let filter = SubscriptionFilter::new().resource_subscriptions(["a:b"]);
        let subscription = client.subscribe(NOW, &filter).expect("open");
        let params = CallToolParams::new("t");
        let call = client.call::<CallTool>(NOW, &params, CallOptions::new());
        let call = call.expect("open").any();
        exchange(&mut client, &mut server);
        let request = std::iter::from_fn(|| server.poll_event()).find_map(|event| match event {
            ServerEvent::Request(request) => Some(request.id),
            _ => None,
        });
        let request = request.expect("the call has come");
        let form = ElicitParams::Form(ElicitRequestFormParams::new("who?"));
        let asked = InputRequests::new().elicit("a", &form);
        server
            .need_input(NOW, request, &asked, None)
            .expect("declared");
        exchange(&mut client, &mut server);
        let input = std::iter::from_fn(|| client.poll_event()).find_map(|event| match event {
            ClientEvent::InputRequested(asked) => Some(asked.input),
            _ => None,
        });
        Self {
            call,
            subscription,
            input: input.expect("it was asked for"),
            request,
        }
    }
}

/// Carries frames until there are none.
fn exchange(client: &mut ClientSession, server: &mut ServerSession) {
    while carry(client, server) | carry(server, client) {}
}

fn carry(from: &mut impl Session, to: &mut impl Session) -> bool {
    let mut frame = Vec::new();
    let mut moved = false;
    while from.poll_transmit(&mut frame).is_some() {
        to.handle_frame(NOW, Route::Pipe, Bytes::from(std::mem::take(&mut frame)));
        moved = true;
    }
    moved
}
