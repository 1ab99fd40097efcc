//! Rounds of input: what a server needs to know from the client before it can answer.
//! Answers are matched by key, and the request's state travels with the client, opaque to it.

use alloc::vec::Vec;
use core::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::elicitation::ElicitParams;
use crate::model::field::{last_of_each_key, open_enum, tag};
use crate::model::meta::Meta;
use crate::model::method::{CreateMessage, Elicit, ListRoots, Method};
use crate::model::owned::IntoOwned;
use crate::model::sampling::CreateMessageParams;
pub use crate::model::state::RequestState;
use crate::model::wire_type::wire_type;
use crate::rpc::{JsonError, Raw, Source, Text};

open_enum! {
    /// What kind of result a modern result is; an absent one means complete.
    // `rtype.absent`
    ResultType {
        /// The method's own result.
        Complete = "complete",
        /// The server needs input first: an [`InputRequiredResult`].
        InputRequired = "input_required",
        /// The request goes on as a task (tasks extension).
        Task = "task",
    }
}

wire_type! {
    /// One thing to ask the client: a request without an id, inside a result.
    // `mrtr.values`
    #[derive(Debug)]
    pub struct InputRequest<'a> {
        /// The method: `elicitation/create`, `sampling/createMessage` or `roots/list`.
        method: Text<'a>,
        /// The method's parameters.
        params?: Raw<'a>,
    }

    /// Creates a request of `method` without parameters.
    pub fn new(method: impl Into<Text<'a>>);
}

impl<'a> InputRequest<'a> {
    /// Returns a request of method `M`. Returns an error if JSON can't express the parameters.
    pub fn encode<M: Method>(params: &M::Params<'_>) -> Result<Self, JsonError> {
        Ok(Self::new(M::NAME).params(Raw::encode(params)?))
    }
}

/// Declares a map that keeps the order of its keys and has each of them once.
macro_rules! ordered_map {
    ($(#[$about:meta])* $name:ident of $value:ty) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name<'a>(Vec<(Text<'a>, $value)>);

        impl<'a> $name<'a> {
            /// Creates a map without entries.
            pub const fn new() -> Self {
                Self(Vec::new())
            }

            /// Returns how many entries there are.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Returns whether there are no entries.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// Returns the entries in their order.
            pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &$value)> {
                self.0.iter().map(|(key, value)| (key.as_str(), value))
            }

            /// Returns the value under `key`.
            pub fn get(&self, key: &str) -> Option<&$value> {
                self.0.iter().find(|(held, _)| *held == key).map(|(_, value)| value)
            }

            /// Sets `key` to `value`, in the place the key had or at the end.
            pub fn insert(&mut self, key: impl Into<Text<'a>>, value: $value) {
                let key = key.into();
                match self.0.iter_mut().find(|(held, _)| *held == key) {
                    Some((_, held)) => *held = value,
                    None => self.0.push((key, value)),
                }
            }
        }

        impl Serialize for $name<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(self.0.len()))?;
                for (key, value) in &self.0 {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            /// Returns an error if it is not an object or a value is malformed. The last of equal
            /// keys holds.
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct MapVisitor;

                impl<'a> Visitor<'a> for MapVisitor {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: MapAccess<'a>>(
                        self,
                        mut map: A,
                    ) -> Result<$name<'a>, A::Error> {
                        let mut entries = Vec::new();
                        while let Some(entry) = map.next_entry()? {
                            entries.push(entry);
                        }
                        Ok($name(last_of_each_key(entries)))
                    }
                }

                deserializer.deserialize_map(MapVisitor)
            }
        }

        impl IntoOwned for $name<'_> {
            type Owned = $name<'static>;

            fn owned_from(self, source: Source<'_>) -> $name<'static> {
                let entries = self.0.into_iter();
                $name(entries.map(|(key, value)| (key.owned_from(source), value.owned_from(source))).collect())
            }
        }
    };
}

ordered_map! {
    /// What a server needs to know, each thing under a key of its choice.
    InputRequests of InputRequest<'a>
}

ordered_map! {
    /// The client's answers, each a bare result under the key of what was asked.
    // `mrtr.client.keys`
    InputResponses of Raw<'a>
}

impl<'a> InputRequests<'a> {
    /// Adds a request of method `M` under `key`.
    ///
    /// Parameters that JSON can't express are left out, so that whoever checks the request refuses
    /// it; [`InputRequest::encode`] tells.
    #[must_use]
    pub fn with<M: Method>(mut self, key: impl Into<Text<'a>>, params: &M::Params<'_>) -> Self {
        let request = InputRequest::encode::<M>(params);
        self.insert(key, request.unwrap_or_else(|_| InputRequest::new(M::NAME)));
        self
    }

    /// Adds a question to the client's user under `key`.
    #[must_use]
    pub fn elicit(self, key: impl Into<Text<'a>>, params: &ElicitParams<'_>) -> Self {
        self.with::<Elicit>(key, params)
    }

    /// Adds a message for the client's model to write under `key`.
    ///
    /// Deprecated since 2026-07-28: use the API of a model provider directly. See
    /// [`sampling`](crate::model::sampling#deprecated).
    #[must_use]
    pub fn sample(self, key: impl Into<Text<'a>>, params: &CreateMessageParams<'_>) -> Self {
        self.with::<CreateMessage>(key, params)
    }

    /// Adds the question for the client's roots under `key`.
    ///
    /// Deprecated since 2026-07-28: take directories and files as arguments of tools, resource URIs
    /// or configuration. See [`root`](crate::model::root#deprecated).
    #[must_use]
    pub fn roots(mut self, key: impl Into<Text<'a>>) -> Self {
        self.insert(key, InputRequest::new(ListRoots::NAME));
        self
    }
}

impl<'a> InputResponses<'a> {
    /// Adds `answer` under `key`. Returns an error if JSON can't express it.
    pub fn with<T: Serialize + ?Sized>(
        mut self,
        key: impl Into<Text<'a>>,
        answer: &T,
    ) -> Result<Self, JsonError> {
        self.insert(key, Raw::encode(answer)?);
        Ok(self)
    }

    /// Reads the answer under `key` as the result of method `M`; `None` when there is none.
    ///
    /// Returns an error if the answer doesn't fit.
    pub fn answer<M: Method>(&self, key: &str) -> Option<Result<M::Result<'_>, JsonError>> {
        self.get(key).map(|raw| raw.decode())
    }
}

wire_type! {
    /// A result that asks for input instead of giving an answer, from 2026-07-28 on.
    ///
    /// It holds questions, a state or both, never neither.
    // `mrtr.atleastone`
    #[derive(Debug)]
    pub struct InputRequiredResult<'a> [refused_before(V2026_07_28, "a result that asks for input")] {
        const result_type as "resultType": InputRequiredTag [required],
        /// What the server needs to know. When `None` the client just tries again.
        input_requests? as "inputRequests": InputRequests<'a>,
        /// What the client has to hand back with its answers.
        request_state? as "requestState": RequestState<'a>,
        /// The result's `_meta`.
        meta? as "_meta": Meta<'a>,
    }

    check asks_or_resumes;
}

impl<'a> InputRequiredResult<'a> {
    /// Returns a result that asks `input_requests`.
    pub fn asking(input_requests: InputRequests<'a>) -> Self {
        Self {
            result_type: InputRequiredTag,
            input_requests: Some(input_requests),
            request_state: None,
            meta: None,
        }
    }

    /// Returns a result that asks nothing and wants the client to come back with `request_state`.
    pub fn resuming(request_state: RequestState<'a>) -> Self {
        Self {
            result_type: InputRequiredTag,
            input_requests: None,
            request_state: Some(request_state),
            meta: None,
        }
    }
}

/// Refuses a result that holds neither questions nor a state.
fn asks_or_resumes(
    result: InputRequiredResult<'_>,
) -> Result<InputRequiredResult<'_>, &'static str> {
    if result.input_requests.is_none() && result.request_state.is_none() {
        return Err("neither `inputRequests` nor `requestState`");
    }
    Ok(result)
}

tag!(InputRequiredTag = "input_required");
