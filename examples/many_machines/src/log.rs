//! A log of changes on Redis: a stream whose ids are the positions, drawn from a counter beside it.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mcp_proto::io::http::{Announced, Backlog, Fanout, FanoutSink, StoreError, StoreFuture};
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{Cmd, Connection, cmd};

use crate::Connections;

/// How many messages are kept for those that come back.
const KEPT: usize = 16_384;
/// How many are read at once.
const AT_ONCE: usize = 256;
/// How long to wait for the next one before looking whether the server is still there.
const BLOCK: Duration = Duration::from_secs(1);
/// How long to wait before Redis is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// Begins each script. A Redis that was started again may have forgotten its last positions, and must
/// not use them again: it goes on above where it can have been, so that whoever has read some of them
/// sees a gap.
macro_rules! script {
    ($script:literal) => {
        concat!(
            "
    local info = redis.pcall('INFO', 'server')
    local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
    if redis.call('GET', KEYS[3]) ~= run then
        local last = tonumber(redis.call('GET', KEYS[2]) or 0)
        redis.call('SET', KEYS[2], string.format('%.0f', math.max(last, tonumber(ARGV[1]))))
        redis.call('SET', KEYS[3], run)
    end",
            $script
        )
    };
}

/// Appends a message.
const PUBLISH: &str = script!(
    "
    local position = redis.call('INCR', KEYS[2])
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], string.format('%.0f-0', position), 'm', ARGV[2])
    return position"
);

/// The position of the last message.
const LAST: &str = script!(
    "
    return tonumber(redis.call('GET', KEYS[2]))"
);

/// A log of changes on Redis.
#[derive(Clone)]
pub struct RedisLog {
    redis: Connections,
    stream: String,
    counter: String,
    run: String,
}

impl RedisLog {
    /// Returns a log whose keys begin so, such as `mcp:`.
    pub fn new(redis: Connections, prefix: &str) -> Self {
        Self {
            redis,
            // All on one machine of a cluster.
            stream: format!("{{{prefix}log}}:stream"),
            counter: format!("{{{prefix}log}}:position"),
            run: format!("{{{prefix}log}}:run"),
        }
    }

    /// Returns the whole log that is kept.
    pub fn read(&self) -> Result<Vec<Announced>, StoreError> {
        let mut range = cmd("XRANGE");
        range.arg(&self.stream).arg("-").arg("+");
        let reply: StreamRangeReply = self.redis.run(&range)?;
        Ok(reply.ids.iter().filter_map(announced).collect())
    }

    /// Returns what runs a script.
    fn script(&self, script: &str) -> Cmd {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let lowest = now.unwrap_or_default().as_secs() << 14;
        let mut eval = cmd("EVAL");
        eval.arg(script).arg(3);
        eval.arg(&self.stream).arg(&self.counter).arg(&self.run);
        eval.arg(lowest);
        eval
    }

    /// What was told after this position, and the position of what was told last.
    fn since(&self, position: u64) -> Result<(Backlog, u64), StoreError> {
        let last = self.redis.run(&self.script(LAST))?;
        let mut range = cmd("XRANGE");
        range.arg(&self.stream).arg(format!("{}-0", position + 1));
        range.arg("+").arg("COUNT").arg(AT_ONCE);
        let reply: StreamRangeReply = self.redis.run(&range)?;
        let announced: Vec<Announced> = reply.ids.iter().filter_map(announced).collect();
        let is_whole = match announced.first() {
            Some(first) => first.position == position + 1,
            None => last == position,
        };
        let last = announced.last().map_or(last, |last| last.position);
        Ok((Backlog::new(announced, is_whole), last))
    }

    /// Delivers what is told, until the server is gone.
    fn deliver(&self, sink: &FanoutSink, mut position: u64) {
        let mut connection = None;
        while sink.is_open() {
            match self.next(&mut connection, position) {
                Ok((backlog, last)) => {
                    if !backlog.is_whole {
                        sink.lost();
                    }
                    for entry in &backlog.announced {
                        sink.deliver(entry);
                    }
                    position = last;
                }
                Err(_) => {
                    connection = None;
                    thread::sleep(AGAIN);
                }
            }
        }
    }

    /// Waits for what is told next. On a connection that is fresh, something may be missing before it.
    fn next(
        &self,
        connection: &mut Option<Connection>,
        position: u64,
    ) -> Result<(Backlog, u64), StoreError> {
        let Some(connection) = connection else {
            *connection = Some(self.redis.fresh().map_err(StoreError::new)?);
            return self.since(position);
        };
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(AT_ONCE);
        read.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        read.arg("STREAMS").arg(&self.stream);
        read.arg(format!("{position}-0"));
        let reply: Option<StreamReadReply> = read.query(connection).map_err(StoreError::new)?;
        let entries = reply.into_iter().flat_map(|reply| reply.keys);
        let entries = entries.flat_map(|key| key.ids);
        let announced: Vec<Announced> = entries.filter_map(|entry| announced(&entry)).collect();
        let first = announced
            .first()
            .map_or(position + 1, |first| first.position);
        let last = announced.last().map_or(position, |last| last.position);
        Ok((Backlog::new(announced, first == position + 1), last))
    }
}

fn announced(entry: &StreamId) -> Option<Announced> {
    let position = entry.id.split('-').next()?.parse().ok()?;
    let message: Vec<u8> = entry.get("m")?;
    Some(Announced::new(position, message))
}

impl Fanout for RedisLog {
    fn publish(&self, message: Bytes) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let mut publish = self.script(PUBLISH);
            publish.arg(&*message).arg(KEPT);
            self.redis.run::<u64>(&publish).map(drop)
        })
    }

    fn start(&self, sink: FanoutSink) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let position = self.redis.run(&self.script(LAST))?;
            let log = self.clone();
            let name = thread::Builder::new().name("mcp log".into());
            let spawned = name.spawn(move || log.deliver(&sink, position));
            spawned.map_err(StoreError::new)?;
            Ok(position)
        })
    }

    fn after(&self, position: u64) -> StoreFuture<'_, Backlog> {
        Box::pin(async move { Ok(self.since(position)?.0) })
    }
}
