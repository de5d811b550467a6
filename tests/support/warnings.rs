use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// Counts the warnings that the library logs on this thread.
#[derive(Clone, Debug, Default)]
pub struct Warnings(Arc<AtomicUsize>);

impl Warnings {
    /// How many there have been since the last time.
    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }

    /// Who counts them.
    pub fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        tracing_subscriber::registry().with(self.clone())
    }
}

impl<S: tracing::Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == tracing::Level::WARN && event.metadata().target() == "outlay" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}
