//! How long to wait after failures in a row. The only file that uses the crate `backoff`.
//!
//! Each delay is drawn from the half around an exponentially growing one, so that channels that failed together do
//! not come back together. The draw comes from the caller's generator: the crate's own randomness is switched off.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use rand::Rng;

/// First delay.
const FIRST: Duration = Duration::from_secs(2);

/// Longest delay: after a repair of a channel an operator waits at most this long.
const LONGEST: Duration = Duration::from_mins(5);

/// Failures in a row of one thing.
#[derive(Debug)]
pub(crate) struct Backoff {
    delays: ExponentialBackoff,
    failures: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        let delays = ExponentialBackoff {
            current_interval: FIRST,
            initial_interval: FIRST,
            randomization_factor: 0.0,
            multiplier: 2.0,
            max_interval: LONGEST,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Self { delays, failures: 0 }
    }
}

impl Backoff {
    /// Takes note of a failure and gives the delay before the next try.
    pub(crate) fn fail(&mut self, random: &mut impl Rng) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let delay = self.delays.next_backoff().unwrap_or(LONGEST);
        delay.mul_f64(random.random_range(0.75..1.25))
    }

    /// How many failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_differ_by_a_quarter_at_most() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut backoff = Backoff::default();
        for failure in 0..12_u32 {
            let middle = FIRST
                .mul_f64(2_f64.powi(failure.min(20).cast_signed()))
                .min(LONGEST);
            let delay = backoff.fail(&mut random);
            assert!(
                delay >= middle.mul_f64(0.74) && delay <= middle.mul_f64(1.26),
                "{failure}: {delay:?}"
            );
        }
        assert_eq!(backoff.failures(), 12);
    }
}
