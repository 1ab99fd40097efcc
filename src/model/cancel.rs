//! The cancelling of a request by who sent it (`notifications/cancelled`).

use serde::{Deserialize, Serialize};

use crate::model::field::setters;
use crate::model::meta::Meta;
use crate::model::owned::into_owned;
use crate::rpc::{Raw, Text};

/// The parameters of `notifications/cancelled`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CancelledParams<'a> {
    /// The id of the request, as it stands on the wire. Without one there is nothing to cancel:
    /// such a notification is ignored, not refused (`cancel.malformed`).
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Raw<'a>>,
    /// Why, for people.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<'a>>,
    /// Metadata of the notification.
    #[serde(
        rename = "_meta",
        borrow,
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub meta: Option<Meta<'a>>,
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

setters! {
    CancelledParams { reason: Text<'a>, meta: Meta<'a> }
}

into_owned! {
    CancelledParams { request_id, reason, meta }
}
