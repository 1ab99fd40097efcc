//! The store that comes with the crate, by its own words and by those of its bound.

use mcp_proto::server::{MemoryTasks, TaskKey, TaskStore, TaskStoreError};

use super::poll;

#[test]
fn a_value_is_replaced_only_under_its_version() {
    let store = MemoryTasks::new();
    let key = TaskKey::new("ann", "1");
    assert_eq!(poll(store.load(key)), Ok(None));
    assert_eq!(poll(store.save(key, "x".into(), 1, None)), Ok(None));
    assert_eq!(poll(store.create(key, "a".into(), None)), Ok(Some(1)));
    assert_eq!(poll(store.create(key, "b".into(), None)), Ok(None));
    assert_eq!(poll(store.save(key, "b".into(), 1, None)), Ok(Some(2)));
    assert_eq!(poll(store.save(key, "c".into(), 1, None)), Ok(None));
    let stored = poll(store.load(key)).unwrap().unwrap();
    assert_eq!((stored.version, &*stored.value), (2, b"b".as_slice()));
    assert_eq!(poll(store.load(TaskKey::new("bob", "1"))), Ok(None));
}

#[test]
fn what_expires_makes_room_and_all_bytes_are_counted() {
    let store = MemoryTasks::new().bytes(4096);
    let value = |length: usize| vec![b'x'; length].into();
    let key = |id| TaskKey::new("ann", id);
    assert_eq!(
        poll(store.create(key("1"), value(2000), Some(10))),
        Ok(Some(1))
    );
    assert_eq!(
        poll(store.create(key("2"), value(2000), Some(20))),
        Err(TaskStoreError::Full)
    );
    assert_eq!(
        poll(store.create(key("2"), value(500), Some(20))),
        Ok(Some(1))
    );
    assert_eq!(
        poll(store.save(key("2"), value(1500), 1, Some(20))),
        Err(TaskStoreError::Full)
    );
    assert_eq!(
        poll(store.save(key("2"), value(0), 1, Some(15))),
        Ok(Some(2))
    );
    poll(store.remove_expired(10)).unwrap();
    assert_eq!(store.usage().0, 1);
    poll(store.remove_expired(15)).unwrap();
    assert_eq!(store.usage(), (0, 0));
}

#[test]
fn lists_begin_behind_what_was_listed() {
    let store = MemoryTasks::new();
    for (owner, id) in [("ann", "1"), ("ann", "3"), ("ann", "2"), ("bob", "1")] {
        poll(store.create(TaskKey::new(owner, id), "".into(), None)).unwrap();
    }
    let list = |after, most| poll(store.list("ann", after, most)).unwrap();
    assert_eq!(list(None, 2), [Box::from("1"), Box::from("2")]);
    assert_eq!(list(Some("2"), 2), [Box::from("3")]);
    assert!(list(Some("3"), 2).is_empty());
}
