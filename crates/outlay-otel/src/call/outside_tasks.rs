//! Calls outside any task: the places in the application that make them, and their refusal.

use std::sync::Arc;

use outlay_ledger::{Refusal, RefusedOutsideTask, shown};
use tracing::{Metadata, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

use super::call_start::CallStart;
use crate::names::TRACING_TARGET;
use crate::registry::OutsideTasks;
use crate::scope::TracedScope;

/// Returns the place in the application that makes the call, if it is outside any task. Warns once for each place, unless
/// the call is refused.
pub(super) fn call_site(scope: &TracedScope, start: &CallStart) -> Option<Arc<str>> {
    if !scope.is_unattributed() {
        return None;
    }
    let core = scope.core();
    // A call inside a scope has the place where the scope was made.
    let site = scope.site().cloned().unwrap_or_else(|| {
        let span = application_span();
        let site = span.unwrap_or_else(|| format!("{} {}", start.operation.as_str(), shown(&start.model)));
        core.texts.intern(&site)
    });
    // A refused call needs no warning: it returns an error.
    if !start.operation.is_free() && core.outside.rule != OutsideTasks::Refuse {
        core.outside.warn_of(&site);
    }
    Some(site)
}

/// Returns the refusal of the call, if it is outside any task and such calls are refused.
pub(super) fn refusal(scope: &TracedScope, start: &CallStart) -> Option<Refusal> {
    if scope.core().outside.rule != OutsideTasks::Refuse {
        return None;
    }
    let site = call_site(scope, start)?;
    Some(Refusal::OutsideTask(RefusedOutsideTask::new(start.model.clone(), site)))
}

/// Describes the application's innermost `tracing` span, which is neither one of Outlay nor one of the AWS SDK.
fn application_span() -> Option<String> {
    let describe = |metadata: &Metadata<'_>| {
        let (target, name) = (metadata.target(), metadata.name());
        let (file, line) = (metadata.file().unwrap_or("unknown"), metadata.line().unwrap_or_default());
        format!("{target}: {name} ({file}:{line})")
    };
    dispatcher::get_default(|dispatch| {
        let current = dispatch.current_span();
        let innermost = current.metadata().filter(|metadata| is_of_application(metadata.target()));
        if let Some(metadata) = innermost {
            return Some(describe(metadata));
        }
        // Only the registry of tracing-subscriber knows the enclosing spans.
        let innermost = dispatch.downcast_ref::<Registry>()?.span(current.id()?)?;
        let mut around = innermost.scope().map(|span| span.metadata());
        around.find(|metadata| is_of_application(metadata.target())).map(describe)
    })
}

/// Returns whether a span with this target is the application's. Targets are module paths unless they are set explicitly.
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
    fn spans_of_outlay_and_the_sdk_do_not_count_as_the_applications() {
        for target in ["outlay", "outlay::call", "aws_smithy_runtime::client::orchestrator", "aws_sdk_bedrockruntime"] {
            assert!(!is_of_application(target), "{target}");
        }
        for target in ["outlay_demo::agent", "aws_helper", "helpdesk", "", "my target"] {
            assert!(is_of_application(target), "{target}");
        }
    }
}
