//! What clients see of a server that is many: `load URL REDIS_URL CLIENTS SECONDS`. Half of the
//! clients are modern, half legacy. Each calls, is asked, and hears of changes, while somebody else
//! kills instances, or, with OUTAGES set, has Redis fail and forget, which modern calls must not
//! notice. Prints what was counted, and fails if something is wrong.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use many_machines::{Connections, RedisLog};
use mcp_proto::client::{ClientError, Reconnect};
use mcp_proto::model::elicitation::{ElicitParams, ElicitResult};
use mcp_proto::model::form::FormContent;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::session::{Change, ClientEvent, EraPolicy};
use mcp_proto::{AsyncClient, ClientOptions};
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How often a call is repeated before its caller has lost it.
const TRIES: u32 = 40;
/// How long the clients have at the end to hear of the last changes.
const SETTLE: Duration = Duration::from_secs(8);
/// How long one attempt of a call may take while Redis fails: a session is waited for by one attempt
/// for 10 s, and a modern call waits for nothing.
const LONGEST: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(15)];

/// How many of the changes that were missed are named.
const SHOWN: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Era {
    Modern,
    Legacy,
}

/// What was counted, of one era.
#[derive(Debug, Default)]
struct Counts {
    calls: AtomicU64,
    repeated: AtomicU64,
    lost: AtomicU64,
    wrong: AtomicU64,
    asked: AtomicU64,
    moved: AtomicU64,
    reopened: AtomicU64,
    subscribed: AtomicU64,
    listened_again: AtomicU64,
    slowest_ms: AtomicU64,
    failures: Mutex<BTreeMap<String, u64>>,
}

impl Counts {
    /// An attempt has failed.
    fn failed(&self, error: &ClientError) {
        *lock(&self.failures).entry(error.to_string()).or_default() += 1;
    }
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// What the changes are known from that were told: the log, or who told them where the log forgets.
#[derive(Clone)]
enum Told {
    Log(RedisLog),
    Answered(Arc<Mutex<BTreeMap<u64, u32>>>),
}

/// What a subscriber knows of the changes.
#[derive(Default)]
struct Known {
    /// How often it was told of each.
    told: BTreeMap<u64, u32>,
    /// What it has read instead, after each time that it may have missed something.
    read: Vec<u64>,
}

struct Client {
    era: Era,
    client: AsyncClient,
    known: Arc<Mutex<Known>>,
    ended: UnboundedReceiver<()>,
    counts: Arc<Counts>,
    /// Which instance has asked last.
    asked_by: Arc<Mutex<Vec<String>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn filter() -> SubscriptionFilter<'static> {
    SubscriptionFilter::new().resource_subscriptions(["change://log/"])
}

/// The name of an instance at the end of a text, in brackets.
fn instance(text: &str) -> String {
    let (_, name) = text.rsplit_once('(').unwrap_or_default();
    name.trim_end_matches(')').to_owned()
}

impl Client {
    fn new(era: Era, url: &str, counts: Arc<Counts>, told: &Told) -> Self {
        let known = Arc::new(Mutex::new(Known::default()));
        let asked_by = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = unbounded_channel();
        let asked = Arc::clone(&asked_by);
        let mut options = ClientOptions::new("load", "1.0")
            .era(match era {
                Era::Modern => EraPolicy::Modern,
                Era::Legacy => EraPolicy::Legacy,
            })
            .reconnect(Reconnect::OnDemand { retries: 10 })
            .elicitation(move |params| {
                if let ElicitParams::Form(form) = &params {
                    lock(&asked).push(instance(&form.message));
                }
                Ok(ElicitResult::accept(FormContent::new().with("name", "Ada")))
            })
            .on_event(hear(era, &known, &counts, told.clone(), end));
        options.subscriptions = vec![filter()];
        options.read_timeout = Duration::from_secs(30);
        let (client, driver) = AsyncClient::url(options, url);
        tokio::spawn(driver);
        Self {
            era,
            client,
            known,
            ended,
            counts,
            asked_by,
        }
    }

    /// Tries until it succeeds.
    async fn call(&self, tool: &str, arguments: serde_json::Value) -> Option<String> {
        add(&self.counts.calls);
        for attempt in 0..TRIES {
            lock(&self.asked_by).clear();
            let start = Instant::now();
            let called = self.client.call_tool(tool, &arguments).await;
            let took = start.elapsed().as_millis() as u64;
            self.counts.slowest_ms.fetch_max(took, Ordering::Relaxed);
            match called {
                Ok(output) => return Some(output.value.to_string()),
                Err(error) => {
                    if attempt == 0 {
                        add(&self.counts.repeated);
                    }
                    self.counts.failed(&error);
                    if std::env::var_os("VERBOSE").is_some() {
                        eprintln!("{:?}: {tool}: {error}", self.era);
                    }
                    sleep(Duration::from_millis(100 << attempt.min(4))).await;
                }
            }
        }
        add(&self.counts.lost);
        None
    }

    async fn greet(&self) {
        add(&self.counts.asked);
        let Some(text) = self.call("greet", json!({})).await else {
            return;
        };
        let asked = lock(&self.asked_by).clone();
        if !text.contains("Ada and Ada") || asked.len() != 2 {
            eprintln!("{:?}: wrong end: {text}, asked by {asked:?}", self.era);
            add(&self.counts.wrong);
        }
        let end = instance(&text);
        if asked.iter().any(|name| *name != end) {
            add(&self.counts.moved);
        }
    }

    /// Listens again where a stream has ended, and reads what it may have missed.
    async fn listen_again(&mut self, told: &Told) {
        let mut has_ended = false;
        while self.ended.try_recv().is_ok() {
            has_ended = true;
        }
        if !has_ended {
            return;
        }
        add(&self.counts.listened_again);
        if self.era == Era::Modern {
            let mut tries = 0;
            while let Err(error) = self.client.subscribe(filter()).await {
                tries += 1;
                assert!(tries < TRIES, "it can't listen again: {error}");
                sleep(Duration::from_millis(200)).await;
            }
        }
        lock(&self.known).read.extend(told.all().keys());
    }

    async fn run(
        mut self,
        number: u64,
        is_over: watch::Receiver<bool>,
        told: Told,
    ) -> (Era, Known) {
        let mut tries = 0;
        while let Err(error) = self.client.open().await {
            tries += 1;
            assert!(tries < TRIES, "it can't open: {error}");
            sleep(Duration::from_millis(200)).await;
        }
        let mut round = number;
        while !*is_over.borrow() {
            self.listen_again(&told).await;
            if round % 4 == 0 {
                self.greet().await;
            } else {
                let (a, b) = (number, round);
                let sum = self.call("add", json!({"a": a, "b": b})).await;
                if sum.is_some_and(|sum| sum != (a + b).to_string()) {
                    add(&self.counts.wrong);
                }
            }
            round += 1;
            sleep(Duration::from_millis(600 + number * 7 % 400)).await;
        }
        let end = Instant::now() + SETTLE;
        while Instant::now() < end {
            self.listen_again(&told).await;
            sleep(Duration::from_millis(200)).await;
        }
        (self.era, std::mem::take(&mut *lock(&self.known)))
    }
}

/// Notes what a client hears.
fn hear(
    era: Era,
    known: &Arc<Mutex<Known>>,
    counts: &Arc<Counts>,
    all: Told,
    end: UnboundedSender<()>,
) -> impl Fn(&ClientEvent) + Send + Sync + 'static {
    let (known, counts) = (Arc::clone(known), Arc::clone(counts));
    let subscribed = AtomicU64::new(0);
    move |event| match event {
        ClientEvent::Subscribed { .. } if subscribed.fetch_add(1, Ordering::Relaxed) == 0 => {
            add(&counts.subscribed);
        }
        // Only a session that is opened again subscribes again by itself.
        ClientEvent::Subscribed { .. } if era == Era::Legacy => {
            add(&counts.reopened);
            end.send(()).unwrap_or_default();
        }
        ClientEvent::Changed {
            change: Change::Resource,
            notification,
            ..
        } => {
            let frame: serde_json::Value =
                serde_json::from_slice(notification.frame()).unwrap_or_default();
            let uri = frame["params"]["uri"].as_str().unwrap_or_default();
            if let Some(Ok(number)) = uri.rsplit('/').next().map(str::parse) {
                *lock(&known).told.entry(number).or_default() += 1;
            } else {
                // Anything may have changed.
                lock(&known).read.extend(all.all().keys());
            }
        }
        // Nobody reads it any more at the end.
        ClientEvent::SubscriptionEnded { .. } => end.send(()).unwrap_or_default(),
        _ => {}
    }
}

impl Told {
    fn new(redis: &str) -> Result<Self, Box<dyn Error>> {
        Ok(match has_outages() {
            true => Self::Answered(Arc::default()),
            false => Self::Log(RedisLog::new(Connections::new(redis)?, "mcp:")),
        })
    }

    /// The changes that were told, each with how often.
    fn all(&self) -> BTreeMap<u64, u32> {
        let log = match self {
            Self::Log(log) => log,
            Self::Answered(told) => return lock(told).clone(),
        };
        let mut told = BTreeMap::new();
        for entry in log.read().expect("the log can be read") {
            let message: serde_json::Value =
                serde_json::from_slice(&entry.message).unwrap_or_default();
            let uri = message["what"]["Resource"].as_str().unwrap_or_default();
            if let Some(Ok(number)) = uri.rsplit('/').next().map(str::parse) {
                *told.entry(number).or_default() += 1;
            }
        }
        told
    }

    /// A call that tells of a change was answered.
    fn answered(&self, number: u64) {
        if let Self::Answered(told) = self {
            lock(told).insert(number, 1);
        }
    }
}

fn has_outages() -> bool {
    std::env::var_os("OUTAGES").is_some()
}

/// Tells of a change twice a second, each time at whichever instance the balancer picks.
async fn changes(url: String, until: Instant, all: &Told) -> (u64, u64) {
    let options = ClientOptions::new("teller", "1.0").era(EraPolicy::Modern);
    let options = options.reconnect(Reconnect::OnDemand { retries: 10 });
    let (client, driver) = AsyncClient::url(options, url);
    tokio::spawn(driver);
    let (mut number, mut failed) = (0, 0);
    while Instant::now() < until {
        number += 1;
        let told: Result<_, ClientError> =
            client.call_tool("tell", json!({"number": number})).await;
        failed += u64::from(told.is_err());
        if told.is_ok() {
            all.answered(number);
        }
        sleep(Duration::from_millis(500)).await;
    }
    (number, failed)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [url, redis, clients, seconds] = &given[..] else {
        return Err("usage: load URL REDIS_URL CLIENTS SECONDS".into());
    };
    let (clients, seconds): (u64, u64) = (clients.parse()?, seconds.parse()?);
    let all = Told::new(redis)?;
    let counts: BTreeMap<Era, Arc<Counts>> = [Era::Modern, Era::Legacy]
        .map(|era| (era, Arc::default()))
        .into();
    let (over, is_over) = watch::channel(false);
    let mut running = JoinSet::new();
    for number in 0..clients {
        let era = if number % 2 == 0 {
            Era::Modern
        } else {
            Era::Legacy
        };
        let client = Client::new(era, url, Arc::clone(&counts[&era]), &all);
        running.spawn(client.run(number, is_over.clone(), all.clone()));
    }
    // All of them listen before something changes.
    let subscribed = |counts: &Arc<Counts>| counts.subscribed.load(Ordering::Relaxed);
    while counts.values().map(subscribed).sum::<u64>() < clients {
        sleep(Duration::from_millis(100)).await;
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let (changes, failed) = changes(url.clone(), until, &all).await;
    // Whoever kills instances is told that it is over.
    if let Some(file) = std::env::var_os("LOAD_IS_OVER") {
        std::fs::write(file, "")?;
    }
    over.send(true)?;
    let mut known = Vec::new();
    while let Some(ended) = running.join_next().await {
        known.push(ended?);
    }
    let told = all.all();
    println!("clients        {clients}, {seconds} s");
    println!(
        "changes        {} told of {changes} tried ({failed} calls failed), counted {}",
        told.len(),
        told.values().sum::<u32>()
    );
    let mut is_right = !told.is_empty();
    for (era, counts) in &counts {
        is_right &= report(*era, counts);
        let of_era = known.iter().filter(|(of, _)| of == era);
        is_right &= heard(*era, of_era.map(|(_, known)| known), &told);
    }
    println!("{}", if is_right { "ALL RIGHT" } else { "WRONG" });
    if is_right {
        Ok(())
    } else {
        Err("a count is wrong".into())
    }
}

fn report(era: Era, counts: &Counts) -> bool {
    let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
    println!(
        "{era:?}: {} calls, {} of them repeated, {} lost to their callers, {} wrong; {} asked, {} of them \
         by one instance and ended by another; {} sessions opened again, {} times listened again",
        get(&counts.calls),
        get(&counts.repeated),
        get(&counts.lost),
        get(&counts.wrong),
        get(&counts.asked),
        get(&counts.moved),
        get(&counts.reopened),
        get(&counts.listened_again),
    );
    let is_right = get(&counts.lost) == 0 && get(&counts.wrong) == 0 && get(&counts.calls) > 0;
    if !has_outages() {
        return is_right;
    }
    let slowest = Duration::from_millis(get(&counts.slowest_ms));
    let longest = LONGEST[usize::from(era == Era::Legacy)];
    println!("{era:?}: no attempt took longer than {slowest:?}, of {longest:?} at most");
    for (failure, times) in &*lock(&counts.failures) {
        println!("{era:?}: {times} attempts failed: {failure}");
    }
    let goes_on = era == Era::Legacy || get(&counts.repeated) == 0;
    is_right && goes_on && slowest <= longest
}

/// Counts how the changes have come to the subscribers.
fn heard<'a>(era: Era, known: impl Iterator<Item = &'a Known>, told: &BTreeMap<u64, u32>) -> bool {
    let (mut once, mut read, mut twice, mut missed) = (0, 0, 0, 0_u32);
    for known in known {
        for (number, times) in told {
            match known.told.get(number).copied().unwrap_or(0) {
                0 if known.read.contains(number) => read += 1,
                0 => {
                    if missed < SHOWN {
                        eprintln!("{era:?}: a subscriber has missed change {number}");
                    }
                    missed += 1;
                }
                heard if heard <= *times => once += 1,
                _ => twice += 1,
            }
        }
    }
    println!(
        "{era:?}: changes heard once {once}, missed while nobody listened and read after {read}, \
         heard more often {twice}, neither heard nor read {missed}"
    );
    twice == 0 && missed == 0
}
