//! The places for calls of providers: every one that is held is an instance in the sandbox, or a call under way.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use konductor_model::ResourceType;
use konductor_model::provider::Provider;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::shares::kept_for_each;

/// A bounded number of places, of which some are kept for each provider.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    /// What is kept, by the plugin's name in the project.
    kept: OnceLock<HashMap<String, Arc<Semaphore>>>,
    /// What is for whoever comes first.
    common: Arc<Semaphore>,
}

/// A place that is held until this is dropped.
#[derive(Debug)]
pub(crate) struct Place(#[allow(dead_code, reason = "it is held")] OwnedSemaphorePermit);

/// The provider to make an operation's first call of, whose rate limit was waited for, and the place for that call.
pub(crate) struct Admitted {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) place: Place,
}

impl Places {
    /// Makes at least one place, none of them kept for anybody.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            most,
            kept: OnceLock::new(),
            common: Arc::new(Semaphore::new(most)),
        }
    }

    /// Keeps some places for each of these plugins. To be called once, before the first place is taken.
    pub(crate) fn keep_for(&self, plugins: impl IntoIterator<Item = String>) {
        let plugins: Vec<String> = plugins.into_iter().collect();
        let each = kept_for_each(self.most, plugins.len());
        let kept: HashMap<String, Arc<Semaphore>> = plugins
            .into_iter()
            .map(|plugin| (plugin, Arc::new(Semaphore::new(each))))
            .collect();
        let all = kept.len().saturating_mul(each);
        if self.kept.set(kept).is_ok() {
            self.common.forget_permits(all);
        }
    }

    /// Waits for a place. None when there are no places any more.
    pub(crate) async fn take(&self, plugin: &str) -> Option<Place> {
        let common = self.common.clone().acquire_owned();
        let place = match self.kept.get().and_then(|kept| kept.get(plugin)) {
            Some(kept) => tokio::select! {
                biased;
                place = kept.clone().acquire_owned() => place,
                place = common => place,
            },
            None => common.await,
        };
        place.ok().map(Place)
    }

    /// Waits for the rate limit of a provider and then for a place. None where no limit is known: then there is nothing
    /// to wait for before an operation begins, and its calls find their places themselves.
    pub(crate) async fn admit(
        &self,
        plugin: &str,
        provider: &dyn Provider,
        resource_type: &ResourceType,
    ) -> Option<Admitted> {
        let provider = provider.admit(resource_type).await?;
        let place = self.take(plugin).await?;
        Some(Admitted { provider, place })
    }

    /// Hands over to all what was kept for a plugin that has nothing to do any more.
    pub(crate) fn finish(&self, plugin: &str) {
        if let Some(kept) = self.kept.get().and_then(|kept| kept.get(plugin)) {
            let free = kept.forget_permits(self.most);
            self.common.add_permits(free);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_greedy_plugin_leaves_the_places_that_are_kept_for_another() {
        let places = Places::new(8);
        places.keep_for(names(&["greedy", "other"]));
        let mut held = Vec::new();
        while let Some(place) = places.take("greedy").now_or_never() {
            held.push(place.unwrap());
        }
        assert_eq!(held.len(), 6);
        let mut others = Vec::new();
        while let Some(place) = places.take("other").now_or_never() {
            others.push(place.unwrap());
        }
        assert_eq!(others.len(), 2);
        drop(others);
        places.finish("other");
        while let Some(place) = places.take("greedy").now_or_never() {
            held.push(place.unwrap());
        }
        assert_eq!(held.len(), 8, "all of them, when nobody else has anything to do");
    }

    #[tokio::test]
    async fn who_waits_gets_the_place_that_comes_back() {
        let places = Arc::new(Places::new(1));
        places.keep_for(names(&["one", "two"]));
        let held = places.take("one").await.unwrap();
        let waiting = tokio::spawn({
            let places = places.clone();
            async move { places.take("two").await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished(), "there is one place");
        drop(held);
        assert!(waiting.await.unwrap());
    }
}
