//! Waiting for the rate limit before a call begins, so that it holds no instance of a plugin while it waits.
//!
//! Nobody says beforehand to which service a call's first request goes, and so which limit counts. But calls about one
//! resource type begin alike: the first of them goes ahead alone, and where its first request went, the others expect
//! to go. A call that goes elsewhere gives back what it waited for, and waits there as if it had not been admitted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::throttle::Throttle;

/// What the calls of a session are for: resource types.
#[derive(Debug, Default)]
pub(crate) struct Purposes(Mutex<HashMap<String, Arc<Purpose>>>);

/// What is known of the calls with one purpose.
#[derive(Debug)]
struct Purpose {
    expected: Mutex<Expected>,
    /// Held by the call that goes ahead.
    ahead: Arc<Semaphore>,
}

/// Where the first request of a call goes.
#[derive(Debug, Clone)]
enum Expected {
    /// Nobody knows yet.
    Unknown,
    /// To what has this limit.
    Limited(Arc<Throttle>),
    /// Nowhere: the last call that went ahead ended without one.
    Nowhere,
}

/// What a call holds until its first request.
#[derive(Debug)]
enum Held {
    Nothing,
    /// The right to send a request, and from when on it counts.
    Room(Arc<Throttle>, Instant),
    /// It goes ahead, and the others wait to see where.
    Ahead(OwnedSemaphorePermit),
}

/// A call that was waited for.
#[derive(Debug)]
pub(crate) struct Admission {
    purpose: Arc<Purpose>,
    held: Mutex<Held>,
}

impl Purposes {
    /// Waits until there is room for the first request of a call.
    pub(crate) async fn admit(&self, purpose: &str) -> Admission {
        let purpose = self.purpose(purpose);
        let held = purpose.wait().await;
        Admission {
            purpose,
            held: Mutex::new(held),
        }
    }

    fn purpose(&self, name: &str) -> Arc<Purpose> {
        let mut purposes = lock(&self.0);
        if let Some(known) = purposes.get(name) {
            return Arc::clone(known);
        }
        let purpose = Arc::new(Purpose {
            expected: Mutex::new(Expected::Unknown),
            ahead: Arc::new(Semaphore::new(1)),
        });
        purposes.insert(name.to_owned(), Arc::clone(&purpose));
        purpose
    }
}

impl Purpose {
    async fn wait(&self) -> Held {
        let ahead = match self.expected() {
            Expected::Unknown => Arc::clone(&self.ahead).acquire_owned().await.ok(),
            _ => None,
        };
        // The one that went ahead may have found out.
        match (self.expected(), ahead) {
            (Expected::Limited(throttle), _) => {
                let from = throttle.acquire().await;
                Held::Room(throttle, from)
            }
            (Expected::Unknown, Some(ahead)) => Held::Ahead(ahead),
            _ => Held::Nothing,
        }
    }

    fn expected(&self) -> Expected {
        lock(&self.expected).clone()
    }
}

impl Admission {
    /// Takes note of where a request of the call goes. Tells whether the limit there was waited for; only the first
    /// request's was.
    pub(crate) fn first(&self, throttle: &Arc<Throttle>) -> bool {
        let held = std::mem::replace(&mut *lock(&self.held), Held::Nothing);
        match held {
            Held::Room(waited_for, from)
                if Arc::ptr_eq(&waited_for, throttle) && throttle.still_counts(from) =>
            {
                true
            }
            held => {
                if let Held::Room(waited_for, from) = &held {
                    waited_for.give_back(*from);
                }
                let is_first = !matches!(held, Held::Nothing);
                let mut expected = lock(&self.purpose.expected);
                if is_first || matches!(*expected, Expected::Nowhere) {
                    *expected = Expected::Limited(Arc::clone(throttle));
                }
                // Whoever waits for the one that went ahead sees what it found out.
                drop(expected);
                drop(held);
                false
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        match std::mem::replace(&mut *lock(&self.held), Held::Nothing) {
            Held::Nothing => {}
            Held::Room(throttle, from) => throttle.give_back(from),
            Held::Ahead(_ahead) => {
                let mut expected = lock(&self.purpose.expected);
                if matches!(*expected, Expected::Unknown) {
                    *expected = Expected::Nowhere;
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::throttle::ThrottleOptions;

    fn throttle(rate: f64, burst: f64) -> Arc<Throttle> {
        Arc::new(Throttle::new(ThrottleOptions {
            rate,
            burst,
            ..ThrottleOptions::default()
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_call_goes_ahead_alone_and_the_others_wait_where_it_went() {
        let purposes = Arc::new(Purposes::default());
        let throttle = throttle(1.0, 1.0);
        let ahead = purposes.admit("test:one:Thing").await;
        let others: Vec<_> = (0..3)
            .map(|_| {
                let purposes = Arc::clone(&purposes);
                tokio::spawn(async move {
                    let admission = purposes.admit("test:one:Thing").await;
                    (admission, Instant::now())
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(
            others.iter().all(|other| !other.is_finished()),
            "nobody knows where"
        );
        let elsewhere = purposes.admit("test:one:Other").await;
        drop(elsewhere);

        assert!(!ahead.first(&throttle), "nobody waited for it");
        throttle.acquire().await;
        let began = Instant::now();
        let mut waited = Vec::new();
        for other in others {
            let (admission, at) = other.await.unwrap();
            assert!(admission.first(&throttle));
            assert!(
                !admission.first(&throttle),
                "only the first request was waited for"
            );
            waited.push(at.duration_since(began).as_secs_f64().round());
        }
        waited.sort_by(f64::total_cmp);
        assert_eq!(waited, [1.0, 2.0, 3.0], "one a second");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_waited_for_and_not_used_is_given_back() {
        let purposes = Purposes::default();
        let (here, there) = (throttle(0.001, 2.0), throttle(0.001, 2.0));
        purposes.admit("thing").await.first(&here);
        let began = Instant::now();
        for _ in 0..20 {
            drop(purposes.admit("thing").await);
        }
        assert_eq!(began.elapsed(), Duration::ZERO, "no call sent anything");
        // This one goes somewhere else than expected; the next is expected to do so too.
        let wrong = purposes.admit("thing").await;
        assert!(!wrong.first(&there));
        here.acquire().await;
        here.acquire().await;
        assert_eq!(
            began.elapsed(),
            Duration::ZERO,
            "the room at the first is given back"
        );
        assert!(purposes.admit("thing").await.first(&there));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_send_nothing_keep_nobody_waiting() {
        let purposes = Purposes::default();
        drop(purposes.admit("thing").await);
        let both = (purposes.admit("thing").await, purposes.admit("thing").await);
        // One that sends something after all is what the next are expected to do.
        let throttle = throttle(0.001, 1.0);
        assert!(!both.0.first(&throttle));
        assert!(purposes.admit("thing").await.first(&throttle));
    }
}
