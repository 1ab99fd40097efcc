//! Tasks that somebody has changed in their store: what is no task any more is refused without a word of
//! why, what still is one goes on, and all that is sent is JSON.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use mcp_proto::server::{MemoryTasks, StoredTask, TaskFuture, TaskKey, TaskStore};
use serde_json::{Value, json};

use support::tampered::changed;

use super::{Machine, Time, accept, poll, server, tasks};

/// A store that knows under which owner and id its last task is.
#[derive(Clone, Default)]
struct Open {
    inner: MemoryTasks,
    last: Arc<Mutex<(String, String)>>,
}

impl Open {
    /// Puts another text in the place of the last task's.
    fn change(&self, text: &str) {
        let (owner, id) = self.last.lock().unwrap().clone();
        let key = TaskKey::new(&owner, &id);
        let stored = poll(self.inner.load(key)).unwrap().unwrap();
        let value = Bytes::from(text.to_owned());
        let saved = poll(self.inner.save(key, value, stored.version, None));
        saved.unwrap().unwrap();
    }

    fn text(&self) -> String {
        let (owner, id) = self.last.lock().unwrap().clone();
        let stored = poll(self.inner.load(TaskKey::new(&owner, &id)));
        String::from_utf8(stored.unwrap().unwrap().value.to_vec()).unwrap()
    }
}

impl TaskStore for Open {
    fn create<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        // Beside tasks there are signs of life.
        if value.starts_with(b"[") {
            *self.last.lock().unwrap() = (key.owner.into(), key.id.into());
        }
        self.inner.create(key, value, expires)
    }

    fn load<'a>(&'a self, key: TaskKey<'a>) -> TaskFuture<'a, Option<StoredTask>> {
        self.inner.load(key)
    }

    fn save<'a>(
        &'a self,
        key: TaskKey<'a>,
        value: Bytes,
        expected: u64,
        expires: Option<u64>,
    ) -> TaskFuture<'a, Option<u64>> {
        self.inner.save(key, value, expected, expires)
    }

    fn list<'a>(
        &'a self,
        owner: &'a str,
        after: Option<&'a str>,
        most: usize,
    ) -> TaskFuture<'a, Vec<Box<str>>> {
        self.inner.list(owner, after, most)
    }

    fn remove_expired(&self, now: u64) -> TaskFuture<'_, ()> {
        self.inner.remove_expired(now)
    }
}

/// The error that a client is told, who is not told more; `None` if there is none.
fn code(answer: &Value) -> Option<i64> {
    let code = answer["error"]["code"].as_i64();
    assert!(code.is_some() || answer["result"].is_object(), "{answer}");
    assert!(!answer.to_string().contains("damaged"), "{answer}");
    code
}

#[test]
fn a_task_that_is_none_any_more_is_refused() {
    for open in [Machine::modern, Machine::legacy] {
        let store = Open::default();
        let server = server(tasks(store.clone(), &Time::default()));
        let mut machine = open(&server, Some("ann"));
        for tool in ["may", "trip"] {
            let id = machine.begin(tool);
            machine.run();
            let text = store.text();
            assert_eq!(code(&machine.about("tasks/get", &id)), None);
            let whole: Value = serde_json::from_str(&text).unwrap();
            // The call is the second of what is kept, the phase the sixth.
            let mut others = vec![
                ("/1/3/1", json!(1)),
                ("/1/4/0/0/1", json!(3)),
                ("/0", json!(1)),
            ];
            others.push(match tool {
                "may" => ("/5/1/0", json!("text")),
                _ => ("/5/1/0/0/1", json!({"method": 5})),
            });
            for (place, other) in others {
                let mut changed = whole.clone();
                *changed.pointer_mut(place).expect("it is there") = other;
                store.change(&changed.to_string());
                let told = code(&machine.about("tasks/get", &id));
                assert_eq!(told, Some(-32603), "{tool} {place}");
            }
        }
    }
}

#[test]
fn a_task_that_was_changed_goes_on_or_is_refused() {
    for open in [Machine::modern, Machine::legacy] {
        let store = Open::default();
        let server = server(tasks(store.clone(), &Time::default()));
        let mut machine = open(&server, Some("ann"));
        for tool in ["may", "trip", "both"] {
            let id = machine.begin(tool);
            machine.run();
            let whole = serde_json::from_str(&store.text()).unwrap();
            for text in changed(&whole) {
                store.change(&text);
                let _ = code(&machine.about("tasks/get", &id));
                if machine.is_modern {
                    let _ =
                        code(&machine.update(&id, json!({"name": accept(json!({"name": "n"}))})));
                } else {
                    machine.send("tasks/result", json!({"taskId": id}));
                }
                machine.run();
                let _ = code(&machine.about("tasks/cancel", &id));
            }
        }
    }
}
