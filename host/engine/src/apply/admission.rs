//! Which operation begins next.
//!
//! Providers take turns, and the types of one provider take turns among themselves. An operation whose provider's rate
//! limit has no room keeps its type waiting and nothing else: it is the first to begin when there is room. Every step
//! costs the same however many operations there are.

use std::collections::VecDeque;

use crate::shares::Shares;

/// The operations on one type of one provider that may begin, in order.
#[derive(Debug, Clone, Default)]
struct Lane {
    provider: usize,
    ready: VecDeque<usize>,
    /// The rate limit has no room: an operation of this lane waits for it.
    waits: bool,
}

/// One provider.
#[derive(Debug, Clone, Default)]
struct Provider {
    /// The lanes that have something to begin and do not wait, the next one first.
    turn: VecDeque<usize>,
    /// How many operations have not ended.
    left: usize,
}

/// The operations that may begin.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    lanes: Vec<Lane>,
    providers: Vec<Provider>,
    /// The providers that have something to begin, the next one first.
    turn: VecDeque<usize>,
    shares: Shares,
}

impl Admission {
    /// Makes lanes, each of a provider; `expected` names the lane of every operation that there will be. At most `places`
    /// operations are under way, waiting ones included.
    pub(crate) fn new(lanes: &[usize], expected: impl Iterator<Item = usize>, places: usize) -> Self {
        let mut providers = vec![Provider::default(); lanes.iter().max().map_or(0, |last| last + 1)];
        for lane in expected {
            if let Some(provider) = lanes.get(lane).and_then(|number| providers.get_mut(*number)) {
                provider.left += 1;
            }
        }
        let mut shares = Shares::new(places, providers.len());
        for (number, _) in providers.iter().enumerate().filter(|(_, of)| of.left == 0) {
            shares.finish(number);
        }
        let lane = |provider: &usize| Lane {
            provider: *provider,
            ..Lane::default()
        };
        Self {
            lanes: lanes.iter().map(lane).collect(),
            providers,
            turn: VecDeque::new(),
            shares,
        }
    }

    /// Adds an operation that may begin.
    pub(crate) fn push(&mut self, lane: usize, operation: usize) {
        let Some(of) = self.lanes.get_mut(lane) else {
            return;
        };
        of.ready.push_back(operation);
        if of.ready.len() == 1 && !of.waits {
            self.in_turn(lane);
        }
    }

    /// Takes the next operation that may begin, with its lane, and counts it as under way.
    pub(crate) fn next(&mut self) -> Option<(usize, usize)> {
        // One for which there is no place keeps its turn.
        let position = self
            .turn
            .iter()
            .position(|number| self.shares.has_room(*number))?;
        let number = self.turn.remove(position)?;
        let taken = self.first_of(number)?;
        self.shares.take(number);
        if self.providers.get(number).is_some_and(|of| !of.turn.is_empty()) {
            self.turn.push_back(number);
        }
        Some(taken)
    }

    fn first_of(&mut self, number: usize) -> Option<(usize, usize)> {
        let provider = self.providers.get_mut(number)?;
        let index = provider.turn.pop_front()?;
        let lane = self.lanes.get_mut(index)?;
        let operation = lane.ready.pop_front()?;
        if !lane.ready.is_empty() {
            provider.turn.push_back(index);
        }
        Some((index, operation))
    }

    /// Holds a lane back: the operation that was taken from it last waits for the rate limit.
    pub(crate) fn wait(&mut self, lane: usize) {
        let Some(of) = self.lanes.get_mut(lane) else {
            return;
        };
        of.waits = true;
        let number = of.provider;
        if let Some(provider) = self.providers.get_mut(number) {
            // A provider has some dozens of types.
            provider.turn.retain(|other| *other != lane);
            if provider.turn.is_empty() {
                self.turn.retain(|other| *other != number);
            }
        }
    }

    /// Lets a lane go on.
    pub(crate) fn go_on(&mut self, lane: usize) {
        let Some(of) = self.lanes.get_mut(lane) else {
            return;
        };
        let waited = std::mem::take(&mut of.waits);
        if waited && !of.ready.is_empty() {
            self.in_turn(lane);
        }
    }

    /// Takes an operation of any lane that will not begin any more; it is not under way.
    pub(crate) fn give_up(&mut self) -> Option<usize> {
        for number in 0..self.providers.len() {
            if let Some((_, operation)) = self.first_of(number) {
                return Some(operation);
            }
        }
        // What waits for the rate limit is not in any turn.
        let lane = self.lanes.iter_mut().find(|lane| !lane.ready.is_empty())?;
        lane.ready.pop_front()
    }

    /// Takes note that an operation that was under way is so no more.
    pub(crate) fn ended(&mut self, lane: usize) {
        if let Some(lane) = self.lanes.get(lane) {
            self.shares.give_back(lane.provider);
        }
    }

    /// Takes note that one of the operations that were expected is dealt with. Tells whether that was the last of its
    /// provider.
    pub(crate) fn dealt_with(&mut self, lane: usize) -> bool {
        let Some(number) = self.lanes.get(lane).map(|lane| lane.provider) else {
            return false;
        };
        let Some(provider) = self.providers.get_mut(number) else {
            return false;
        };
        provider.left = provider.left.saturating_sub(1);
        let last = provider.left == 0;
        if last {
            self.shares.finish(number);
        }
        last
    }

    /// Gives a lane that has something to begin its turn.
    fn in_turn(&mut self, lane: usize) {
        let Some(number) = self.lanes.get(lane).map(|lane| lane.provider) else {
            return;
        };
        if let Some(provider) = self.providers.get_mut(number) {
            provider.turn.push_back(lane);
            if provider.turn.len() == 1 {
                self.turn.push_back(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Makes lanes with all their operations ready; operation `n` of lane `l` is `1000 l + n`.
    fn full(lanes: &[usize], each: usize, places: usize) -> Admission {
        let expected = (0..lanes.len()).flat_map(|lane| std::iter::repeat_n(lane, each));
        let mut admission = Admission::new(lanes, expected, places);
        for lane in 0..lanes.len() {
            for number in 0..each {
                admission.push(lane, 1_000 * lane + number);
            }
        }
        admission
    }

    fn lanes_of(admission: &mut Admission, count: usize) -> Vec<usize> {
        std::iter::from_fn(|| admission.next())
            .take(count)
            .map(|(lane, _)| lane)
            .collect()
    }

    #[test]
    fn providers_take_turns_and_so_do_the_types_of_each() {
        // Three types of one provider, one of another.
        let mut admission = full(&[0, 0, 0, 1], 10, 100);
        assert_eq!(lanes_of(&mut admission, 8), [0, 3, 1, 3, 2, 3, 0, 3]);
    }

    #[test]
    fn operations_of_one_type_begin_in_order() {
        let mut admission = full(&[0], 5, 100);
        let begun: Vec<usize> = std::iter::from_fn(|| admission.next())
            .map(|(_, operation)| operation)
            .collect();
        assert_eq!(begun, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_type_that_waits_holds_back_neither_other_types_nor_other_providers() {
        let mut admission = full(&[0, 0, 1], 3, 100);
        assert_eq!(admission.next(), Some((0, 0)));
        admission.wait(0);
        assert_eq!(lanes_of(&mut admission, 100), [2, 1, 2, 1, 2, 1]);
        admission.go_on(0);
        assert_eq!(lanes_of(&mut admission, 100), [0, 0]);
    }

    #[test]
    fn a_provider_that_never_ends_anything_leaves_places_for_another() {
        let mut admission = full(&[0, 1], 50, 8);
        assert_eq!(lanes_of(&mut admission, 100), [0, 1, 0, 1, 0, 1, 0, 1]);
        // Only the second goes on; the first fills what is not kept for it, and no more.
        let mut begun = Vec::new();
        for _ in 0..40 {
            admission.ended(1);
            begun.extend(admission.next().map(|(lane, _)| lane));
        }
        assert_eq!(begun.iter().filter(|lane| **lane == 0).count(), 2);
        assert_eq!(begun.iter().filter(|lane| **lane == 1).count(), 38);
    }

    /// What can happen next.
    #[derive(Debug, Clone)]
    enum Happening {
        Begins,
        /// What was begun last has to wait for the rate limit.
        Waits,
        /// One of the lanes that wait goes on.
        GoesOn(usize),
        /// One of those under way ends.
        Ends(usize),
        /// An operation becomes ready.
        Ready(usize),
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let one = prop_oneof![
            4 => Just(Happening::Begins),
            1 => Just(Happening::Waits),
            1 => (0..10_usize).prop_map(Happening::GoesOn),
            2 => (0..100_usize).prop_map(Happening::Ends),
            4 => (0..10_usize).prop_map(Happening::Ready),
        ];
        prop::collection::vec(one, 0..400)
    }

    proptest! {
        #[test]
        fn what_waits_never_begins_places_hold_turns_are_fair_and_all_begin_in_the_end(
            lanes in prop::collection::vec(0_usize..4, 1..8),
            places in 1_usize..20,
            happenings in happenings(),
        ) {
            let readied: Vec<usize> = happenings.iter().filter_map(|happening| match happening {
                Happening::Ready(lane) => Some(lane % lanes.len()),
                _ => None,
            }).collect();
            let mut admission = Admission::new(&lanes, readied.iter().copied(), places);
            let mut left: Vec<usize> = readied.iter().map(|lane| lanes[*lane]).collect();
            let mut ready: Vec<VecDeque<usize>> = vec![VecDeque::new(); lanes.len()];
            let mut under_way: Vec<usize> = Vec::new();
            let mut waiting: BTreeSet<usize> = BTreeSet::new();
            let mut last = None;
            let mut begun = 0;
            let mut next = 0;
            // How often each provider began since another one, which could have begun all the time, last did.
            let mut passed_over = [[0_usize; 4]; 4];
            let end = std::iter::repeat_n([Happening::GoesOn(0), Happening::Begins, Happening::Ends(0)], 2_000).flatten();
            for happening in happenings.into_iter().chain(end) {
                match happening {
                    Happening::Ready(lane) => {
                        let lane = lane % lanes.len();
                        admission.push(lane, next);
                        ready[lane].push_back(next);
                        next += 1;
                    }
                    Happening::Begins => {
                        let could = |provider: usize| {
                            admission.shares.has_room(provider)
                                && (0..lanes.len()).any(|lane| lanes[lane] == provider && !ready[lane].is_empty() && !waiting.contains(&lane))
                        };
                        let able: Vec<bool> = (0..4).map(could).collect();
                        match admission.next() {
                            Some((lane, operation)) => {
                                prop_assert!(!waiting.contains(&lane), "lane {} waits", lane);
                                prop_assert_eq!(ready[lane].pop_front(), Some(operation));
                                under_way.push(lane);
                                begun += 1;
                                last = Some(lane);
                                let who = lanes[lane];
                                passed_over[who] = [0; 4];
                                for other in 0..4 {
                                    if able[other] && other != who {
                                        passed_over[other][who] += 1;
                                    } else {
                                        passed_over[other] = [0; 4];
                                    }
                                    prop_assert!(passed_over[other][who] <= 1, "{} began twice while {} could have", who, other);
                                }
                            }
                            None => prop_assert!(!able.contains(&true), "something could have begun"),
                        }
                        prop_assert!(under_way.len() <= places);
                    }
                    Happening::Waits => if let Some(lane) = last.take() && under_way.contains(&lane) {
                        admission.wait(lane);
                        waiting.insert(lane);
                    }
                    Happening::GoesOn(which) => if !waiting.is_empty() {
                        let lane = *waiting.iter().nth(which % waiting.len()).unwrap();
                        waiting.remove(&lane);
                        admission.go_on(lane);
                    }
                    Happening::Ends(which) => if !under_way.is_empty() {
                        let lane = under_way.remove(which % under_way.len());
                        admission.ended(lane);
                        let of = left.iter().position(|provider| *provider == lanes[lane]).unwrap();
                        left.remove(of);
                        prop_assert_eq!(admission.dealt_with(lane), !left.contains(&lanes[lane]));
                        // One of its operations that waits holds its place.
                        if !under_way.contains(&lane) && waiting.remove(&lane) {
                            admission.go_on(lane);
                        }
                    }
                }
            }
            prop_assert_eq!(begun, next, "everything begins in the end");
        }
    }
}
