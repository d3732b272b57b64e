//! Says on standard error what is fetched and pushed, where that takes long.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};
use konductor_registry::{Progress, ProgressEvent};

/// Shows a bar for downloads, and lines for the rest.
pub struct FetchProgress {
    shown: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl FetchProgress {
    /// Shows nothing where nobody watches or JSON is wanted.
    pub fn new(json: bool) -> Self {
        Self {
            shown: !json && std::io::stderr().is_terminal(),
            bar: Mutex::default(),
        }
    }

    fn download(&self, plugin: String, bytes: u64, total: u64) {
        let mut slot = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = slot.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg:<16} {bar:32} {bytes}/{total_bytes}");
            let bar = ProgressBar::new(total).with_message(plugin);
            match style {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        bar.set_position(bytes);
        if bytes >= total {
            bar.finish_and_clear();
            *slot = None;
        }
    }
}

impl Progress for FetchProgress {
    fn report(&self, event: ProgressEvent) {
        match event {
            ProgressEvent::Downloading { plugin, bytes, total } if self.shown => {
                self.download(plugin, bytes, total);
            }
            // Damage is told to everybody.
            ProgressEvent::CacheEntryDropped { path, reason } => {
                tracing::warn!(path = %path.display(), reason, "a damaged entry of the download cache was thrown away");
            }
            ProgressEvent::SignaturesNotLookedUp {
                plugin,
                source,
                reason,
            } => {
                tracing::warn!(
                    plugin,
                    source,
                    reason,
                    "the source could not be asked for signatures; those it listed last are used"
                );
            }
            ProgressEvent::Resolving { plugin, source } if self.shown => {
                crate::output::notice(&format!("asking {source} for {plugin}"));
            }
            ProgressEvent::Uploading { what, bytes } if self.shown => {
                crate::output::notice(&format!("sending the {what}, {bytes} bytes"));
            }
            ProgressEvent::AlreadyThere { what } if self.shown => {
                crate::output::notice(&format!("the {what} is there already"));
            }
            ProgressEvent::Written { path } if self.shown => {
                crate::output::notice(&format!("wrote {}", path.display()));
            }
            other => tracing::debug!(?other, "plugin transfer"),
        }
    }
}
