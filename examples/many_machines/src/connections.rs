//! Connections to Redis, kept for as long as they work.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_proto::io::http::StoreError;
use redis::{Client, Connection, FromRedisValue, RedisResult};

/// How long Redis may take.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How many connections are kept that nobody uses.
const KEPT: usize = 16;

/// Connections to one Redis. Clones share them.
#[derive(Clone)]
pub struct Connections {
    client: Client,
    free: Arc<Mutex<Vec<Connection>>>,
}

impl Connections {
    /// Returns connections to a Redis such as `redis://127.0.0.1:6379`. None is made before it is
    /// needed. Returns an error if the URL can't be read.
    pub fn new(url: &str) -> RedisResult<Self> {
        Ok(Self {
            client: Client::open(url)?,
            free: Arc::default(),
        })
    }

    /// Returns a connection of one's own, such as to block on.
    pub(crate) fn fresh(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(TIMEOUT)?;
        connection.set_read_timeout(Some(2 * TIMEOUT))?;
        connection.set_write_timeout(Some(TIMEOUT))?;
        Ok(connection)
    }

    /// Runs a command. A connection on which something has failed is dropped.
    pub(crate) fn run<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        let free = || self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = free().pop();
        let connection = kept.map_or_else(|| self.fresh(), Ok);
        let mut connection = connection.map_err(StoreError::new)?;
        let answer = command.query(&mut connection).map_err(StoreError::new)?;
        let mut free = free();
        if free.len() < KEPT {
            free.push(connection);
        }
        Ok(answer)
    }
}
