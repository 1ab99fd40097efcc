//! Tasks on Redis: a hash a task, with its version and its value, which Redis forgets in time, and a
//! sorted set an owner, by which they are listed.

use bytes::Bytes;
use mcp_proto::server::{StoredTask, TaskFuture, TaskKey, TaskStore, TaskStoreError};
use redis::cmd;

use crate::Connections;

/// Puts a value if the version is the expected one, empty for none; 0 if it isn't, -1 if the owner has as many
/// as it may. What the list still names and has gone is taken out of it first.
const PUT: &str = "
    local version = redis.call('HGET', KEYS[1], 'v') or ''
    if version ~= ARGV[1] then return 0 end
    if version == '' then
        redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[6])
        if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[5]) then return -1 end
        redis.call('ZADD', KEYS[2], 0, ARGV[4])
    end
    local next = (tonumber(version) or 0) + 1
    redis.call('HSET', KEYS[1], 'v', next, 'd', ARGV[2])
    if ARGV[3] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIREAT', KEYS[1], ARGV[3]) end
    redis.call('ZADD', KEYS[3], ARGV[3] == '' and 'inf' or ARGV[3], ARGV[4])
    return next";

/// Ids behind one, as many as are asked for, without those whose tasks have gone.
const LIST: &str = "
    local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[3])
    for _, id in ipairs(gone) do redis.call('ZREM', KEYS[1], id) redis.call('ZREM', KEYS[2], id) end
    return redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])";

/// A store of tasks on Redis.
#[derive(Clone)]
pub struct RedisTasks {
    redis: Connections,
    prefix: String,
    per_principal: usize,
}

/// The keys of a task, and of its owner's lists.
struct Keys {
    task: String,
    ids: String,
    expiring: String,
}

impl RedisTasks {
    /// Returns a store whose keys begin so, such as `mcp:`.
    pub fn new(redis: Connections, prefix: &str) -> Self {
        Self {
            redis,
            prefix: prefix.to_owned(),
            per_principal: 1_000,
        }
    }

    /// Sets how many tasks one principal may have at once. 1,000.
    #[must_use]
    pub fn per_principal(mut self, most: usize) -> Self {
        self.per_principal = most;
        self
    }

    /// All of one owner on one machine of a cluster.
    fn keys(&self, owner: &str, id: &str) -> Keys {
        let owner: String = owner.bytes().map(|byte| format!("{byte:02x}")).collect();
        let owner = format!("{{{}task:{owner}}}", self.prefix);
        Keys {
            task: format!("{owner}:{id}"),
            ids: format!("{owner}:ids"),
            expiring: format!("{owner}:expiring"),
        }
    }

    fn put(
        &self,
        key: TaskKey<'_>,
        value: &[u8],
        expected: Option<u64>,
        expires: Option<u64>,
    ) -> Result<Option<u64>, TaskStoreError> {
        let keys = self.keys(key.owner, key.id);
        let text = |number: Option<u64>| number.map_or(String::new(), |it| it.to_string());
        let mut put = cmd("EVAL");
        put.arg(PUT).arg(3);
        put.arg(keys.task).arg(keys.ids).arg(keys.expiring);
        put.arg(text(expected)).arg(value).arg(text(expires));
        put.arg(key.id).arg(self.per_principal).arg(now());
        match self.redis.run::<i64>(&put).map_err(TaskStoreError::new)? {
            -1 => Err(TaskStoreError::Full),
            version => Ok(u64::try_from(version).ok().filter(|version| *version > 0)),
        }
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as u64
}

impl TaskStore for RedisTasks {
    fn create<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        Box::pin(async move { self.put(key, &value, None, expires) })
    }

    fn load<'a>(&'a self, key: TaskKey<'a>) -> TaskFuture<'a, Option<StoredTask>> {
        Box::pin(async move {
            let mut get = cmd("HMGET");
            get.arg(self.keys(key.owner, key.id).task).arg("v").arg("d");
            let found = self.redis.run(&get).map_err(TaskStoreError::new);
            let (version, value): (Option<u64>, Option<Vec<u8>>) = found?;
            let stored = version.zip(value);
            Ok(stored.map(|(version, value)| StoredTask::new(version, value)))
        })
    }

    fn save<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expected: u64,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        Box::pin(async move { self.put(key, &value, Some(expected), expires) })
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        after: Option<&'a str>,
        most: usize,
    ) -> TaskFuture<'a, Vec<Box<str>>> {
        Box::pin(async move {
            let keys = self.keys(owner, "");
            let mut list = cmd("EVAL");
            list.arg(LIST).arg(2).arg(keys.ids).arg(keys.expiring);
            list.arg(after.map_or("-".into(), |after| format!("({after}")));
            list.arg(most).arg(now());
            let ids = self.redis.run::<Vec<String>>(&list);
            let ids = ids.map_err(TaskStoreError::new)?;
            Ok(ids.into_iter().map(Box::from).collect())
        })
    }

    /// Redis does by itself.
    fn remove_expired(&self, _: u64) -> TaskFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
