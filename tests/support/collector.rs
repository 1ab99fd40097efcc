//! A subscriber that keeps what it is told, as lines.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// What was told while something ran.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Each span that has closed, with its fields: `request method=tools/call outcome=result`.
    pub spans: Vec<String>,
    /// Each event: its level, the span it stands in, and its fields.
    pub events: Vec<(Level, String, String)>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<u64, (&'static str, BTreeMap<&'static str, String>, usize)>,
    entered: Vec<u64>,
    next: u64,
    told: Told,
}

struct Collector {
    most: Level,
    state: Arc<Mutex<State>>,
}

/// A subscriber that is there all the time. While there is none, whatever a test of another thread
/// comes by is noted as of interest to nobody, maybe just after a collector has asked for it.
static ALWAYS: LazyLock<Dispatch> = LazyLock::new(|| {
    Dispatch::new(Collector {
        most: Level::TRACE,
        state: Arc::default(),
    })
});

/// Runs `act` and tells what it has told, up to this level.
pub fn collect(most: Level, act: impl FnOnce()) -> Told {
    LazyLock::force(&ALWAYS);
    let state = Arc::<Mutex<State>>::default();
    let collector = Collector {
        most,
        state: Arc::clone(&state),
    };
    with_default(collector, act);
    let state = state.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(state.open.is_empty(), "left open: {:?}", state.open);
    state.told.clone()
}

/// Sees to it that what was sent is told at `TRACE` and nowhere above.
pub fn assert_only_traced(secrets: &[&str], told: impl Fn(Level) -> Told) {
    let debug = format!("{:?}", told(Level::DEBUG));
    for secret in secrets {
        assert!(!debug.contains(secret), "{secret} in {debug}");
    }
    let trace = told(Level::TRACE);
    let shown = |secret: &&str| {
        let mut texts = trace.events.iter().map(|(_, _, text)| text);
        texts.any(|text| text.contains(secret))
    };
    assert!(secrets.iter().all(shown), "{trace:?}");
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

fn line(name: &str, fields: &BTreeMap<&'static str, String>) -> String {
    let mut line = name.to_owned();
    for (field, value) in fields {
        write!(line, " {field}={value}").expect("a string takes it");
    }
    line.trim_start().to_owned()
}

impl Collector {
    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("mcp_proto") && *metadata.level() <= self.most
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        self.with(|state| {
            state.next += 1;
            let opened = (span.metadata().name(), fields.0, 1);
            state.open.insert(state.next, opened);
            Id::from_u64(state.next)
        })
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        self.with(|state| {
            let span = state.open.get_mut(&span.into_u64()).expect("it is open");
            span.1.extend(fields.0);
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.with(|state| {
            let span = state.entered.last().and_then(|id| state.open.get(id));
            let span = span.map_or("", |span| span.0).to_owned();
            let told = (*event.metadata().level(), span, line("", &fields.0));
            state.told.events.push(told);
        });
    }

    fn enter(&self, span: &Id) {
        self.with(|state| state.entered.push(span.into_u64()));
    }

    fn exit(&self, _: &Id) {
        self.with(|state| state.entered.pop());
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.with(|state| {
            let span = state.open.get_mut(&span.into_u64()).expect("it is open");
            span.2 += 1;
        });
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        self.with(|state| {
            let id = span.into_u64();
            let Some((name, fields, count)) = state.open.get_mut(&id) else {
                return false;
            };
            *count -= 1;
            if *count > 0 {
                return false;
            }
            let closed = line(name, fields);
            state.open.remove(&id);
            state.told.spans.push(closed);
            true
        })
    }
}
