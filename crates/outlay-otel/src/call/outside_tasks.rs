//! Calls outside any task: where in the application they are made, and whether they are refused.

use std::sync::Arc;

use outlay_ledger::{Refusal, RefusedOutsideTask, shown};
use tracing::{Metadata, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

use super::call_start::CallStart;
use crate::names::TRACING_TARGET;
use crate::registry::OutsideTasks;
use crate::scope::TracedScope;

/// Returns where in the application a call is made, if that is outside any task. Warns of it once, unless the call is
/// refused.
pub(super) fn note_site(scope: &TracedScope, start: &CallStart) -> Option<Arc<str>> {
    if !scope.is_unattributed() {
        return None;
    }
    let core = scope.core();
    // Inside a scope of ours it is where that was made.
    let site = scope.site().cloned().unwrap_or_else(|| {
        let span = application_span();
        let site = span.unwrap_or_else(|| format!("{} {}", start.operation.as_str(), shown(&start.model)));
        core.texts.intern(&site)
    });
    // The error of a refused call says it all.
    if !start.operation.is_free() && core.outside.rule != OutsideTasks::Refuse {
        core.outside.warn_of(&site);
    }
    Some(site)
}

/// Returns why a call outside any task is refused, if it is.
pub(super) fn refusal(scope: &TracedScope, start: &CallStart) -> Option<Refusal> {
    if scope.core().outside.rule != OutsideTasks::Refuse {
        return None;
    }
    let site = note_site(scope, start)?;
    Some(Refusal::OutsideTask(RefusedOutsideTask::new(start.model.clone(), site)))
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
