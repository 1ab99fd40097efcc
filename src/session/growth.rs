//! How the buffers and lists of a session grow and shrink, so that what is allocated stays close to
//! what is counted: [`Limits::total`](crate::Limits::total) allows for a quarter more.
//!
//! Rules of this file: what grows grows by an eighth, not by doubling, unless it is small; what has room
//! for more than a quarter beyond what it holds gives it back, unless that is little. Either costs a fixed amount for each element on
//! average, since the two are an eighth apart.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "a list has at most `isize::MAX` bytes, so that a quarter more is a number still"
)]

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use smallvec::{Array, SmallVec};

/// By how much more than `len` something may grow at once.
const fn step(len: usize) -> usize {
    match len {
        0..4 => 4,
        4..SMALL => len,
        _ => len / 8,
    }
}

/// Up to so many elements doubling costs less than it saves.
const SMALL: usize = 64;

/// Whether so much room is to be given back.
const fn is_too_much(capacity: usize, len: usize) -> bool {
    capacity > len + len / 4 + SMALL
}

/// Makes room for one more element.
#[inline]
pub(super) fn make_room<A: Array>(list: &mut SmallVec<A>) {
    if list.len() == list.capacity() {
        list.reserve_exact(step(list.len()));
    }
}

/// Makes room for one more element.
#[inline]
pub(super) fn make_room_at_end<T>(queue: &mut VecDeque<T>) {
    if queue.len() == queue.capacity() {
        queue.reserve_exact(step(queue.len()));
    }
}

/// Gives back room that a burst has needed; all of it when nothing is left.
#[inline]
pub(super) fn give_back<A: Array>(list: &mut SmallVec<A>) {
    if !list.spilled() {
        return;
    }
    if list.is_empty() {
        *list = SmallVec::new();
    } else if is_too_much(list.capacity(), list.len()) {
        list.shrink_to_fit();
    }
}

/// Gives back what a buffer has room for beyond an eighth of what it holds and `slack` bytes. Over
/// the life of a buffer that only grows this costs a fixed amount for each byte.
#[inline]
pub(super) fn trim(buffer: &mut Vec<u8>, slack: usize) {
    let most = buffer.len() + buffer.len() / 8;
    if buffer.capacity() > most + slack {
        buffer.shrink_to(most);
    }
}
