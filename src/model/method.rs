//! The methods and notifications of all revisions: their names, types, directions and lifetimes.
//! [`Method`] is open, so that an extension's method is called like one of the protocol's own.

use serde::{Deserialize, Serialize};

/// A request method: its name on the wire and the types of its parameters and result.
pub trait Method: 'static {
    /// The name on the wire, such as `tools/call`.
    const NAME: &'static str;
    /// The parameters, which may borrow from what is sent or from the frame that was received.
    type Params<'a>: Serialize + Deserialize<'a>;
    /// The result, which may borrow in the same way.
    type Result<'a>: Serialize + Deserialize<'a>;
}

/// A notification: its name on the wire and the type of its parameters.
pub trait Notification: 'static {
    /// The name on the wire, such as `notifications/progress`.
    const NAME: &'static str;
    /// The parameters, which may borrow from what is sent or from the frame that was received.
    type Params<'a>: Serialize + Deserialize<'a>;
}
