//! A rate limit that several processes share: a ledger outside of them counts, and each takes a few rights at a time.
//!
//! The ledger gives rights in the order in which it is asked, also such as count only from a later time on. So nobody has
//! to come again and again, and whoever asks gets their turn. A right that is not used soon after it begins to count is
//! worth nothing: else rights that were kept for long would be used at once, on top of what the others do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use konductor_model::RateLimit;
use tokio::time::Instant;

/// The shortest and the longest time for which a right can be used: shorter ones would end while a timer fires.
const LASTING: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// So many seconds' rights are taken at once where others may wait: more of them cost fewer questions, and let the
/// others wait longer.
const SHARE: f64 = 0.2;
/// The shortest and the longest pause before a ledger that did not answer is asked again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What a ledger is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RightsWanted<'a> {
    /// Whose limit it is.
    pub limit: &'a str,
    /// How many rights come back each second.
    pub rate: f64,
    /// How many there are at most.
    pub capacity: f64,
    /// How many are wanted; at least one.
    pub wanted: u32,
    /// How many may be given where there are none, for later. Of what is there, half may be given.
    pub share: u32,
}

/// What a ledger gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RightsGiven {
    /// How many: at least one.
    pub count: u32,
    /// How many there were before. The first `level` of those given count at once, each other one as soon as it has come
    /// back. Below zero others were given some that have not come back yet.
    pub level: f64,
}

/// Counts what several processes send. One question is one step: nothing stays locked between two.
#[async_trait]
pub trait SharedLimits: Send + Sync {
    /// Takes rights to send requests. An error is why there was no answer; rights may be lost then, and are never given
    /// twice.
    async fn take(&self, wanted: RightsWanted<'_>) -> Result<RightsGiven, String>;
}

/// This process's part in a limit.
pub(crate) struct SharedThrottle {
    ledger: Arc<dyn SharedLimits>,
    rate: f64,
    capacity: f64,
    lasting: Duration,
    name: OnceLock<String>,
    waiting: AtomicUsize,
    /// From when on each right that was taken counts, the first one first.
    kept: Mutex<VecDeque<Instant>>,
    /// Why the ledger did not answer last.
    trouble: Mutex<Option<String>>,
}

impl std::fmt::Debug for SharedThrottle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedThrottle")
            .field("rate", &self.rate)
            .field("capacity", &self.capacity)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Somebody who waits.
pub(crate) struct Waiting<'t>(&'t SharedThrottle);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SharedThrottle {
    /// A right may be used a moment late. What that could add to a burst is taken from the burst.
    pub(crate) fn new(ledger: Arc<dyn SharedLimits>, limit: RateLimit) -> Self {
        let rate = f64::from(limit.requests_per_second.max(1));
        let burst = f64::from(limit.burst.max(1));
        let lasting = (burst / (2.0 * rate)).clamp(LASTING.0.as_secs_f64(), LASTING.1.as_secs_f64());
        Self {
            ledger,
            rate,
            capacity: lasting.mul_add(-rate, burst).max(1.0),
            lasting: Duration::from_secs_f64(lasting),
            name: OnceLock::new(),
            waiting: AtomicUsize::new(0),
            kept: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    /// Returns whether it is known whose limit this is.
    pub(crate) fn is_named(&self) -> bool {
        self.name.get().is_some()
    }

    /// Says whose limit this is, as every process calls it. The first name holds.
    pub(crate) fn set_name(&self, name: String) {
        let _ = self.name.set(name);
    }

    /// Counts somebody who waits, so that enough is taken for all of them.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// Takes a right as soon as it counts, and returns from when on it did. One task at a time calls this. Dropping the
    /// future loses at most what is being asked for.
    pub(crate) async fn acquire(&self) -> Instant {
        let mut pause = PAUSE.0;
        loop {
            if let Some(from) = self.first() {
                tokio::time::sleep_until(from).await;
                if self.kept().pop_front_if(|first| *first == from).is_some() {
                    return from;
                }
                continue;
            }
            match self.ask().await {
                Ok(()) => pause = PAUSE.0,
                Err(reason) => {
                    if self.trouble().replace(reason.clone()).is_none() {
                        tracing::warn!(%reason, "the shared rate limit cannot be asked; requests wait until it can");
                    }
                    tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
                    pause = pause.saturating_mul(2).min(PAUSE.1);
                }
            }
        }
    }

    async fn ask(&self) -> Result<(), String> {
        let waiting = u32::try_from(self.waiting.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate is from 1 to 4 thousand millions"
        )]
        let share = (self.rate * SHARE).max(1.0) as u32;
        let wanted = RightsWanted {
            limit: self.name.get().map_or("", String::as_str),
            rate: self.rate,
            capacity: self.capacity,
            wanted: waiting.max(1),
            share,
        };
        let given = self.ledger.take(wanted).await?;
        // The ledger counted before it answered, so this is rather too late than too early.
        let now = Instant::now();
        let mut kept = self.kept();
        for number in 1..=given.count {
            let missing = (f64::from(number) - given.level).max(0.0);
            let later = Duration::try_from_secs_f64(missing / self.rate).unwrap_or(Duration::MAX);
            kept.push_back(
                now.checked_add(later)
                    .unwrap_or(now + Duration::from_secs(86_400)),
            );
        }
        drop(kept);
        self.trouble().take();
        Ok(())
    }

    /// Tells whether a right that counts from some time on can still be used.
    pub(crate) fn still_counts(&self, from: Instant) -> bool {
        from.elapsed() <= self.lasting
    }

    /// Gives back a right that was not used: the next one here has it, if it comes in time.
    pub(crate) fn give_back(&self, from: Instant) {
        if self.still_counts(from) {
            self.kept().push_front(from);
        }
    }

    /// Returns why the ledger does not answer, if it does not.
    pub(crate) fn why_silent(&self) -> Option<String> {
        self.trouble().clone()
    }

    /// Returns the first right that is kept, and forgets those whose time has passed.
    fn first(&self) -> Option<Instant> {
        let mut kept = self.kept();
        kept.retain(|from| self.still_counts(*from));
        kept.front().copied()
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::throttle::{Throttle, ThrottleOptions};

    /// A ledger in this process.
    #[derive(Default)]
    struct Ledger {
        state: Mutex<Option<(f64, Instant)>>,
        questions: AtomicUsize,
        silent: AtomicBool,
    }

    #[async_trait]
    impl SharedLimits for Ledger {
        async fn take(&self, wanted: RightsWanted<'_>) -> Result<RightsGiven, String> {
            assert_eq!(wanted.limit, "aws/1/ec2/here");
            tokio::time::sleep(Duration::from_millis(2)).await;
            self.questions.fetch_add(1, Ordering::Relaxed);
            if self.silent.load(Ordering::Relaxed) {
                return Err("it is switched off".to_owned());
            }
            let now = Instant::now();
            let mut state = self.state.lock().unwrap();
            let (level, at) = state.unwrap_or((wanted.capacity, now));
            let level = (now - at)
                .as_secs_f64()
                .mul_add(wanted.rate, level)
                .min(wanted.capacity);
            let count = wanted.wanted.min(wanted.share.max((level / 2.0).floor() as u32));
            *state = Some((level - f64::from(count), now));
            Ok(RightsGiven { count, level })
        }
    }

    const LIMIT: RateLimit = RateLimit {
        requests_per_second: 25,
        burst: 50,
    };

    fn process(ledger: &Arc<Ledger>) -> Arc<Throttle> {
        let throttle = Throttle::sharing(
            ThrottleOptions::default().limited(LIMIT),
            SharedThrottle::new(Arc::clone(ledger) as _, LIMIT),
        );
        throttle.shared().unwrap().set_name("aws/1/ec2/here".to_owned());
        Arc::new(throttle)
    }

    /// Tells the most that was sent in any time, beyond what came back in it.
    fn largest_burst(sent: &mut [Instant]) -> f64 {
        sent.sort_unstable();
        let mut most = 0.0_f64;
        for (first, from) in sent.iter().enumerate() {
            for (last, to) in sent.iter().enumerate().skip(first) {
                let came_back = (*to - *from).as_secs_f64() * f64::from(LIMIT.requests_per_second);
                most = most.max((last - first + 1) as f64 - came_back);
            }
        }
        most
    }

    /// Lets tasks of each process send for some time, and returns when they did.
    async fn sent(processes: &[Arc<Throttle>], tasks: usize, time: Duration) -> Vec<Vec<Instant>> {
        let end = Instant::now() + time;
        let mut running = Vec::new();
        for process in processes {
            let sent = Arc::new(Mutex::new(Vec::new()));
            for _ in 0..tasks {
                let (process, sent) = (Arc::clone(process), Arc::clone(&sent));
                tokio::spawn(async move {
                    loop {
                        process.acquire().await;
                        sent.lock().unwrap().push(Instant::now());
                    }
                });
            }
            running.push(sent);
        }
        tokio::time::sleep_until(end).await;
        running.iter().map(|sent| sent.lock().unwrap().clone()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn processes_stay_inside_a_limit_together_get_all_of_it_and_share_it_evenly() {
        let ledger = Arc::new(Ledger::default());
        let processes: Vec<_> = (0..7).map(|_| process(&ledger)).collect();
        let of_each = sent(&processes, 20, Duration::from_secs(20)).await;
        let mut all: Vec<Instant> = of_each.iter().flatten().copied().collect();
        let burst = largest_burst(&mut all);
        assert!(burst <= 50.0 + 0.1, "{burst} at once");
        // The burst less what is kept back for those who are late, and twenty seconds' worth.
        assert!((500..=550).contains(&all.len()), "{}", all.len());
        let fewest = of_each.iter().map(Vec::len).min().unwrap();
        let most = of_each.iter().map(Vec::len).max().unwrap();
        assert!(fewest >= 60 && most <= 100, "from {fewest} to {most}");
        let questions = ledger.questions.load(Ordering::Relaxed);
        assert!(questions <= 20 * 6, "{questions} questions in 20 s");
    }

    #[tokio::test(start_paused = true)]
    async fn rights_that_were_not_used_in_time_are_worth_nothing() {
        let ledger = Arc::new(Ledger::default());
        let (hoarder, other) = (process(&ledger), process(&ledger));
        let mut unused = Vec::new();
        for _ in 0..10 {
            unused.push(hoarder.acquire().await);
        }
        for from in unused {
            hoarder.give_back(from);
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let began = ledger.questions.load(Ordering::Relaxed);
        hoarder.acquire().await;
        assert_eq!(
            ledger.questions.load(Ordering::Relaxed),
            began + 1,
            "it has to ask again"
        );
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut all: Vec<Instant> = sent(&[hoarder, other], 100, Duration::from_secs(2))
            .await
            .concat();
        assert!(largest_burst(&mut all) <= 50.1, "{}", largest_burst(&mut all));
    }

    #[tokio::test(start_paused = true)]
    async fn a_right_that_is_given_back_is_the_next_one_s_for_as_long_as_it_counts() {
        let ledger = Arc::new(Ledger::default());
        let process = process(&ledger);
        let from = process.acquire().await;
        let asked = ledger.questions.load(Ordering::Relaxed);
        process.give_back(from);
        process.acquire().await;
        assert_eq!(ledger.questions.load(Ordering::Relaxed), asked);
        let from = process.acquire().await;
        let asked = ledger.questions.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(!process.still_counts(from));
        process.give_back(from);
        process.acquire().await;
        assert_eq!(ledger.questions.load(Ordering::Relaxed), asked + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_sent_while_the_ledger_is_silent_and_it_goes_on_when_it_answers() {
        let ledger = Arc::new(Ledger::default());
        ledger.silent.store(true, Ordering::Relaxed);
        let throttle = process(&ledger);
        let waiting = {
            let throttle = Arc::clone(&throttle);
            tokio::spawn(async move { throttle.acquire().await })
        };
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(!waiting.is_finished());
        assert_eq!(
            throttle.shared().unwrap().why_silent().as_deref(),
            Some("it is switched off")
        );
        let questions = ledger.questions.load(Ordering::Relaxed);
        assert!((300..900).contains(&questions), "{questions} in ten minutes");
        ledger.silent.store(false, Ordering::Relaxed);
        tokio::time::timeout(Duration::from_secs(3), waiting)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(throttle.shared().unwrap().why_silent(), None);
    }

    #[test]
    fn what_comes_late_fits_into_the_burst() {
        let ledger = Arc::new(Ledger::default());
        for (requests_per_second, burst) in [(25, 250), (20, 20), (100, 10), (1, 5), (1000, 30)] {
            let limit = RateLimit {
                requests_per_second,
                burst,
            };
            let shared = SharedThrottle::new(Arc::clone(&ledger) as _, limit);
            let late = shared.lasting.as_secs_f64() * shared.rate;
            assert!(
                (shared.capacity + late - f64::from(burst)).abs() < 1e-6,
                "{limit:?}: {} and {late}",
                shared.capacity
            );
        }
    }
}
