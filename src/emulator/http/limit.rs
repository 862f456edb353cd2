//! The account's rate limits, one for each service.

use tokio::time::Instant;

use crate::emulator::request::Operation;

/// "20 TPS steady, 40 burst" for the account (MediaLive user guide, eml-limitations-and-rules)
const MEDIALIVE: Rate = Rate {
    per_second: 20.0,
    burst: 40.0,
};

/// 5 calls a second, 30 at once, for all that the emulator serves of MediaConnect (MediaConnect user guide, quotas)
const MEDIACONNECT: Rate = Rate {
    per_second: 5.0,
    burst: 30.0,
};

#[derive(Debug, Clone, Copy)]
struct Rate {
    per_second: f64,
    burst: f64,
}

/// What each service still takes
#[derive(Debug)]
pub(in crate::emulator) struct Buckets {
    medialive: Bucket,
    mediaconnect: Bucket,
}

impl Buckets {
    pub(in crate::emulator) fn full() -> Self {
        Self {
            medialive: Bucket::full(MEDIALIVE),
            mediaconnect: Bucket::full(MEDIACONNECT),
        }
    }

    /// Takes a token for a call; false if there is none
    pub(in crate::emulator) fn take(&mut self, operation: Operation) -> bool {
        match operation {
            Operation::Router(_) => self.mediaconnect.take(),
            _ => self.medialive.take(),
        }
    }
}

/// A token bucket on the client's clock: a sped-up emulator does not take more calls per second
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn full(rate: Rate) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            filled: Instant::now(),
        }
    }

    fn take(&mut self) -> bool {
        let now = Instant::now();
        let gained = now.duration_since(self.filled).as_secs_f64() * self.rate.per_second;
        self.tokens = (self.tokens + gained).min(self.rate.burst);
        self.filled = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn mediaconnect_has_a_limit_of_its_own() {
        let mut buckets = Buckets::full();
        let mut taken = |operation| (0..100).filter(|_| buckets.take(operation)).count();
        let list = Operation::Router(crate::emulator::mediaconnect::Operation::ListRouterOutputs);
        assert_eq!((taken(list), taken(Operation::ListChannels)), (30, 40));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((taken(list), taken(Operation::ListChannels)), (5, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn forty_at_once_then_twenty_a_second() {
        let mut bucket = Bucket::full(MEDIALIVE);
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 40);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 20);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 40);
    }
}
