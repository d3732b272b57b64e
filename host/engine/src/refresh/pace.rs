//! How many reads each plugin has under way: more while its cloud answers, half as many when it refuses.
//!
//! One more for every round of answers and half at a refusal is what lets many share a line without knowing of each
//! other. Plugins take turns and keep places for each other, so that neither one with many objects nor a slow one keeps
//! the others waiting.

use crate::shares::Shares;

/// How many reads a plugin may have under way at first.
const FIRST: f64 = 8.0;

/// One plugin's share.
#[derive(Debug, Clone, PartialEq)]
struct Lane {
    limit: f64,
    under_way: usize,
    /// How many answers are still of reads that were sent before the last refusal: those refusals say nothing new.
    before_refusal: usize,
}

/// The shares of all plugins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pace {
    lanes: Vec<Lane>,
    /// How many reads there may be under way in all.
    most: usize,
    shares: Shares,
    turn: usize,
}

/// How a read ended, for the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was answered, or failed for another reason.
    Answered,
    /// It was refused: too many.
    Refused,
}

impl Pace {
    /// Makes a pace for a number of plugins.
    pub(crate) fn new(plugins: usize, most: usize) -> Self {
        let most = most.max(1);
        let first = FIRST.min(whole(most));
        Self {
            lanes: vec![
                Lane {
                    limit: first,
                    under_way: 0,
                    before_refusal: 0,
                };
                plugins
            ],
            most,
            shares: Shares::new(most, plugins),
            turn: 0,
        }
    }

    /// Returns the plugin whose turn it is among those that have something to read, and counts its read.
    pub(crate) fn next(&mut self, has_work: impl Fn(usize) -> bool) -> Option<usize> {
        let count = self.lanes.len();
        let chosen = (0..count).map(|step| (self.turn + step) % count).find(|lane| {
            let free = self
                .lanes
                .get(*lane)
                .is_some_and(|lane| whole(lane.under_way) < lane.limit.floor());
            free && self.shares.has_room(*lane) && has_work(*lane)
        })?;
        self.turn = chosen + 1;
        self.shares.take(chosen);
        if let Some(lane) = self.lanes.get_mut(chosen) {
            lane.under_way += 1;
        }
        Some(chosen)
    }

    /// Takes note of how a read of a plugin ended.
    pub(crate) fn ended(&mut self, lane: usize, how: Ended) {
        let most = whole(self.most);
        self.shares.give_back(lane);
        let Some(lane) = self.lanes.get_mut(lane) else {
            return;
        };
        lane.under_way = lane.under_way.saturating_sub(1);
        let sent_before = lane.before_refusal > 0;
        lane.before_refusal = lane.before_refusal.saturating_sub(1);
        match how {
            Ended::Answered => lane.limit = (lane.limit + 1.0 / lane.limit).min(most),
            Ended::Refused if sent_before => {}
            Ended::Refused => {
                lane.limit = (lane.limit / 2.0).max(1.0);
                lane.before_refusal = lane.under_way;
            }
        }
    }

    /// Leaves to the others what was kept for a plugin that has nothing to read any more and nothing under way.
    pub(crate) fn finish(&mut self, lane: usize) {
        self.shares.finish(lane);
    }

    #[cfg(test)]
    fn under_way(&self) -> usize {
        self.shares.taken()
    }

    #[cfg(test)]
    fn limit(&self, lane: usize) -> f64 {
        self.lanes[lane].limit
    }
}

#[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 reads under way")]
fn whole(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_make_it_faster_and_a_refusal_halves_it() {
        let mut pace = Pace::new(1, 100);
        for _ in 0..2_000 {
            pace.next(|_| true).unwrap();
            pace.ended(0, Ended::Answered);
        }
        let before = pace.limit(0);
        assert!(before > 50.0, "{before}");
        while pace.next(|_| true).is_some() {}
        let under_way = pace.under_way();
        // All that were under way together are refused: that is one refusal.
        for _ in 0..under_way {
            pace.ended(0, Ended::Refused);
        }
        assert!((pace.limit(0) - before / 2.0).abs() < 0.01, "{}", pace.limit(0));
        pace.next(|_| true).unwrap();
        pace.ended(0, Ended::Refused);
        assert!((pace.limit(0) - before / 4.0).abs() < 0.01);
        for _ in 0..100 {
            pace.next(|_| true).unwrap();
            pace.ended(0, Ended::Answered);
        }
        assert!(pace.limit(0) > before / 4.0 + 2.0, "it recovers");
    }

    #[test]
    fn plugins_take_turns_and_a_slow_one_keeps_nobody_waiting() {
        let mut pace = Pace::new(3, 6);
        let turns: Vec<usize> = std::iter::from_fn(|| pace.next(|_| true)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
        // The first is refused again and again; the others have all the rest.
        let mut pace = Pace::new(3, 6);
        for _ in 0..9 {
            if pace.next(|lane| lane == 0).is_some() {
                pace.ended(0, Ended::Refused);
            }
        }
        let mut turns: Vec<usize> = std::iter::from_fn(|| pace.next(|_| true)).collect();
        turns.sort_unstable();
        assert_eq!(turns, [0, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn a_plugin_whose_reads_never_end_leaves_places_for_another_until_that_has_finished() {
        let mut pace = Pace::new(2, 8);
        let turns: Vec<usize> = std::iter::from_fn(|| pace.next(|lane| lane == 0)).collect();
        assert_eq!(turns.len(), 6);
        let turns: Vec<usize> = std::iter::from_fn(|| pace.next(|_| true)).collect();
        assert_eq!(turns, [1, 1]);
        pace.ended(1, Ended::Answered);
        pace.ended(1, Ended::Answered);
        pace.finish(1);
        let turns: Vec<usize> = std::iter::from_fn(|| pace.next(|lane| lane == 0)).collect();
        assert_eq!(turns, [0, 0]);
    }

    proptest! {
        #[test]
        fn limits_hold_whatever_happens(most in 1_usize..40, plugins in 1_usize..5, events in prop::collection::vec((0_usize..5, 0_u8..4), 0..300)) {
            let mut pace = Pace::new(plugins, most);
            for (lane, event) in events {
                let lane = lane % plugins;
                match event {
                    0 | 1 => { pace.next(|other| other == lane); }
                    2 if pace.lanes[lane].under_way > 0 => pace.ended(lane, Ended::Answered),
                    3 if pace.lanes[lane].under_way > 0 => pace.ended(lane, Ended::Refused),
                    _ => {}
                }
                prop_assert!(pace.under_way() <= most);
                prop_assert!(pace.limit(lane) >= 1.0 && pace.limit(lane) <= whole(most).max(1.0));
            }
            // Nobody is shut out for good.
            for lane in 0..plugins {
                while pace.lanes[lane].under_way > 0 { pace.ended(lane, Ended::Refused); }
            }
            for lane in 0..plugins {
                prop_assert_eq!(pace.clone().next(|other| other == lane), Some(lane));
            }
        }
    }
}
