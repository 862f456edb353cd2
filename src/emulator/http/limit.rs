//! The account's rate limit.

use tokio::time::Instant;

/// "20 TPS steady, 40 burst" for the account (user guide, eml-limitations-and-rules)
const PER_SECOND: f64 = 20.0;
const BURST: f64 = 40.0;

/// A token bucket on the client's clock: a sped-up emulator does not take more calls per second
#[derive(Debug)]
pub(in crate::emulator) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(in crate::emulator) fn full() -> Self {
        Self {
            tokens: BURST,
            filled: Instant::now(),
        }
    }

    /// Takes a token; false if there is none
    pub(in crate::emulator) fn take(&mut self) -> bool {
        let now = Instant::now();
        let gained = now.duration_since(self.filled).as_secs_f64() * PER_SECOND;
        self.tokens = (self.tokens + gained).min(BURST);
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
    async fn forty_at_once_then_twenty_a_second() {
        let mut bucket = Bucket::full();
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 40);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 20);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!((0..100).filter(|_| bucket.take()).count(), 40);
    }
}
