//! Properties of rounds of input: whatever is asked in whatever order, both eras behave alike.

use mcp_proto::Revision;
use mcp_proto::model::input::InputRequests;
use mcp_proto::model::method::ListRoots;
use mcp_proto::model::root::{ListRootsResult, Root};
use mcp_proto::session::{Request, Session};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use support::pair::Pair;

/// What a handler does in one of its runs: the keys it asks for, and the state it gives.
#[derive(Clone, Debug)]
struct Round {
    keys: Vec<String>,
    state: Option<String>,
}

fn round() -> impl Strategy<Value = Round> {
    let keys = btree_set(".{0,6}", 0..4).prop_map(|keys| keys.into_iter().collect::<Vec<_>>());
    let state = proptest::option::of(".{0,8}");
    (keys.prop_shuffle(), state).prop_map(|(keys, state)| Round {
        state: state.or_else(|| keys.is_empty().then(String::new)),
        keys,
    })
}

/// All that a handler can tell of a run.
fn seen(request: &Request, keys: &[String]) -> (Option<String>, Vec<Option<String>>, bool) {
    let answer = |key: &String| {
        let roots = request.input::<ListRoots>(key)?.unwrap().roots;
        Some(roots[0].uri.to_string())
    };
    let state = request.state().map(|state| state.to_string());
    let answers = keys.iter().map(answer).collect();
    (state, answers, request.has_inputs())
}

/// Lets a handler go through `rounds`, while the user answers each question with a number, in the
/// order it was asked or the other way round; what the handler saw in each run.
fn go_through(
    revision: Revision,
    rounds: &[Round],
    backwards: bool,
) -> Vec<(Option<String>, Vec<Option<String>>, bool)> {
    let all: Vec<String> = rounds.iter().flat_map(|round| round.keys.clone()).collect();
    let mut pair = Pair::open(revision);
    let call = pair.call_tool("x");
    let (mut runs, mut answered) = (Vec::new(), 0);
    for round in rounds {
        let asked = pair.request();
        runs.push(seen(&asked, &all));
        let keys = round.keys.iter();
        let requests = keys.fold(InputRequests::new(), |all, key| all.roots(key.clone()));
        pair.need(&asked, &requests, round.state.as_deref());
        let mut inputs: Vec<_> = round.keys.iter().map(|_| pair.input()).collect();
        let first = answered;
        answered += inputs.len();
        let mut numbers: Vec<_> = (first..answered).collect();
        if backwards {
            inputs.reverse();
            numbers.reverse();
        }
        for (input, number) in inputs.iter().zip(numbers) {
            assert!(
                pair.server_events.is_empty(),
                "a round isn't over before its end"
            );
            let root = Root::new(format!("file:///{number}"));
            pair.answer::<ListRoots>(input, &ListRootsResult::new(vec![root]));
        }
    }
    let asked = pair.request();
    runs.push(seen(&asked, &all));
    pair.reply_text(&asked, "done");
    assert_eq!(pair.text_of(call), "done");
    assert!(pair.is_quiet());
    assert_eq!(pair.client.open_calls() + pair.server.open_requests(), 0);
    assert_eq!(
        (pair.client.poll_timeout(), pair.server.poll_timeout()),
        (None, None)
    );
    runs
}

proptest! {
    #![proptest_config(support::cases(12, 64))]

    // `mrtr.client.gather`, `mrtr.client.onlylast`, `mrtr.state.absent`, `mrtr.isolation`
    #[test]
    fn a_handler_sees_the_same_in_either_era(rounds in vec(round(), 0..6), backwards: bool) {
        let newest = go_through(Revision::NEWEST, &rounds, backwards);
        for (round, run) in rounds.iter().zip(&newest[1..]) {
            prop_assert_eq!(&run.0, &round.state);
            prop_assert_eq!(run.2, !round.keys.is_empty());
        }
        for revision in Revision::ALL {
            prop_assert_eq!(&go_through(revision, &rounds, backwards), &newest);
        }
    }

    // `mrtr.state.echo`, `mrtr.state.opaque`, `mrtr.keys`
    #[test]
    fn any_state_and_any_key_come_back_as_they_were(state in ".*", keys in btree_set(".*", 1..4)) {
        let round = Round { keys: keys.into_iter().collect(), state: Some(state) };
        for revision in Revision::ALL {
            let runs = go_through(revision, std::slice::from_ref(&round), false);
            let answers: Vec<_> = (0..round.keys.len()).map(|n| Some(format!("file:///{n}"))).collect();
            prop_assert_eq!(&runs[1], &(round.state.clone(), answers, true));
        }
    }
}
