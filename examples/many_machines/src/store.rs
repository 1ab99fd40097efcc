//! Sessions on Redis: a hash a key, with its version and its value, which Redis forgets in time.

use std::time::Duration;

use mcp_proto::io::http::{SessionStore, StoreFuture, StoredValue};
use redis::cmd;

use crate::Connections;

/// Puts a value if the version is the expected one; 0 if it isn't.
const PUT: &str = "
    local version = redis.call('HGET', KEYS[1], 'v') or ''
    if version ~= ARGV[1] then return 0 end
    local next = (tonumber(version) or 0) + 1
    redis.call('HSET', KEYS[1], 'v', next, 'd', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return next";

const REMOVE: &str = "
    if redis.call('HGET', KEYS[1], 'v') == ARGV[1] then redis.call('DEL', KEYS[1]) end
    return 0";

/// A store of sessions on Redis.
#[derive(Clone)]
pub struct RedisStore {
    redis: Connections,
    prefix: String,
}

impl RedisStore {
    /// Returns a store whose keys begin so, such as `mcp:`.
    pub fn new(redis: Connections, prefix: &str) -> Self {
        let prefix = prefix.to_owned();
        Self { redis, prefix }
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }
}

impl SessionStore for RedisStore {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<StoredValue>> {
        Box::pin(async move {
            let mut get = cmd("HMGET");
            get.arg(self.key(key)).arg("v").arg("d");
            let (version, value): (Option<u64>, Option<Vec<u8>>) = self.redis.run(&get)?;
            Ok(version
                .zip(value)
                .map(|(version, value)| StoredValue::new(version, value)))
        })
    }

    fn put<'a>(
        &'a self,
        key: &'a str,
        value: bytes::Bytes,
        expected: Option<u64>,
        ttl: Duration,
    ) -> StoreFuture<'a, Option<u64>> {
        Box::pin(async move {
            let expected = expected.map(|version| version.to_string());
            let mut put = cmd("EVAL");
            put.arg(PUT).arg(1).arg(self.key(key));
            put.arg(expected.unwrap_or_default());
            put.arg(&*value).arg(ttl.as_millis().max(1) as u64);
            let version: u64 = self.redis.run(&put)?;
            Ok((version > 0).then_some(version))
        })
    }

    fn remove<'a>(&'a self, key: &'a str, expected: u64) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut remove = cmd("EVAL");
            remove
                .arg(REMOVE)
                .arg(1)
                .arg(self.key(key))
                .arg(expected.to_string());
            self.redis.run::<u64>(&remove).map(drop)
        })
    }
}
