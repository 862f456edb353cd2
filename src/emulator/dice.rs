//! The emulator's only source of chance: seeded, so that the same calls at the same times give the same world.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// A seeded generator of MediaLive's times
///
/// It is kept in the state file by seed, stream and position, so a restarted emulator continues where it stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Position", try_from = "Position")]
pub struct Dice {
    seed: u64,
    rng: ChaCha8Rng,
}

/// The state of a generator, in a form that JSON can hold
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Position {
    seed: u64,
    stream: u64,
    /// A string, as JSON's numbers end at 64 bits and this one does not
    word: String,
}

impl From<Dice> for Position {
    fn from(dice: Dice) -> Self {
        Self {
            seed: dice.seed,
            stream: dice.rng.get_stream(),
            word: dice.rng.get_word_pos().to_string(),
        }
    }
}

impl TryFrom<Position> for Dice {
    type Error = std::num::ParseIntError;

    fn try_from(position: Position) -> Result<Self, Self::Error> {
        let mut dice = Self::new(position.seed, position.stream);
        dice.rng.set_word_pos(position.word.parse()?);
        Ok(dice)
    }
}

impl Dice {
    /// A generator for `seed`; streams of one seed are independent of each other
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self { seed, rng }
    }

    /// How long STARTING lasts, in MediaLive's own time
    ///
    /// "Most channels start in 3 minutes or less, but a startup time up to 10 minutes is still normal" (MediaLive
    /// user guide, starting-stopping-deleting-a-channel); one public event sample shows 131 s.
    pub fn start(&mut self) -> Duration {
        match self.rng.random_range(0..100) {
            0..90 => self.between(120, 180),
            90..98 => self.between(180, 300),
            _ => self.between(300, 600),
        }
    }

    /// How long STOPPING lasts; the service's own waiter gives up after 300 s (botocore, `ChannelStopped`)
    pub fn stop(&mut self) -> Duration {
        self.between(30, 90)
    }

    /// How long UPDATING lasts: some seconds, up to a minute (third parties wait up to 90 s; unconfirmed)
    pub fn update(&mut self) -> Duration {
        if self.chance(0.8) {
            self.between(3, 15)
        } else {
            self.between(15, 60)
        }
    }

    /// How long CREATING lasts: mostly within the 15 s that the `ChannelCreated` waiter grants, at most 90 s
    pub fn create(&mut self) -> Duration {
        if self.chance(0.95) {
            self.between(3, 12)
        } else {
            self.between(12, 90)
        }
    }

    /// How long DELETING lasts
    pub fn delete(&mut self) -> Duration {
        self.between(10, 60)
    }

    /// How long RECOVERING lasts when nothing else is asked for
    pub fn recover(&mut self) -> Duration {
        self.between(20, 120)
    }

    /// How long an input takes to be created or deleted; about 1.5 s seen by a third party (aws-bench)
    pub fn input(&mut self) -> Duration {
        Duration::from_millis(self.rng.random_range(800..2_500))
    }

    /// How long a router's resource takes to be made or deleted, and an output or input to stop
    ///
    /// Nothing is published of MediaConnect's routers but its waiters, which give each change two minutes (botocore, 3 s × 40).
    pub fn router_change(&mut self) -> Duration {
        self.between(4, 20)
    }

    /// How long a router output or input takes to start: mostly well below the two minutes that its waiter grants
    pub fn router_start(&mut self) -> Duration {
        if self.chance(0.9) {
            self.between(8, 40)
        } else {
            self.between(40, 110)
        }
    }

    /// How long a router output stays ROUTING
    pub fn route(&mut self) -> Duration {
        Duration::from_millis(self.rng.random_range(500..4_000))
    }

    /// True with this probability (0 to 1)
    pub fn chance(&mut self, probability: f64) -> bool {
        self.rng.random::<f64>() < probability
    }

    /// One of `0..count`; 0 when there is nothing to choose from
    pub fn pick(&mut self, count: usize) -> usize {
        if count == 0 {
            0
        } else {
            self.rng.random_range(0..count)
        }
    }

    /// Six letters and digits, as MediaLive names an output that came without a name
    pub fn name(&mut self) -> String {
        self.letters(6)
    }

    /// So many letters and digits
    pub fn letters(&mut self, count: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        (0..count)
            .map(|_| char::from(LETTERS[self.pick(LETTERS.len())]))
            .collect()
    }

    fn between(&mut self, from_seconds: u64, to_seconds: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(from_seconds * 1_000..to_seconds * 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_starts_take_two_to_three_minutes_and_none_more_than_ten() {
        let mut dice = Dice::new(1, 0);
        let starts: Vec<_> = (0..1_000).map(|_| dice.start().as_secs()).collect();
        assert!(starts.iter().all(|seconds| (120..600).contains(seconds)));
        assert!(starts.iter().filter(|seconds| **seconds < 180).count() > 850);
    }

    #[test]
    fn a_generator_read_back_goes_on_where_it_stopped() {
        let mut dice = Dice::new(7, 3);
        dice.start();
        let text = serde_json::to_string(&dice).unwrap();
        let mut copy: Dice = serde_json::from_str(&text).unwrap();
        assert_eq!(dice.start(), copy.start());
        assert_eq!(dice.name(), copy.name());
    }
}
