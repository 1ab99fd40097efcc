//! One contract for all adapters: the same list of behaviours against each. A new adapter says in
//! `adapters.rs` how it is put between a session and a peer, and joins the list at the end of this
//! file.

pub mod adapters;
mod ending;
mod flow;
mod timing;
mod user;

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use mcp_proto::io::Handle;
use mcp_proto::session::Session;

#[cfg(all(feature = "child", unix))]
pub use adapters::poll_for;

/// What an adapter's next event may be: an event, the end, or what a stream failed with.
type Next<E> = std::io::Result<Option<E>>;
/// Waits for the next event, for ever or for so long.
type Wait<E> = Box<dyn FnMut(Option<Duration>) -> Option<Next<E>> + Send>;

/// How an adapter is put between a session and a peer.
pub trait Adapter {
    fn connect<S>(session: S) -> Connected<S>
    where
        S: Session<Event: Send> + Send + 'static;
}

/// A connection, and the peer's ends of its two pipes. Dropping a field drops what it stands for.
pub struct Connected<S: Session> {
    /// Waits for the next event, for ever or for so long; `None` when none came in time. An adapter
    /// that is driven by futures drops one and makes another for each call.
    pub next: Wait<S::Event>,
    pub handle: Handle<S>,
    pub from_us: Box<dyn Read + Send>,
    pub to_us: Box<dyn Write + Send>,
}

impl<S: Session> Connected<S> {
    pub fn next(&mut self) -> Next<S::Event> {
        (self.next)(None).expect("it waits for ever")
    }

    pub fn next_within(&mut self, time: Duration) -> Option<Next<S::Event>> {
        (self.next)(Some(time))
    }
}

/// Runs every behaviour against an adapter: framed as on stdio over pipes and sockets alike.
// `custom.bytestream`, `custom.may`
macro_rules! contract {
    ($adapter:ident: $($file:ident { $($behaviour:ident)* })*) => { $($(
        #[test]
        fn $behaviour() {
            support::thread::within(super::$file::$behaviour::<super::adapters::$adapter>);
        }
    )*)* };
}

/// What holds where a peer may stop reading and go on writing, which TCP doesn't tell of.
macro_rules! half_closing {
    ($adapter:ident) => {
        contract! { $adapter:
            ending {
                answers_that_the_user_has_not_room_for_survive_a_lost_write
            }
        }
    };
}

macro_rules! behaviours {
    ($($(#[$when:meta])* $module:ident: $adapter:ident $(+ $more:ident)?,)*) => { $(
        $(#[$when])*
        mod $module {
            contract! { $adapter:
                ending {
                    the_end_of_the_input_comes_after_all_that_was_sent_before
                    who_answers_in_turn_answers_all_that_came_before_the_end
                    what_is_pending_at_the_end_of_the_input_is_still_written
                    answers_that_came_before_a_lost_write_are_delivered
                    a_session_that_closes_itself_flushes_and_ends_the_output
                    closing_flushes_although_the_peer_is_busy_writing
                    a_slow_peer_that_talks_on_gets_all_that_was_written
                    half_a_line_at_the_end_is_told
                }
                flow {
                    frames_cross_in_both_directions_in_order
                    large_frames_cross_in_both_directions_at_once
                    lines_that_are_no_frames_cost_no_others
                    a_peer_that_does_not_read_stops_our_reading
                    a_user_who_takes_no_events_stops_our_reading
                    two_sessions_that_are_both_full_go_on
                }
                timing {
                    deadlines_fire_while_nothing_moves
                    deadlines_fire_while_frames_pour_in
                    deadlines_fire_while_writing_is_blocked
                    a_deadline_beyond_all_clocks_is_no_limit
                    a_deadline_that_stays_due_is_no_busy_loop
                    a_deadline_that_another_thread_sets_is_kept
                }
                user {
                    a_command_of_another_thread_wakes_who_waits
                    a_panic_in_a_command_costs_the_command
                    a_panic_in_the_session_ends_the_connection
                    dropping_the_connection_closes_the_session_and_the_output
                    dropping_a_wait_loses_nothing
                    a_handle_outlives_its_connection
                }
            }
            $($more! { $adapter })?
        }
    )* };
}

behaviours! {
    blocking: Blocking + half_closing,
    threaded: Threads + half_closing,
    tcp: Tcp,
    #[cfg(unix)]
    unix: Unix + half_closing,
    #[cfg(feature = "tokio")]
    tokio: Tokio + half_closing,
    #[cfg(feature = "tokio")]
    tokio_tcp: TokioTcp,
    #[cfg(all(feature = "tokio", unix))]
    tokio_unix: TokioUnix + half_closing,
    #[cfg(feature = "futures-io")]
    futures_io: FuturesIo + half_closing,
    #[cfg(all(feature = "child", unix))]
    child: Child + half_closing,
    #[cfg(all(feature = "child", unix))]
    child_async: ChildAsync + half_closing,
}

/// What waits for seconds and does nothing meanwhile is one test for all adapters, at once.
macro_rules! waiting {
    ($($behaviour:ident { $($(#[$when:meta])* $adapter:ident)* })*) => { $(
        #[test]
        fn $behaviour() {
            let mut all = Vec::new();
            $(
                $(#[$when])*
                all.push((stringify!($adapter), at_once(ending::$behaviour::<adapters::$adapter>)));
            )*
            for (adapter, one) in all {
                assert!(one.join().is_ok(), "{adapter}");
            }
        }
    )* };
}

fn at_once(behaviour: fn()) -> thread::JoinHandle<()> {
    support::thread::spawn(move || support::thread::within(behaviour))
}

waiting! {
    the_end_does_not_wait_for_ever_for_a_peer_that_does_not_read {
        Blocking
        Threads
        Tcp
        #[cfg(unix)]
        Unix
        #[cfg(feature = "tokio")]
        Tokio
        #[cfg(feature = "tokio")]
        TokioTcp
        #[cfg(all(feature = "tokio", unix))]
        TokioUnix
        #[cfg(feature = "futures-io")]
        FuturesIo
        #[cfg(all(feature = "child", unix))]
        Child
        #[cfg(all(feature = "child", unix))]
        ChildAsync
    }
    // TCP doesn't tell that a peer has stopped reading.
    a_peer_that_reads_no_more_but_talks_on_is_not_listened_to_for_ever {
        Blocking
        Threads
        #[cfg(unix)]
        Unix
        #[cfg(feature = "tokio")]
        Tokio
        #[cfg(all(feature = "tokio", unix))]
        TokioUnix
        #[cfg(feature = "futures-io")]
        FuturesIo
        #[cfg(all(feature = "child", unix))]
        Child
        #[cfg(all(feature = "child", unix))]
        ChildAsync
    }
}
