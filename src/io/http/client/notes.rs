//! What a server answered instead of messages, for the error of whoever could not use it.
//!
//! Rules of this file: the last answer counts, and one that could be used wipes out what came before
//! it; what is kept of a body is bounded, and of a redirect only where to.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::client::config::Origin;
use crate::http::ResponseHead;
use crate::http::headers::{self, name};
use crate::rpc::start_of;
use crate::session::ExchangeId;

/// How much of a body is kept.
const HEAD: usize = 80;
/// How many ways to say who asks are named.
const CHALLENGES: usize = 2;

/// What is remembered of answers that were of no use.
#[derive(Debug, Default)]
pub(super) struct Notes {
    answer: Option<Answer>,
    failure: Option<String>,
}

#[derive(Debug)]
struct Answer {
    exchange: ExchangeId,
    about: String,
    body: Vec<u8>,
}

impl Notes {
    /// Looks at the head of a response; whether its body is to be looked at too.
    pub(super) fn head(&mut self, exchange: ExchangeId, head: &ResponseHead) {
        let media = head.headers.one(name::CONTENT_TYPE).ok().flatten();
        let is_message = headers::is_of_type(&head.headers, headers::JSON)
            || headers::is_of_type(&head.headers, headers::EVENT_STREAM);
        let is_good = (200..300).contains(&head.status);
        if is_good && (is_message || head.status == 202) {
            *self = Self::default();
            return;
        }
        let mut about = format!("status {}", head.status);
        if let Some(media) = media {
            about.push_str(&format!(", {}", cut(media)));
        }
        if (300..400).contains(&head.status) {
            let location = head.headers.one(name::LOCATION).ok().flatten();
            about.push_str(&match location {
                Some(location) if location.contains("://") => {
                    format!(
                        ", a redirect to {:?}, which isn't followed",
                        Origin(cut(location))
                    )
                }
                _ => ", a redirect, which isn't followed".to_string(),
            });
        }
        if let 401 | 403 = head.status {
            for challenge in head.headers.all(name::WWW_AUTHENTICATE).take(CHALLENGES) {
                let challenge =
                    String::from_utf8_lossy(&challenge[..challenge.len().min(4 * HEAD)]);
                about.push_str(&format!(", asks for {:?}", cut(&challenge)));
            }
        }
        self.answer = Some(Answer {
            exchange,
            about,
            body: Vec::new(),
        });
    }

    /// Whether more of this exchange's body would be of use.
    pub(super) fn wants(&self, exchange: ExchangeId) -> bool {
        let answer = self.answer.as_ref();
        answer.is_some_and(|answer| answer.exchange == exchange && answer.body.len() < HEAD)
    }

    /// Looks at a piece of a body.
    pub(super) fn body(&mut self, exchange: ExchangeId, piece: &[u8]) {
        if let Some(answer) = &mut self.answer
            && answer.exchange == exchange
        {
            let room = HEAD - answer.body.len().min(HEAD);
            answer
                .body
                .extend_from_slice(&piece[..piece.len().min(room)]);
        }
    }

    /// Keeps what an exchange has failed with.
    pub(super) fn failure(&mut self, words: String) {
        self.failure = Some(words);
    }

    /// What came instead of messages, or went wrong.
    pub(super) fn text(&self) -> Option<String> {
        if let Some(failure) = &self.failure {
            return Some(failure.clone());
        }
        let answer = self.answer.as_ref()?;
        let body = String::from_utf8_lossy(&answer.body);
        Some(match body.trim() {
            "" => answer.about.clone(),
            body => format!("{}: {body:?}", answer.about),
        })
    }
}

fn cut(text: &str) -> &str {
    start_of(text, 2 * HEAD)
}
