//! What a client's user chooses: the session's configuration, and how long its calls may take.

use std::time::Duration;

use mcp_proto::model::capability::ClientCapabilities;
use mcp_proto::model::subscription::SubscriptionFilter;
use mcp_proto::session::{CallOptions, ClientConfig, EraPolicy, Timeout, Timeouts};

use super::end::{Common, duration, limits, revisions};
use super::random::Random;

pub fn config(random: &mut Random, common: &mut Common) -> ClientConfig {
    let era = [
        EraPolicy::Auto,
        EraPolicy::Auto,
        EraPolicy::Legacy,
        EraPolicy::Modern,
        EraPolicy::AssumeModern,
    ][random.below(5)];
    let mut can = ClientCapabilities::new();
    if random.below(8) > 0 {
        can = can.roots(true).sampling().elicitation_form();
    }
    if random.below(8) > 0 {
        can = can.sampling_tools().elicitation_url();
    }
    let mut subscriptions = Vec::new();
    if random.below(4) == 0 {
        subscriptions.push(
            SubscriptionFilter::new()
                .tools_list_changed(true)
                .resource_subscriptions(["a:b"]),
        );
    }
    let mut limits = limits(random, &mut common.marks);
    if random.below(3) == 0 {
        limits.input_rounds = 1;
    }
    ClientConfig::new("client", "1")
        .era(era)
        .revisions(revisions(random))
        .capabilities(can)
        .subscriptions(subscriptions)
        .timeouts(timeouts(random))
        .limits(limits)
}

fn timeouts(random: &mut Random) -> Timeouts {
    if random.below(2) == 0 {
        return Timeouts::default();
    }
    let bound = |random: &mut Random| (random.below(8) > 0).then(|| duration(random));
    let (idle, total, input) = (bound(random), bound(random), bound(random));
    let mut timeouts = Timeouts::default().idle(idle).total(total).input(input);
    if random.below(12) == 0 {
        timeouts = timeouts.opening(duration(random) * 4);
    }
    if random.below(12) == 0 {
        timeouts = timeouts.probe(duration(random)).handshake(duration(random));
    }
    timeouts
}

/// Options for a call, and how long its two clocks run with them.
pub fn options(
    random: &mut Random,
    timeouts: &Timeouts,
) -> (CallOptions<'static>, [Option<Duration>; 2]) {
    let progress = random.below(2) == 0;
    let timeout = |random: &mut Random| match random.below(12) {
        0 => Timeout::Never,
        1 => Timeout::After(Duration::MAX),
        2 => Timeout::After(duration(random)),
        _ => Timeout::Inherit,
    };
    let (idle, total) = (timeout(random), timeout(random));
    // The idle clock stands still while the client's user owes an answer, which it gives in the end.
    let runs = |timeout, inherited: Option<Duration>| match timeout {
        Timeout::Inherit => inherited,
        Timeout::After(duration) => Some(duration),
        _ => None,
    };
    let clocks = [runs(idle, timeouts.idle), runs(total, timeouts.total)];
    let options = CallOptions::new()
        .progress(progress)
        .idle(idle)
        .total(total);
    (options, clocks)
}
