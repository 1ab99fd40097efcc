//! A client that writes HTTP by hand, on a socket.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use mcp_proto::io::http::HttpServer;
use serde_json::Value;

use super::client::{SOON, Sent};

/// One connection.
pub struct Client(pub BufReader<TcpStream>);

impl Client {
    pub fn to(server: &HttpServer) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Sends bytes as they are.
    pub fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    pub fn send(&mut self, sent: &Sent) {
        self.try_send(sent).unwrap();
    }

    pub fn try_send(&mut self, sent: &Sent) -> io::Result<()> {
        let mut head = format!("{} {} HTTP/1.1\r\n", sent.method, sent.path);
        for (name, value) in &sent.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n{}", sent.body.len(), sent.body);
        self.0.get_mut().write_all(head.as_bytes())
    }

    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).unwrap_or_default();
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The status and the length of what follows.
    pub fn head(&mut self) -> (u16, usize) {
        let status = self.line().expect("it answers");
        let status = status.split(' ').nth(1).expect("it is HTTP");
        let mut length = 0;
        while let Some(line) = self.line().filter(|line| !line.is_empty()) {
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        (status.parse().unwrap(), length)
    }

    pub fn json(&mut self) -> Value {
        let (status, length) = self.head();
        assert_eq!(status, 200);
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The next message, of a stream of events or an answer alone: which of them it is the time says.
    pub fn message(&mut self) -> Option<Value> {
        loop {
            let line = self.line()?;
            let alone = Some(&*line).filter(|line| line.starts_with('{'));
            if let Some(data) = line.strip_prefix("data: ").or(alone) {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }
}
