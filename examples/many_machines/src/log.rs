//! A log of changes on Redis: a stream whose ids are the positions, drawn from a counter beside it.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use mcp_proto::io::http::{Announced, Backlog, Fanout, FanoutSink, StoreError, StoreFuture};
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{Connection, RedisResult, cmd};

use crate::Connections;

/// How many messages are kept for those that come back.
const KEPT: usize = 16_384;
/// How many are read at once.
const AT_ONCE: usize = 256;
/// How long to wait for the next one before looking whether the server is still there.
const BLOCK: Duration = Duration::from_secs(1);
/// How long to wait before Redis is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// Appends a message. A Redis that has lost its counter goes on above where it can have been.
const PUBLISH: &str = "
    local position = redis.call('INCR', KEYS[2])
    if position == 1 then position = tonumber(ARGV[2]) redis.call('SET', KEYS[2], ARGV[2]) end
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], string.format('%.0f-0', position), 'm', ARGV[1])
    return position";

/// A log of changes on Redis.
#[derive(Clone)]
pub struct RedisLog {
    redis: Connections,
    stream: String,
    counter: String,
}

impl RedisLog {
    /// Returns a log whose keys begin so, such as `mcp:`.
    pub fn new(redis: Connections, prefix: &str) -> Self {
        Self {
            redis,
            // Both on one machine of a cluster.
            stream: format!("{{{prefix}log}}:stream"),
            counter: format!("{{{prefix}log}}:position"),
        }
    }

    /// Returns the whole log that is kept.
    pub fn read(&self) -> Result<Vec<Announced>, StoreError> {
        let mut range = cmd("XRANGE");
        range.arg(&self.stream).arg("-").arg("+");
        let reply: StreamRangeReply = self.redis.run(&range)?;
        Ok(reply.ids.iter().filter_map(announced).collect())
    }

    fn last(&self) -> Result<u64, StoreError> {
        let mut get = cmd("GET");
        get.arg(&self.counter);
        let last: Option<u64> = self.redis.run(&get)?;
        Ok(last.unwrap_or(0))
    }

    /// Delivers what is told, until the server is gone.
    fn deliver(&self, sink: &FanoutSink, mut position: u64) {
        let mut connection = None;
        while sink.is_open() {
            match self.next(&mut connection, position) {
                Ok(entries) => {
                    for entry in entries {
                        position = entry.position;
                        sink.deliver(&entry);
                    }
                }
                Err(_) => {
                    connection = None;
                    thread::sleep(AGAIN);
                }
            }
        }
    }

    fn next(
        &self,
        connection: &mut Option<Connection>,
        position: u64,
    ) -> RedisResult<Vec<Announced>> {
        let connection = match connection {
            Some(connection) => connection,
            None => connection.insert(self.redis.fresh()?),
        };
        let mut read = cmd("XREAD");
        read.arg("COUNT").arg(AT_ONCE);
        read.arg("BLOCK").arg(BLOCK.as_millis() as u64);
        read.arg("STREAMS").arg(&self.stream);
        read.arg(format!("{position}-0"));
        let reply: Option<StreamReadReply> = read.query(connection)?;
        let entries = reply.into_iter().flat_map(|reply| reply.keys);
        let entries = entries.flat_map(|key| key.ids);
        Ok(entries.filter_map(|entry| announced(&entry)).collect())
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
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let first = now.unwrap_or_default().as_secs() << 14;
            let mut publish = cmd("EVAL");
            publish
                .arg(PUBLISH)
                .arg(2)
                .arg(&self.stream)
                .arg(&self.counter);
            publish.arg(&*message).arg(first).arg(KEPT);
            self.redis.run::<u64>(&publish).map(drop)
        })
    }

    fn start(&self, sink: FanoutSink) -> StoreFuture<'_, u64> {
        Box::pin(async move {
            let position = self.last()?;
            let log = self.clone();
            let name = thread::Builder::new().name("mcp log".into());
            let spawned = name.spawn(move || log.deliver(&sink, position));
            spawned.map_err(StoreError::new)?;
            Ok(position)
        })
    }

    fn after(&self, position: u64) -> StoreFuture<'_, Backlog> {
        Box::pin(async move {
            let mut range = cmd("XRANGE");
            range.arg(&self.stream).arg(format!("{}-0", position + 1));
            range.arg("+").arg("COUNT").arg(AT_ONCE);
            let reply: StreamRangeReply = self.redis.run(&range)?;
            let announced: Vec<Announced> = reply.ids.iter().filter_map(announced).collect();
            let is_whole = match announced.first() {
                Some(first) => first.position == position + 1,
                None => self.last()? <= position,
            };
            Ok(Backlog::new(announced, is_whole))
        })
    }
}
