//! What is running, while it runs: a line for each operation that ended, and below them what is going on.
//! Without a terminal the lines alone; with `--json` an event each.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use konductor_engine::event::{Event, Observer};
use konductor_model::Urn;
use konductor_state::entry::Action;

use crate::output::Output;

/// How many running operations are shown at once; the rest are counted.
const SHOWN: usize = 12;

/// Shows events as they come.
pub struct LiveView {
    output: Output,
    bars: Option<Bars>,
}

struct Bars {
    screen: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    total: Option<ProgressBar>,
    running: HashMap<Urn, ProgressBar>,
}

impl LiveView {
    /// Makes a view for an output.
    pub fn new(output: &Output) -> Self {
        let bars = output.is_terminal().then(|| Bars {
            screen: MultiProgress::new(),
            state: Mutex::new(State::default()),
        });
        Self {
            output: output.clone(),
            bars,
        }
    }

    /// Removes what is going on from the screen; the lines stay.
    pub fn close(&self) {
        if let Some(bars) = &self.bars {
            let mut state = bars.lock();
            state.running.clear();
            state.total = None;
            let _ = bars.screen.clear();
        }
    }

    fn print(&self, text: &str) {
        match &self.bars {
            // Lines go above the bars, in one write.
            Some(bars) => bars.screen.suspend(|| self.output.line(text)),
            None => self.output.line(text),
        }
    }
}

impl Bars {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A view is worth more than its consistency after a panic elsewhere.
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn started(&self, total: usize, message: &str) {
        let bar = self.screen.add(ProgressBar::new(total as u64));
        if let Ok(template) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} {elapsed}") {
            bar.set_style(template);
        }
        bar.set_message(message.to_owned());
        self.lock().total = Some(bar);
    }

    fn advance(&self, to: Option<u64>) {
        if let Some(bar) = &self.lock().total {
            match to {
                Some(position) => bar.set_position(position),
                None => bar.inc(1),
            }
        }
    }

    fn ended(&self) {
        if let Some(bar) = self.lock().total.take() {
            bar.finish_and_clear();
        }
    }

    fn running(&self, urn: &Urn, message: String) {
        let mut state = self.lock();
        if let Some(bar) = state.running.get(urn) {
            bar.set_message(message);
        } else if state.running.len() < SHOWN {
            let bar = self.screen.insert(0, ProgressBar::new_spinner());
            if let Ok(template) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
                bar.set_style(template);
            }
            bar.set_message(message);
            bar.enable_steady_tick(Duration::from_millis(120));
            state.running.insert(urn.clone(), bar);
        }
    }

    fn stopped(&self, urn: &Urn) {
        if let Some(bar) = self.lock().running.remove(urn) {
            bar.finish_and_clear();
        }
    }
}

/// Returns the word for what is being done.
fn doing(action: Action) -> &'static str {
    match action {
        Action::Create => "creating",
        Action::CreateReplacement => "creating replacement of",
        Action::Update => "updating",
        Action::Delete => "deleting",
        Action::DeleteReplaced => "deleting for replacement",
        Action::DeleteDeposed => "deleting superseded object of",
        Action::Import => "importing",
    }
}

/// Returns the word for what was done.
fn done(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::CreateReplacement => "created replacement of",
        Action::Update => "updated",
        Action::Delete => "deleted",
        Action::DeleteReplaced => "deleted for replacement",
        Action::DeleteDeposed => "deleted superseded object of",
        Action::Import => "imported",
    }
}

fn what(urn: &Urn) -> String {
    format!("{} ({})", urn.name(), urn.resource_type())
}

fn seconds(milliseconds: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let seconds = milliseconds as f64 / 1000.0;
    format!("{seconds:.1} s")
}

impl Observer for LiveView {
    fn event(&self, event: Event) {
        if self.output.is_json() {
            self.output.typed_event(&event);
            return;
        }
        match &event {
            Event::RefreshStarted { objects } if *objects > 0 => {
                self.bars
                    .iter()
                    .for_each(|bars| bars.started(*objects, "reading"));
            }
            Event::RefreshProgress { read, .. } => {
                self.bars.iter().for_each(|bars| bars.advance(Some(*read as u64)))
            }
            Event::DriftFound {
                urn,
                gone,
                attributes,
            } => self.print(&if *gone {
                format!(
                    "{} {} was deleted outside Konductor",
                    style("!").yellow(),
                    what(urn)
                )
            } else {
                format!(
                    "{} {} was changed outside: {}",
                    style("!").yellow(),
                    what(urn),
                    attributes.join(", ")
                )
            }),
            Event::PlanStarted { declared } => {
                self.bars.iter().for_each(|bars| {
                    bars.ended();
                    bars.started(*declared, "planning");
                });
            }
            Event::PlanFinished { .. } => self.bars.iter().for_each(Bars::ended),
            Event::RecoveryStarted { urn, action } => {
                self.bars.iter().for_each(|bars| {
                    bars.running(urn, format!("settling: {} {}", doing(*action), what(urn)))
                });
            }
            Event::RecoveryFinished { urn, action, result } => {
                self.bars.iter().for_each(|bars| bars.stopped(urn));
                self.print(&format!(
                    "{} settled an interrupted operation ({} {}): {result}",
                    style("*").cyan(),
                    doing(*action),
                    what(urn)
                ));
            }
            Event::ApplyStarted { operations } => {
                self.bars
                    .iter()
                    .for_each(|bars| bars.started(*operations, "applying"));
            }
            Event::OperationStarted { urn, action } => {
                self.bars
                    .iter()
                    .for_each(|bars| bars.running(urn, format!("{} {}", doing(*action), what(urn))));
            }
            Event::OperationProgress { urn, action, message } => self
                .bars
                .iter()
                .for_each(|bars| bars.running(urn, format!("{} {}: {message}", doing(*action), what(urn)))),
            Event::OperationRetried {
                urn,
                action,
                attempt,
                milliseconds,
                failure,
            } => {
                let text = format!(
                    "{} {} {}: attempt {attempt} failed, again in {}: {failure}",
                    style("~").yellow(),
                    doing(*action),
                    what(urn),
                    seconds(*milliseconds)
                );
                self.print(&text);
            }
            Event::OperationFinished {
                urn,
                action,
                id,
                milliseconds,
            } => {
                self.bars.iter().for_each(|bars| {
                    bars.stopped(urn);
                    bars.advance(None);
                });
                let id = id.as_ref().map(|id| format!(" [{id}]")).unwrap_or_default();
                self.print(&format!(
                    "{} {} {}{id} {}",
                    style("✓").green(),
                    done(*action),
                    what(urn),
                    style(seconds(*milliseconds)).dim()
                ));
            }
            Event::OperationFailed {
                urn,
                action,
                failure,
                milliseconds,
            } => {
                self.bars.iter().for_each(|bars| {
                    bars.stopped(urn);
                    bars.advance(None);
                });
                self.print(&format!(
                    "{} failed {} {} after {}: {failure}",
                    style("✗").red(),
                    doing(*action),
                    what(urn),
                    seconds(*milliseconds)
                ));
            }
            Event::OperationSkipped { urn, reason } => {
                self.bars.iter().for_each(|bars| bars.advance(None));
                self.print(&format!("{} skipped {}: {reason}", style("-").dim(), what(urn)));
            }
            Event::ApplyFinished { .. } => self.close(),
            _ => {}
        }
    }
}
