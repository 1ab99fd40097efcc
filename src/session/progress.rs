//! Reports on a request of the peer's.
//!
//! Rules of this file: a report is above the one before it (`progress.increase`); one that isn't
//! above all that was sent stays here, as does every one while output is full, since the next says
//! more anyway.

use crate::model::encode::SessionMembers;
use crate::model::method::{self, Notification};
use crate::model::progress::{ProgressParams, ProgressToken};
use crate::revision::Revision;
use crate::rpc::{RequestId, Text};
use crate::saved::saved;

use super::misuse::Misuse;
use super::route::Route;
use super::writer::MessageWriter;

/// One report, as the user gives it.
pub(super) struct Report<'r> {
    pub(super) progress: f64,
    pub(super) total: Option<f64>,
    pub(super) message: Option<&'r str>,
}

/// What was reported on a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reported {
    /// The last report since the user got the request, which may be not for the first time.
    last: Option<f64>,
    /// The most that was sent.
    sent: Option<f64>,
}

saved! { struct Reported { last, sent } }

impl Reported {
    /// Lets the reports start again; what goes out increases all the same.
    pub(super) fn restart(&mut self) {
        self.last = None;
    }

    /// Takes a report, and sends it to whoever wants to know.
    pub(super) fn report(
        &mut self,
        writer: &mut MessageWriter,
        to: Option<(Route, Revision, &RequestId)>,
        report: &Report<'_>,
    ) -> Result<(), Misuse> {
        let progress = report.progress;
        let is_finite = progress.is_finite() && report.total.is_none_or(f64::is_finite);
        if !is_finite || self.last.is_some_and(|last| progress <= last) {
            return Err(Misuse::ProgressNotIncreasing);
        }
        let is_news = self.sent.is_none_or(|most| progress > most) && !writer.is_full();
        if let Some((route, revision, token)) = to.filter(|_| is_news)
            && let Some(token) = ProgressToken::from_raw(token.to_raw())
        {
            let mut params = ProgressParams::new(token, progress);
            params.total = report.total;
            params.message = report.message.map(Text::from);
            let name = method::Progress::NAME;
            let additions = SessionMembers::default();
            writer.notification(route, revision, name, &params, &additions)?;
        }
        self.last = Some(progress);
        if is_news {
            self.sent = Some(progress);
        }
        Ok(())
    }
}
