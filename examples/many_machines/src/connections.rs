//! Connections to Redis, kept for as long as they work.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

    /// Runs a command. Once a connection has failed, none is kept: Redis may be another by now. A
    /// command that finds a kept one closed runs on a fresh one.
    pub(crate) fn run<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, StoreError> {
        let kept = self.free().pop();
        let is_kept = kept.is_some();
        let mut answer = self.run_on(kept, command);
        if answer.is_err() {
            self.free().clear();
        }
        if is_kept && matches!(&answer, Err(error) if error.is_connection_dropped()) {
            answer = self.run_on(None, command);
        }
        answer.map_err(StoreError::new)
    }

    fn run_on<T: FromRedisValue>(
        &self,
        connection: Option<Connection>,
        command: &redis::Cmd,
    ) -> RedisResult<T> {
        let mut connection = connection.map_or_else(|| self.fresh(), Ok)?;
        let answer = command.query(&mut connection)?;
        let mut free = self.free();
        if free.len() < KEPT {
            free.push(connection);
        }
        Ok(answer)
    }

    fn free(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
