//! The cancelling of a request by who sent it (`notifications/cancelled`).

use crate::model::meta::Meta;
use crate::model::wire_type::wire_type;
use crate::rpc::{Raw, Text};

wire_type! {
    /// The parameters of `notifications/cancelled`.
    #[derive(Debug, Default)]
    pub struct CancelledParams<'a> {
        /// The id of the request, as it stands on the wire. Without one there is nothing to cancel:
        /// such a notification is ignored, not refused.
        // `cancel.malformed`
        request_id? as "requestId": Raw<'a>,
        /// Why, for people.
        reason?: Text<'a>,
        /// Metadata of the notification.
        meta? as "_meta": Meta<'a>,
    }
}

impl<'a> CancelledParams<'a> {
    /// Cancels the request with that id.
    pub fn new(request_id: Raw<'a>) -> Self {
        Self {
            request_id: Some(request_id),
            reason: None,
            meta: None,
        }
    }
}
