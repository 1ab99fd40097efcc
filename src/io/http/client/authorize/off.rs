//! A connection without authorization.

use core::task::Context;

use super::super::net::Net;
use super::super::notes::Notes;
use super::super::remote::Remote;
use crate::http::headers::Headers;
use crate::http::{HttpClient, HttpRequest, ResponseHead};
use crate::session::ExchangeId;
use crate::time::Instant;

/// No authorization. What each of its functions does is said in `on`.
pub(in super::super) struct Authorization;

impl Authorization {
    pub(in super::super) fn new(_: &Remote) -> Self {
        Self
    }

    pub(in super::super) fn prepare(&mut self, request: HttpRequest) -> Option<HttpRequest> {
        Some(request)
    }

    pub(in super::super) fn head(&mut self, _: ExchangeId, _: &ResponseHead) {}

    pub(in super::super) fn forget(&mut self, _: ExchangeId) {}

    pub(in super::super) fn challenge(&mut self, _: ExchangeId, _: u16, _: &Headers) {}

    pub(in super::super) fn owns(&self, _: ExchangeId) -> bool {
        false
    }

    pub(in super::super) fn told(&mut self, _: super::super::net::Told) -> Option<ExchangeId> {
        None
    }

    pub(in super::super) fn step(
        &mut self,
        _: Instant,
        _: &mut impl Net,
        _: &mut HttpClient,
        _: &mut Notes,
    ) -> bool {
        false
    }

    pub(in super::super) fn clocks(&mut self) -> Option<bool> {
        None
    }

    pub(in super::super) fn poll(&mut self, _: &mut Context<'_>) -> bool {
        false
    }

    pub(in super::super) fn deadline(&self) -> Option<Instant> {
        None
    }

    pub(in super::super) fn stop(&mut self, _: &mut impl Net) {}
}
