//! Work outside any task: where in the application it happens, and what becomes of it.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashSet;
use outlay_ledger::{Refusal, RefusedOutsideTask, shown};
use tracing::{Metadata, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

use crate::call::CallStart;
use crate::names::TRACING_TARGET;
use crate::{Engine, Scope};

/// The most sites that are warned of.
const MAX_WARNINGS: usize = 200;

/// Whether this process has ever had a task. Before the first one, nothing is warned of.
static HAS_HAD_A_TASK: AtomicBool = AtomicBool::new(false);

/// What happens to model calls outside any task. Budgets of rules limit them; those of tasks do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutsideTasks {
    /// They are made, and counted as unattributed.
    Allow,
    /// The same, with one warning for each place in the application, as soon as the process has had a task.
    #[default]
    Warn,
    /// They are refused before anything is sent. Charges and recorded calls are already spent: they are counted, with the
    /// warning.
    Refuse,
}

/// What is done about work outside any task, and which sites have been warned of.
#[derive(Debug, Default)]
pub(crate) struct OutsideWork {
    rule: OutsideTasks,
    warned: Mutex<HashSet<Arc<str>>>,
    /// Whether a warning has said that there are more sites.
    too_many: AtomicBool,
}

/// Notes that the process has a task.
pub(crate) fn task_opened() {
    HAS_HAD_A_TASK.store(true, Ordering::Relaxed);
}

impl OutsideWork {
    pub(crate) fn new(rule: OutsideTasks) -> Self {
        Self { rule, warned: Mutex::default(), too_many: AtomicBool::new(false) }
    }

    /// Records the site. Returns whether it is new, and to be warned of.
    fn is_first_warning(&self, site: &Arc<str>) -> bool {
        if self.rule == OutsideTasks::Allow || !HAS_HAD_A_TASK.load(Ordering::Relaxed) {
            return false;
        }
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.len() < MAX_WARNINGS {
            return warned.insert(site.clone());
        }
        if !warned.contains(site) && !self.too_many.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "outlay",
                "there is work outside any task at more than {MAX_WARNINGS} places: no other place is warned of. \
                 Outlay::attribution() lists the dearest"
            );
        }
        false
    }

    fn warn_of(&self, site: &Arc<str>) {
        if self.is_first_warning(site) {
            tracing::warn!(
                target: "outlay",
                site = &**site,
                "work outside any task, at {site}: its cost counts as unattributed, and no task's budget limits it. Carry \
                 the task into spawned work with outlay::in_scope(future), or tracing's .in_current_span(). If this is \
                 intended, Builder::outside_tasks(OutsideTasks::Allow) ends this warning"
            );
        }
    }
}

impl Engine {
    /// Returns the scope for work outside any task that begins with a call of our `function` at `at`. Warns of each place
    /// once, unless such work is allowed.
    pub fn scope_outside_tasks(&self, function: &str, at: &Location<'_>) -> Scope {
        // Where it is given to a function of the standard library, such as `map`, that is what calls it.
        let site = match at.file().starts_with("/rustc/") {
            true => format!("{function}, called by the standard library"),
            false => format!("{function} ({}:{})", at.file(), at.line()),
        };
        let site = self.intern(&site);
        self.inner().outside.warn_of(&site);
        Scope::at_site(self.clone(), site)
    }
}

impl Scope {
    /// Returns where in the application a call is made, if that is outside any task. Warns of it once, unless it is refused.
    pub(crate) fn note_site_of_call(&self, start: &CallStart) -> Option<Arc<str>> {
        if !self.is_unattributed() {
            return None;
        }
        // Inside a scope of ours it is where that was made.
        let site = self.site().cloned().unwrap_or_else(|| {
            let span = application_span();
            let site = span.unwrap_or_else(|| format!("{} {}", start.operation.as_str(), shown(&start.model)));
            self.engine().intern(&site)
        });
        let outside = &self.engine().inner().outside;
        // The error of a refused call says it all.
        if !start.operation.is_free() && outside.rule != OutsideTasks::Refuse {
            outside.warn_of(&site);
        }
        Some(site)
    }

    /// Returns the scope of this engine at the same place, if this scope is outside any task of another engine, and this
    /// one refuses calls there: whichever of the two refuses, the call is.
    pub(crate) fn refused_by(&self, engine: &Engine) -> Option<Self> {
        let refuses = engine.inner().outside.rule == OutsideTasks::Refuse;
        let is_others = self.engine() != engine && self.is_unattributed();
        (refuses && is_others).then(|| match self.site() {
            Some(site) => Self::at_site(engine.clone(), site.clone()),
            None => engine.unattributed_scope(),
        })
    }

    /// Returns why a call outside any task is refused, if it is.
    pub(crate) fn refusal_outside_task(&self, start: &CallStart) -> Option<Refusal> {
        if self.engine().inner().outside.rule != OutsideTasks::Refuse {
            return None;
        }
        let site = self.note_site_of_call(start)?;
        Some(Refusal::OutsideTask(RefusedOutsideTask::new(start.model.clone(), site)))
    }
}

/// The application's innermost `tracing` span: neither one of ours nor one of the AWS SDK's.
fn application_span() -> Option<String> {
    let described = |metadata: &Metadata<'_>| {
        let (target, name) = (metadata.target(), metadata.name());
        let (file, line) = (metadata.file().unwrap_or("unknown"), metadata.line().unwrap_or_default());
        format!("{target}: {name} ({file}:{line})")
    };
    dispatcher::get_default(|dispatch| {
        let current = dispatch.current_span();
        let innermost = current.metadata().filter(|metadata| is_of_application(metadata.target()));
        if let Some(metadata) = innermost {
            return Some(described(metadata));
        }
        // Only the registry of tracing-subscriber can say what is around it.
        let innermost = dispatch.downcast_ref::<Registry>()?.span(current.id()?)?;
        let mut around = innermost.scope().map(|span| span.metadata());
        around.find(|metadata| is_of_application(metadata.target())).map(described)
    })
}

/// Targets are module paths, unless the application says otherwise.
fn is_of_application(target: &str) -> bool {
    let library = target.split("::").next().unwrap_or(target);
    let of_sdk = ["aws_config", "aws_credential_types", "aws_runtime", "aws_sigv4"].contains(&library)
        || library.starts_with("aws_sdk_")
        || library.starts_with("aws_smithy_");
    !of_sdk && library != TRACING_TARGET
}

#[cfg(test)]
mod tests {
    use super::is_of_application;

    #[test]
    fn our_spans_and_the_sdks_are_not_the_applications() {
        for target in ["outlay", "outlay::call", "aws_smithy_runtime::client::orchestrator", "aws_sdk_bedrockruntime"] {
            assert!(!is_of_application(target), "{target}");
        }
        for target in ["outlay_demo::agent", "aws_helper", "helpdesk", "", "my target"] {
            assert!(is_of_application(target), "{target}");
        }
    }
}
