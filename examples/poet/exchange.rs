//! What has passed as an exchange of HTTP: a request as it was sent, a response as it is read.

use mcp_proto::client::Direction;
use mcp_proto::frame::SseDecoder;
use mcp_proto::http::headers::Headers;
use mcp_proto::http::{HttpMethod, HttpRequest, Part};
use mcp_proto::session::ExchangeId;

use crate::passed::{Frame, Passed};

/// The longest event.
const LIMIT: usize = 1 << 20;

/// What a request says.
pub fn request(request: &HttpRequest) -> Vec<Passed> {
    let method = match request.method {
        HttpMethod::Post => "POST",
        HttpMethod::Delete => "DELETE",
        _ => "GET",
    };
    let direction = Direction::Sent;
    let line = format!(
        "{method} {}",
        request.url.trim_start_matches("http://localhost")
    );
    let mut said = vec![Passed::Head(direction, request.exchange, line)];
    said.extend(headers(direction, &request.headers));
    if !request.body.is_empty() {
        let bytes = request.body.to_vec();
        said.push(Passed::Body(Frame { direction, bytes }));
    }
    said
}

/// Reads a response: its body is a frame, or a stream of events.
#[derive(Default)]
pub struct Reader {
    events: Option<SseDecoder>,
}

impl Reader {
    /// What the next part says.
    pub fn read(&mut self, exchange: ExchangeId, part: &Part) -> Vec<Passed> {
        let direction = Direction::Received;
        let frame = |bytes: &[u8]| Frame {
            direction,
            bytes: bytes.to_vec(),
        };
        match (part, &mut self.events) {
            (Part::Head(head), events) => {
                let media = head.headers.one("content-type").ok().flatten();
                *events = (media == Some("text/event-stream")).then(|| SseDecoder::new(LIMIT));
                let line = status_line(head.status);
                let mut said = vec![Passed::Head(direction, exchange, line)];
                said.extend(headers(direction, &head.headers));
                said
            }
            (Part::Body(piece), Some(events)) => {
                events.push(piece);
                let read = std::iter::from_fn(|| events.next_event());
                let data = read.filter_map(|event| event.ok()).map(|event| event.data);
                let frames = data.map(|data| (!data.is_empty()).then(|| frame(&data)));
                frames.map(|frame| Passed::Event(exchange, frame)).collect()
            }
            (Part::Body(piece), None) if !piece.is_empty() => vec![Passed::Body(frame(piece))],
            _ => Vec::new(),
        }
    }
}

fn headers(direction: Direction, headers: &Headers) -> impl Iterator<Item = Passed> {
    headers.iter().map(move |(name, value)| {
        Passed::Header(
            direction,
            format!("{name}: {}", String::from_utf8_lossy(value)),
        )
    })
}

fn status_line(status: u16) -> String {
    let reason = match status {
        200 => "OK",
        202 => "Accepted",
        204 => "No Content",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "",
    };
    format!("{status} {reason}").trim_end().to_owned()
}
