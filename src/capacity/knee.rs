//! Where response times begin to cost more than throughput gains.

/// A rate that held: what was done per second, and how long it took on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub rate: f64,
    pub response_ms: f64,
}

/// The rate of the greatest *power*: throughput divided by mean response time. Up to there more load is worth
/// more than it costs in time; beyond, response times grow faster than throughput (Kleinrock, "Power and
/// deterministic rules of thumb for probabilistic problems in computer communications", ICC 1979).
///
/// None with fewer than three rates.
pub fn knee(points: &[Point]) -> Option<Point> {
    let known: Vec<&Point> =
        points.iter().filter(|point| point.response_ms > 0.0 && point.rate > 0.0).collect();
    if known.len() < 3 {
        return None;
    }
    let power = |point: &Point| point.rate / point.response_ms;
    known.into_iter().max_by(|a, b| power(a).total_cmp(&power(b))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(response_ms: impl Fn(f64) -> f64) -> Vec<Point> {
        (1..20)
            .map(|part| f64::from(part) * 5.0)
            .map(|rate| Point { rate, response_ms: response_ms(rate) })
            .collect()
    }

    /// A single server with random arrivals and service: the response time is s / (1 − ρ), and power is
    /// greatest at half of its capacity.
    #[test]
    fn of_a_queue_it_is_half_the_capacity() {
        let knee = knee(&curve(|rate| 10.0 / (1.0 - rate / 100.0))).unwrap();
        assert!((knee.rate - 50.0).abs() < 1e-9, "{knee:?}");
    }

    #[test]
    fn without_queueing_it_is_the_limit_itself() {
        assert!((knee(&curve(|_| 10.0)).unwrap().rate - 95.0).abs() < 1e-9);
    }

    #[test]
    fn a_few_rates_have_none() {
        assert_eq!(knee(&curve(|_| 10.0)[..2]), None);
        assert_eq!(knee(&curve(|_| 0.0)), None);
    }
}
