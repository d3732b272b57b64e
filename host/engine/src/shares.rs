//! How a bounded number of places is shared among providers: half of them are kept, in equal parts, for the providers
//! that still have something to do, and the other half is for whoever comes first.
//!
//! So a provider that is slow, or has much more to do than the others, never takes the last place from one that has
//! something to do, and one that is alone has all of them.

/// Returns how many places are kept for each of a number of providers. With fewer places than twice the providers there
/// are none to keep: then who comes first has them.
pub(crate) fn kept_for_each(places: usize, providers: usize) -> usize {
    places / providers.max(1).saturating_mul(2)
}

/// The places, and who has how many of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shares {
    places: usize,
    /// How many places each provider has; none for one that has finished.
    taken: Vec<Option<usize>>,
    all: usize,
    kept: usize,
    /// How many places are taken beyond what is kept for those that took them.
    beyond: usize,
}

impl Shares {
    /// Shares at least one place among a number of providers.
    pub(crate) fn new(places: usize, providers: usize) -> Self {
        let places = places.max(1);
        Self {
            places,
            taken: vec![Some(0); providers],
            all: 0,
            kept: kept_for_each(places, providers),
            beyond: 0,
        }
    }

    /// Takes a place for a provider, if there is one for it.
    pub(crate) fn take(&mut self, provider: usize) -> bool {
        if !self.has_room(provider) {
            return false;
        }
        if let Some(Some(taken)) = self.taken.get_mut(provider) {
            self.beyond += usize::from(*taken >= self.kept);
            *taken += 1;
            self.all += 1;
        }
        true
    }

    /// Tells whether there is a place for a provider.
    pub(crate) fn has_room(&self, provider: usize) -> bool {
        let Some(Some(taken)) = self.taken.get(provider) else {
            return false;
        };
        let unfinished = self.taken.iter().flatten().count();
        let for_all = self.places.saturating_sub(self.kept.saturating_mul(unfinished));
        self.all < self.places && (*taken < self.kept || self.beyond < for_all)
    }

    /// Gives a provider's place back.
    pub(crate) fn give_back(&mut self, provider: usize) {
        if let Some(Some(taken)) = self.taken.get_mut(provider)
            && *taken > 0
        {
            *taken -= 1;
            self.all -= 1;
            self.beyond -= usize::from(*taken >= self.kept);
        }
    }

    /// Shares among the others what was kept for a provider that has nothing to do any more. It has given back all its
    /// places.
    pub(crate) fn finish(&mut self, provider: usize) {
        let Some(taken) = self.taken.get_mut(provider) else {
            return;
        };
        self.all -= taken.take().unwrap_or_default();
        let unfinished = self.taken.iter().flatten().count();
        self.kept = kept_for_each(self.places, unfinished);
        self.beyond = self
            .taken
            .iter()
            .flatten()
            .map(|taken| taken.saturating_sub(self.kept))
            .sum();
    }

    /// Returns how many places are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_provider_alone_has_all_places_and_two_keep_some_for_each_other() {
        let mut alone = Shares::new(8, 1);
        assert!((0..8).all(|_| alone.take(0)));
        assert!(!alone.take(0), "there are no more");

        let mut two = Shares::new(8, 2);
        assert_eq!((0..8).filter(|_| two.take(0)).count(), 6);
        assert_eq!((0..8).filter(|_| two.take(1)).count(), 2, "what was kept for it");
        for _ in 0..2 {
            two.give_back(1);
        }
        two.finish(1);
        assert!(two.take(0) && two.take(0), "the other has finished");
        assert!(!two.take(0));
    }

    #[test]
    fn with_fewer_places_than_providers_every_place_is_for_who_comes_first() {
        let mut shares = Shares::new(1, 3);
        assert!(shares.take(2));
        assert!(!shares.take(0));
        shares.give_back(2);
        assert!(shares.take(0));
    }

    proptest! {
        #[test]
        fn places_are_never_exceeded_and_what_is_kept_is_there(
            places in 1_usize..50,
            providers in 1_usize..6,
            events in prop::collection::vec((0_usize..6, 0_u8..12), 0..300),
        ) {
            let mut shares = Shares::new(places, providers);
            let mut taken = vec![0_usize; providers];
            let mut finished = vec![false; providers];
            for (provider, event) in events {
                let provider = provider % providers;
                match event {
                    // Nobody finishes before its places are back.
                    0 if taken[provider] == 0 => { shares.finish(provider); finished[provider] = true; }
                    0..=3 if taken[provider] > 0 => { shares.give_back(provider); taken[provider] -= 1; }
                    _ if shares.take(provider) => {
                        prop_assert!(!finished[provider]);
                        taken[provider] += 1;
                    }
                    _ => {}
                }
                prop_assert!(taken.iter().sum::<usize>() <= places);
                prop_assert_eq!(shares.taken(), taken.iter().sum::<usize>());
            }
            // What is given back is there again: alone, every unfinished one could have all but what others keep.
            for (provider, taken) in taken.iter().enumerate() {
                for _ in 0..*taken { shares.give_back(provider); }
            }
            let unfinished: Vec<usize> = (0..providers).filter(|provider| !finished[*provider]).collect();
            let kept = kept_for_each(places, unfinished.len());
            for greedy in &unfinished {
                let mut shares = shares.clone();
                while shares.take(*greedy) {}
                prop_assert_eq!(shares.taken(), places - kept * (unfinished.len() - 1));
                for other in unfinished.iter().filter(|other| *other != greedy) {
                    prop_assert_eq!((0..places).filter(|_| shares.take(*other)).count(), kept);
                }
            }
        }
    }
}
