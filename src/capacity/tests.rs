//! The search and what it goes by, on queues that are simulated: their capacity is known.

use std::collections::BinaryHeap;

use super::*;
use crate::result::{RunResult, sample_result};
use crate::template::Random;

/// So many servers behind one queue.
#[derive(Debug, Clone, Copy)]
struct Queue {
    servers: usize,
    /// Mean time to serve one, in seconds.
    service: f64,
    /// Whether arrivals and services are random (exponential), or all alike.
    random: bool,
    /// The objective: the 95th percentile of response times, in seconds.
    p95: f64,
}

/// The least of a heap of times.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Free(f64);

impl Eq for Free {}

impl PartialOrd for Free {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Free {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl Queue {
    /// What a load of this rate comes to, as a run would record it.
    fn load(self, rate: f64, seconds: usize, seed: u64) -> RunResult {
        let mut random = Random::of_iteration(seed, 0, 0, 0);
        let mut draw = |mean: f64| if self.random { mean * random.exponential() } else { mean };
        let mut free: BinaryHeap<Free> = (0..self.servers).map(|_| Free(0.0)).collect();
        let (mut at, mut stays) = (0.0, Vec::new());
        loop {
            at += draw(1.0 / rate);
            if at >= seconds as f64 {
                break;
            }
            let Free(soonest) = free.pop().unwrap();
            let end = at.max(soonest) + draw(self.service);
            free.push(Free(end));
            stays.push((at, end));
        }
        let mut times: Vec<f64> = stays.iter().map(|(from, to)| to - from).collect();
        times.sort_by(f64::total_cmp);
        let p95 = times.get(times.len() * 95 / 100).copied();
        let mut result = sample_result();
        result.load_s = seconds as f64;
        let mut users = vec![0; seconds];
        for (from, to) in &stays {
            let ends = from.floor() as usize + 1..=to.floor() as usize;
            ends.for_each(|second| users.get_mut(second - 1).into_iter().for_each(|users| *users += 1));
        }
        result.series.users = users;
        result.thresholds.truncate(1);
        result.thresholds[0].observed = p95;
        result.thresholds[0].met = p95.is_some_and(|p95| p95 < self.p95);
        result
    }

    /// The rate that a search finds, and how many tries it takes.
    fn searched(self, from: f64, seed: u64) -> (Found, usize) {
        let mut search = Search::new(Bounds { from, least: 0.1, most: 1e5, precision: 0.03, curve: true });
        let mut tries = 0;
        loop {
            match search.next() {
                Next::Done(found) => return (found, tries),
                Next::Try { rate, purpose } => {
                    tries += 1;
                    let seconds = if purpose == Purpose::Confirm { 60 } else { 10 };
                    let result = self.load(rate, seconds, seed.wrapping_add(tries as u64));
                    search.answer(judge(&result, rate).answer);
                }
            }
        }
    }
}

fn near(found: Found, capacity: f64, by: f64) -> bool {
    matches!(found, Found::Limit { holds, .. } if (holds / capacity - 1.0).abs() <= by)
}

#[test]
fn servers_of_a_fixed_time_are_found_to_within_a_twentieth() {
    for (servers, service, from) in
        [(1, 0.01, 10.0), (4, 0.02, 50.0), (8, 0.1, 10.0), (3, 0.25, 1.0), (16, 0.008, 900.0)]
    {
        let queue = Queue { servers, service, random: false, p95: service * 5.0 };
        let (found, tries) = queue.searched(from, 1);
        let capacity = servers as f64 / service;
        assert!(near(found, capacity, 0.05), "{found:?} of {capacity}");
        assert!(tries < 40, "{tries} tries");
    }
}

/// With random arrivals and services the objective breaks before the queue grows without end. The 95th percentile
/// of a single server's response times is ln 20 / (μ − λ), so that the rate is known at which it is the objective.
#[test]
fn a_random_queue_is_found_where_its_objective_breaks() {
    for seed in 0..5 {
        let queue = Queue { servers: 1, service: 0.002, random: true, p95: 0.05 };
        let (found, _) = queue.searched(50.0, seed * 1000);
        let expected = 1.0 / 0.002 - 20.0_f64.ln() / 0.05;
        assert!(near(found, expected, 0.06), "{found:?} for {expected}");
    }
}

/// Without an objective that breaks, what piles up is the limit.
#[test]
fn a_queue_without_an_objective_is_found_by_what_piles_up() {
    let queue = Queue { servers: 4, service: 0.02, random: false, p95: f64::INFINITY };
    let (found, _) = queue.searched(20.0, 1);
    assert!(near(found, 200.0, 0.05), "{found:?}");
}
