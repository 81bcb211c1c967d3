//! The statistics move by themselves: a random walk that stays near where it started.

use std::hash::{BuildHasher, RandomState};

use crate::data::{Dashboard, Statistic, Unit};

/// How many values the small charts show.
pub(crate) const RECENT: usize = 24;
/// How far a value moves in one step, and how strongly it is drawn home, relative to where it started.
const STEP: f64 = 0.02;
const HOME: f64 = 0.05;

/// Where the randomness of one dashboard comes from.
#[derive(Debug)]
pub(crate) struct Noise(u64);

impl Noise {
    /// Noise that differs each time.
    pub(crate) fn new() -> Noise {
        // The standard library seeds its hash maps at random: enough for numbers that only have to look alive.
        Noise(RandomState::new().hash_one("noise"))
    }

    /// The same noise for the same seed.
    pub(crate) fn seeded(seed: u64) -> Noise {
        Noise(seed)
    }

    /// The next number, from -1 to 1 (SplitMix64).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper 53 bits are what a f64 holds exactly.
        (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

impl Dashboard {
    /// Moves every statistic one step.
    pub(crate) fn move_statistics(&mut self, noise: &mut Noise) {
        for statistic in self.statistics.values_mut() {
            statistic.step(noise);
        }
    }
}

impl Statistic {
    /// A statistic with a past, so that its chart is not empty at first.
    pub(crate) fn new(label: &str, unit: Unit, color: &str, baseline: f64, noise: &mut Noise) -> Statistic {
        let mut statistic = Statistic {
            label: label.to_owned(),
            value: baseline,
            unit,
            color: color.to_owned(),
            change: 0.0,
            baseline,
            recent: Vec::with_capacity(RECENT + 1),
        };
        for _ in 0..RECENT {
            statistic.step(noise);
        }
        statistic
    }

    fn step(&mut self, noise: &mut Noise) {
        let moved = self.value + self.baseline * STEP * noise.next() + (self.baseline - self.value) * HOME;
        self.value = match self.unit {
            Unit::Currency => (moved * 100.0).round() / 100.0,
            Unit::Number => moved.round(),
            Unit::Percentage => (moved * 100.0).round() / 100.0,
        };
        // To one digit, as it is shown; and never -0.
        self.change = ((self.value / self.baseline - 1.0) * 1000.0).round() / 10.0 + 0.0;
        self.recent.push(self.value);
        if self.recent.len() > RECENT {
            self.recent.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statistic_stays_near_where_it_started() {
        let mut noise = Noise::seeded(1);
        let mut statistic = Statistic::new("Revenue", Unit::Currency, "blue", 1000.0, &mut noise);
        for _ in 0..10_000 {
            statistic.step(&mut noise);
            assert!((600.0..1400.0).contains(&statistic.value), "{}", statistic.value);
            assert_eq!(statistic.recent.len(), RECENT);
        }
        assert_eq!(statistic.recent.last(), Some(&statistic.value));
    }

    #[test]
    fn the_change_is_against_the_last_period() {
        let mut noise = Noise::seeded(2);
        let statistic = Statistic::new("Orders", Unit::Number, "green", 200.0, &mut noise);
        assert_eq!(statistic.value.fract(), 0.0);
        assert!((statistic.change - (statistic.value - 200.0) / 2.0).abs() < 0.051);
    }

    #[test]
    fn noise_has_no_side() {
        let mut noise = Noise::seeded(3);
        let sum: f64 = (0..100_000).map(|_| noise.next()).sum();
        assert!(sum.abs() < 1000.0, "{sum}");
    }
}
