//! A token bucket that learns the cloud's rate limit from its answers.
//!
//! Every throttling answer multiplies the rate down, every second without one adds to it again. The requests
//! that wait are served in the order they came.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use konductor_model::RateLimit;
use tokio::time::Instant;

use crate::shared_limit::SharedThrottle;

/// How a bucket begins and moves. Rates are requests a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThrottleOptions {
    /// The rate to begin with.
    pub rate: f64,
    /// How many requests may go at once before the rate counts.
    pub burst: f64,
    /// The rate that throttling answers never go below.
    pub minimum_rate: f64,
    /// The rate that recovery never goes above.
    pub maximum_rate: f64,
    /// What the rate is multiplied with on a throttling answer.
    pub decrease: f64,
    /// What is added to the rate for every second of successful answers.
    pub recovery: f64,
}

impl ThrottleOptions {
    /// Returns how a bucket moves whose limit is known: it never goes above that. Below it goes where the cloud refuses
    /// all the same, because somebody else uses the same limit.
    #[must_use]
    pub fn limited(self, limit: RateLimit) -> Self {
        let rate = f64::from(limit.requests_per_second.max(1));
        Self {
            rate,
            burst: f64::from(limit.burst.max(1)),
            minimum_rate: self.minimum_rate.min(rate),
            maximum_rate: rate,
            ..self
        }
    }
}

impl Default for ThrottleOptions {
    /// Begins at the limits that EC2 publishes for descriptions (100, then 20 a second), with room above them.
    fn default() -> Self {
        Self {
            rate: 50.0,
            burst: 100.0,
            minimum_rate: 1.0,
            maximum_rate: 500.0,
            decrease: 0.5,
            recovery: 2.0,
        }
    }
}

#[derive(Debug)]
struct State {
    tokens: f64,
    refilled: Instant,
    rate: f64,
    /// The rate was lowered and has not come back: no bursts until then.
    slowed: bool,
    lowered: Option<Instant>,
    raised: Instant,
    /// Requests sent in the running second and in the one before, for the rate that was really used.
    second: Instant,
    sent: f64,
    sent_before: f64,
}

/// A bucket for one identity, service and region.
#[derive(Debug)]
pub struct Throttle {
    options: ThrottleOptions,
    /// Held by the request that is next; it is handed on in order of arrival, and never held while sending.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    /// Other processes use the same limit.
    shared: Option<SharedThrottle>,
}

impl Throttle {
    /// Makes a full bucket.
    pub fn new(options: ThrottleOptions) -> Self {
        let now = Instant::now();
        Self {
            options,
            shared: None,
            turn: tokio::sync::Mutex::new(()),
            state: Mutex::new(State {
                tokens: options.burst.max(1.0),
                refilled: now,
                rate: options.rate.max(options.minimum_rate),
                slowed: false,
                lowered: None,
                raised: now,
                second: now,
                sent: 0.0,
                sent_before: 0.0,
            }),
        }
    }

    /// Makes a full bucket of a process that shares its limit with others: what it learns from the cloud's answers is
    /// its own, what it takes has to be free in both.
    pub(crate) fn sharing(options: ThrottleOptions, shared: SharedThrottle) -> Self {
        Self {
            shared: Some(shared),
            ..Self::new(options)
        }
    }

    /// Returns what is shared with other processes.
    pub(crate) fn shared(&self) -> Option<&SharedThrottle> {
        self.shared.as_ref()
    }

    /// Waits for the right to send one request, and returns from when on it counts. Dropping the future gives the place in
    /// the queue up.
    pub async fn acquire(&self) -> Instant {
        let _waiting = self.shared.as_ref().map(SharedThrottle::wait);
        let _turn = self.turn.lock().await;
        while let Err(wait) = self.take() {
            tokio::time::sleep(wait).await;
        }
        let Some(shared) = &self.shared else {
            return Instant::now();
        };
        let taken = Taken(Some(self));
        let from = shared.acquire().await;
        taken.keep();
        from
    }

    /// Tells whether the right to send a request can still be used.
    pub(crate) fn still_counts(&self, from: Instant) -> bool {
        self.shared
            .as_ref()
            .is_none_or(|shared| shared.still_counts(from))
    }

    /// Gives back the right to send a request that will not be sent.
    pub fn give_back(&self, from: Instant) {
        if let Some(shared) = &self.shared {
            shared.give_back(from);
        }
        self.put_back();
    }

    /// Puts a token back into this process's own bucket.
    fn put_back(&self) {
        let mut state = self.state();
        let capacity = self.capacity(&state);
        state.tokens = (state.tokens + 1.0).min(capacity);
        state.sent = (state.sent - 1.0).max(0.0);
    }

    /// Returns how many tokens there may be now.
    fn capacity(&self, state: &State) -> f64 {
        let burst = self.options.burst.max(1.0);
        if state.slowed {
            state.rate.clamp(1.0, burst)
        } else {
            burst
        }
    }

    /// Takes a token, or says how long until there is one.
    fn take(&self) -> Result<(), Duration> {
        let mut state = self.state();
        let now = Instant::now();
        let capacity = self.capacity(&state);
        let elapsed = now.duration_since(state.refilled).as_secs_f64();
        state.tokens = elapsed.mul_add(state.rate, state.tokens).min(capacity);
        state.refilled = now;
        // A rounding error below a thousandth of a token must not cost another sleep.
        if state.tokens < 0.999 {
            let wait = (1.0 - state.tokens) / state.rate.max(f64::MIN_POSITIVE);
            return Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::from_secs(60)));
        }
        state.tokens -= 1.0;
        state.count(now);
        Ok(())
    }

    /// Lowers the rate after a throttling answer to a request that was sent at `sent_at`. Answers to requests
    /// that were sent before the last lowering say nothing new and change nothing.
    pub fn slow_down(&self, sent_at: Instant) {
        let mut state = self.state();
        if state.lowered.is_some_and(|lowered| sent_at < lowered) {
            return;
        }
        let now = Instant::now();
        let used = state.rate.min(state.used(now));
        state.rate = (used * self.options.decrease).max(self.options.minimum_rate);
        state.tokens = state.tokens.min(0.0);
        state.refilled = now;
        state.slowed = true;
        state.lowered = Some(now);
        state.raised = now;
    }

    /// Raises the rate by the time since it last changed, after an answer that was no throttling.
    pub fn recover(&self) {
        let mut state = self.state();
        let now = Instant::now();
        let seconds = now.duration_since(state.raised).as_secs_f64();
        state.rate = self
            .options
            .recovery
            .mul_add(seconds, state.rate)
            .min(self.options.maximum_rate.max(state.rate));
        state.raised = now;
        if state.rate >= self.options.rate {
            state.slowed = false;
        }
    }

    /// Returns the present rate in requests a second.
    pub fn rate(&self) -> f64 {
        self.state().rate
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token of this process's own bucket, which is put back where the wait for the shared one is given up.
struct Taken<'t>(Option<&'t Throttle>);

impl Taken<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(throttle) = self.0 {
            throttle.put_back();
        }
    }
}

impl State {
    fn count(&mut self, now: Instant) {
        self.turn_over(now);
        self.sent += 1.0;
    }

    /// Returns the rate of the last second.
    fn used(&mut self, now: Instant) -> f64 {
        self.turn_over(now);
        let fraction = now.duration_since(self.second).as_secs_f64().min(1.0);
        self.sent_before.mul_add(1.0 - fraction, self.sent)
    }

    fn turn_over(&mut self, now: Instant) {
        let elapsed = now.duration_since(self.second);
        if elapsed >= Duration::from_secs(1) {
            self.sent_before = if elapsed < Duration::from_secs(2) {
                self.sent
            } else {
                0.0
            };
            self.sent = 0.0;
            self.second = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn options() -> ThrottleOptions {
        ThrottleOptions {
            rate: 10.0,
            burst: 10.0,
            minimum_rate: 1.0,
            maximum_rate: 20.0,
            decrease: 0.5,
            recovery: 1.0,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let throttle = Throttle::new(options());
        let began = Instant::now();
        for _ in 0..10 {
            throttle.acquire().await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..20 {
            throttle.acquire().await;
        }
        let elapsed = began.elapsed().as_secs_f64();
        assert!((1.9..2.1).contains(&elapsed), "{elapsed}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_limit_is_never_exceeded_however_long_all_goes_well() {
        let throttle = Throttle::new(ThrottleOptions::default().limited(RateLimit {
            requests_per_second: 5,
            burst: 2,
        }));
        let began = Instant::now();
        for _ in 0..52 {
            throttle.acquire().await;
            throttle.recover();
        }
        assert_eq!(began.elapsed().as_secs_f64().round(), 10.0);
        throttle.slow_down(Instant::now());
        assert!(throttle.rate() < 5.0, "the cloud has the last word");
        tokio::time::advance(Duration::from_secs(600)).await;
        throttle.recover();
        assert!((throttle.rate() - 5.0).abs() < 0.01, "{}", throttle.rate());
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_answers_lower_the_rate_and_success_raises_it_again() {
        let throttle = Throttle::new(options());
        for _ in 0..10 {
            throttle.acquire().await;
        }
        throttle.slow_down(Instant::now());
        assert!((throttle.rate() - 5.0).abs() < 0.01, "{}", throttle.rate());
        let began = Instant::now();
        for _ in 0..5 {
            throttle.acquire().await;
        }
        let elapsed = began.elapsed().as_secs_f64();
        assert!(
            (0.9..1.1).contains(&elapsed),
            "no burst after a throttling answer: {elapsed}"
        );
        tokio::time::advance(Duration::from_secs(3)).await;
        throttle.recover();
        assert!((7.9..9.1).contains(&throttle.rate()), "{}", throttle.rate());
        tokio::time::advance(Duration::from_secs(100)).await;
        throttle.recover();
        assert!((throttle.rate() - 20.0).abs() < 0.01, "never above the maximum");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_to_requests_sent_before_the_lowering_count_once() {
        let throttle = Throttle::new(options());
        let sent_at = Instant::now();
        for _ in 0..10 {
            throttle.acquire().await;
        }
        tokio::time::advance(Duration::from_millis(50)).await;
        for _ in 0..10 {
            throttle.slow_down(sent_at);
        }
        assert!((throttle.rate() - 5.0).abs() < 0.01, "{}", throttle.rate());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_can_be_taken_again_and_is_no_more_than_the_burst() {
        let throttle = Throttle::new(options());
        for _ in 0..10 {
            throttle.acquire().await;
        }
        throttle.give_back(Instant::now());
        let began = Instant::now();
        throttle.acquire().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..50 {
            throttle.give_back(Instant::now());
        }
        for _ in 0..11 {
            throttle.acquire().await;
        }
        assert!(
            began.elapsed() > Duration::from_millis(90),
            "{:?}",
            began.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_never_falls_below_the_minimum() {
        let throttle = Throttle::new(options());
        for _ in 0..20 {
            throttle.slow_down(Instant::now());
        }
        assert!((throttle.rate() - 1.0).abs() < 0.01);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_requests_are_served_in_order_and_one_that_gives_up_costs_nothing() {
        let throttle = Arc::new(Throttle::new(ThrottleOptions {
            burst: 1.0,
            rate: 1.0,
            ..options()
        }));
        throttle.acquire().await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for index in 0..4 {
            let (throttle, order) = (Arc::clone(&throttle), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                throttle.acquire().await;
                order.lock().unwrap().push(index);
            }));
            tokio::task::yield_now().await;
        }
        tasks.remove(1).abort();
        let began = Instant::now();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [0, 2, 3]);
        assert!(
            began.elapsed() <= Duration::from_millis(3100),
            "{:?}",
            began.elapsed()
        );
    }
}
