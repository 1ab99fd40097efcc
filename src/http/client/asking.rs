//! What a client asks: the request that each frame becomes, and requests for streams.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::revision::{Era, Revision};
use crate::rpc::{Kind, member_of};
use crate::session::{ExchangeId, Route};

use super::super::HttpMethod;
use super::super::headers::{self, Headers, name};
use super::codec::{Gate, HttpClient};
use super::exchange::{Exchange, Posted, Purpose, Reading, Relist, Resumed, SentRequest};
use super::request::{Action, HttpRequest};
use super::sent::{Sent, add_modern};

/// How many pages of a list of tools are asked for, for a call whose headers didn't fit.
const PAGES: u32 = 32;

impl HttpClient {
    /// Sends a frame, whatever waits.
    pub(super) fn post(&mut self, posted: Posted) {
        let transmit = &posted.transmit;
        let (limits, mirrors) = (&self.options.limits, !self.tools.is_empty());
        let sent = Sent::read(&posted.frame, transmit.kind, limits, mirrors);
        let method = sent.method.as_deref();
        let is_modern = sent.version.is_some()
            || transmit
                .revision
                .is_some_and(|revision| revision.era() == Era::Modern);
        let route = transmit.route;
        let is_cancel =
            sent.kind == Kind::Notification && method == Some("notifications/cancelled");
        if is_cancel && is_modern {
            return self.cancel(route);
        }
        let is_initialize = method == Some("initialize");
        if !is_modern && !is_initialize {
            self.revision = transmit.revision.or(self.revision);
        }
        let mut headers = of_post();
        if is_modern {
            add_modern(&mut headers, &sent, transmit);
            if let (Some("tools/call"), Some(tool)) = (method, sent.subject.as_deref()) {
                let arguments = sent.arguments.as_ref();
                self.tools.add_headers(&mut headers, tool, arguments);
            }
        } else if !is_initialize {
            self.add_session(&mut headers);
        }
        let frame = posted.frame.clone();
        let (purpose, posted) = match (sent.kind, sent.id) {
            (Kind::Request, Some(id)) => {
                let asked = SentRequest {
                    route: transmit.route,
                    id,
                    is_modern,
                    is_initialize,
                    lists_tools: method == Some("tools/list"),
                    calls_tool: method == Some("tools/call"),
                    posted,
                    resumed: Resumed::default(),
                };
                (Purpose::Request(asked), None)
            }
            _ if method == Some("notifications/initialized") && self.pair.is_none() => {
                self.gate = Gate::Greeting(self.now + self.options.greeting);
                (Purpose::Initialized, Some(posted))
            }
            _ => (Purpose::Notice, Some(posted)),
        };
        if let (Purpose::Request(asked), true, None) = (&purpose, self.options.pair, &self.pair) {
            return self.get(Purpose::Pair(asked.clone()));
        }
        self.start(HttpMethod::Post, headers, frame, purpose, posted);
        // `httpL.sse.disconnect`: the message cancels; what it cancels has no answer to wait for.
        if is_cancel && matches!(route, Route::Exchange(_)) {
            self.cancel(route);
        }
    }

    /// Sends a request of HTTP.
    pub(super) fn start(
        &mut self,
        method: HttpMethod,
        headers: Headers,
        body: Bytes,
        purpose: Purpose,
        posted: Option<Posted>,
    ) {
        let number = self.next;
        self.next += 1;
        let url = match (&self.pair, method) {
            (Some(endpoint), HttpMethod::Post) => endpoint.clone(),
            _ => self.url.clone(),
        };
        let awaits_nothing = matches!(
            purpose,
            Purpose::Notice | Purpose::Initialized | Purpose::Delete
        );
        let exchange = Exchange {
            purpose,
            reading: Reading::Head,
            has_session: headers.has(name::MCP_SESSION_ID),
            posted,
        };
        self.exchanges.insert(number, exchange);
        if awaits_nothing {
            self.bound_leftover(number);
        }
        self.actions.push_back(Action::Start(HttpRequest {
            exchange: ExchangeId::new(number),
            method,
            url,
            headers,
            body,
        }));
    }

    /// What every request of a legacy session says after its handshake.
    // `httpL.session.send` `httpL.ver.send` `httpL.ver.value`
    pub(super) fn add_session(&self, headers: &mut Headers) {
        if let Some(id) = &self.session {
            headers.push(name::MCP_SESSION_ID, id.as_bytes());
        }
        if let Some(revision) = self.revision.filter(|r| *r >= Revision::V2025_06_18) {
            headers.push(name::MCP_PROTOCOL_VERSION, revision.as_str());
        }
    }

    /// Asks for a stream of events.
    // `httpL.get` `httpL.resume`
    pub(super) fn get(&mut self, purpose: Purpose) {
        let mut headers = Headers::new().with(name::ACCEPT, headers::EVENT_STREAM);
        let resumed = match &purpose {
            Purpose::Request(asked) => Some(&asked.resumed),
            Purpose::Standalone(standalone) => Some(&standalone.resumed),
            _ => None,
        };
        if !matches!(purpose, Purpose::Pair(_)) {
            self.add_session(&mut headers);
        }
        if let Some(id) = resumed.and_then(|resumed| resumed.last_event.as_deref()) {
            headers.push(name::LAST_EVENT_ID, id.as_bytes());
        }
        self.start(HttpMethod::Get, headers, Bytes::new(), purpose, None);
    }

    /// Closes the exchange of a request, which in the modern era is what cancels it, and asks for its
    /// stream no more.
    // `httpM.cancel`
    pub(super) fn cancel(&mut self, route: Route) {
        let is_it = |asked: &SentRequest| asked.route == route;
        self.resumes.retain(|(_, purpose)| match purpose {
            Purpose::Request(asked) => !is_it(asked),
            _ => true,
        });
        let of_route = |(_, entry): &(&u64, &Exchange)| entry.asked().is_some_and(is_it);
        if let Some(number) = self.exchanges.iter().find(of_route).map(|(n, _)| *n) {
            self.abort(number);
        }
    }

    /// Asks for the tools of a server that found a call's headers wrong, to try the call once more
    /// with what its schema says now. Returns whether that is done.
    // `httpM.param.retry`
    pub(super) fn relist(&mut self, call: &SentRequest, error: &Bytes) -> bool {
        if !call.is_modern || call.posted.is_retried {
            return false;
        }
        let relist = Relist {
            call: call.clone(),
            error: error.clone(),
            pages: PAGES,
        };
        self.list_tools(relist, None);
        true
    }

    /// Asks for a page of the list of tools, in the words of the call that waits for it.
    pub(super) fn list_tools(&mut self, relist: Relist, cursor: Option<&[u8]>) {
        let call = &relist.call;
        let meta = member_of(&call.posted.frame, "params");
        let meta = meta.and_then(|params| member_of(params, "_meta"));
        let mut frame = Vec::from(&b"{\"jsonrpc\":\"2.0\",\"id\":"[..]);
        call.id.write(&mut frame);
        frame.extend_from_slice(b",\"method\":\"tools/list\",\"params\":{\"_meta\":{");
        let mut is_first = true;
        for key in ["protocolVersion", "clientInfo", "clientCapabilities"] {
            let key = alloc::format!("io.modelcontextprotocol/{key}");
            let Some(value) = meta.and_then(|meta| member_of(meta, &key)) else {
                continue;
            };
            if !core::mem::take(&mut is_first) {
                frame.push(b',');
            }
            frame.extend_from_slice(alloc::format!("\"{key}\":").as_bytes());
            frame.extend_from_slice(value);
        }
        frame.push(b'}');
        if let Some(cursor) = cursor {
            frame.extend_from_slice(b",\"cursor\":");
            frame.extend_from_slice(cursor);
        }
        frame.extend_from_slice(b"}}");
        let frame = Bytes::from(frame);
        let sent = Sent::read(&frame, Kind::Request, &self.options.limits, false);
        let mut headers = of_post();
        add_modern(&mut headers, &sent, &call.posted.transmit);
        let purpose = Purpose::Relist(relist.into());
        self.start(HttpMethod::Post, headers, frame, purpose, None);
    }
}

/// What every POST says.
// `httpM.accept` `httpL.accept`
pub(super) fn of_post() -> Headers {
    Headers::new()
        .with(name::CONTENT_TYPE, headers::JSON)
        .with(name::ACCEPT, "application/json, text/event-stream")
}
