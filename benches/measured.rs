//! CPU time and memory of this process.

use rustix::time::{ClockId, clock_gettime};

/// The nanoseconds of CPU that something takes this thread.
pub fn cpu(run: impl FnOnce()) -> u64 {
    let spent = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).expect("it only grows")
    };
    let before = spent();
    run();
    spent() - before
}

/// How many times the CPU of `other` it takes `one`: the ratio of the medians of runs that take turns,
/// each of so many rounds.
pub fn median_ratio(rounds: usize, one: &mut impl FnMut(), other: &mut impl FnMut()) -> f64 {
    const RUNS: usize = 15;
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    one();
    other();
    for _ in 0..RUNS {
        ones.push(cpu(|| (0..rounds).for_each(|_| one())));
        others.push(cpu(|| (0..rounds).for_each(|_| other())));
    }
    ones.sort_unstable();
    others.sort_unstable();
    ones[RUNS / 2] as f64 / others[RUNS / 2] as f64
}

/// How many bytes of this process are in memory, as Linux says.
pub fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second number is that") * rustix::param::page_size() as u64
}
