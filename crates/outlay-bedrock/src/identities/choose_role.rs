//! Chooses the role that signs the calls of a workflow.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use outlay_otel::guarded;

use super::workflow::Workflow;

/// The roles of workflows.
#[derive(Clone, Default)]
pub(super) struct ChooseRole {
    by_workflow: HashMap<Box<str>, Arc<str>>,
    default: Option<Arc<str>>,
    by: Option<Arc<ChooseBy>>,
}

type ChooseBy = dyn Fn(&Workflow<'_>) -> Option<String> + Send + Sync;

impl ChooseRole {
    pub(super) fn set(&mut self, workflow: &str, role: &str) {
        self.by_workflow.insert(workflow.into(), role.into());
    }

    pub(super) fn set_default(&mut self, role: &str) {
        self.default = Some(role.into());
    }

    pub(super) fn set_by(&mut self, choose: impl Fn(&Workflow<'_>) -> Option<String> + Send + Sync + 'static) {
        self.by = Some(Arc::new(choose));
    }

    pub(super) fn role(&self, workflow: &Workflow<'_>) -> Option<Arc<str>> {
        let by = self.by.as_ref().and_then(|by| guarded("role_by", || by(workflow)).flatten());
        let chosen = by.map(Arc::from).or_else(|| self.by_workflow.get(workflow.name()).cloned());
        chosen.or_else(|| self.default.clone())
    }
}

impl fmt::Debug for ChooseRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChooseRole").field("by_workflow", &self.by_workflow).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use outlay_ledger::Dimensions;

    use super::*;

    #[test]
    fn the_closure_precedes_the_workflow_and_the_default() {
        let mut choose = ChooseRole::default();
        let role = |choose: &ChooseRole, task: &str, workflow: Option<&str>| {
            let mut dimensions = Dimensions::default();
            dimensions.set_named("workflow", workflow.unwrap_or_default());
            choose.role(&Workflow { task, dimensions: &dimensions }).map(|role| role.to_string())
        };
        assert_eq!(role(&choose, "t", None), None);
        choose.set("w", "of w");
        assert_eq!(
            (role(&choose, "t", Some("w")).as_deref(), role(&choose, "w", None).as_deref()),
            (Some("of w"), Some("of w"))
        );
        choose.set_default("of all");
        assert_eq!(role(&choose, "w", Some("v")).as_deref(), Some("of all"), "the workflow precedes the task's name");
        choose.set_by(|workflow| match workflow.task() {
            "panics" => panic!("on purpose"),
            task => task.starts_with("special").then(|| format!("of {task}")),
        });
        assert_eq!(role(&choose, "special-1", Some("w")).as_deref(), Some("of special-1"));
        assert_eq!(role(&choose, "panics", Some("w")).as_deref(), Some("of w"));
    }
}
