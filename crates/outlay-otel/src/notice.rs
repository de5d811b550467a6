use std::fmt;
use std::sync::Arc;

use outlay_ledger::{AlertKind, TaskId};
use serde::{Serialize, Serializer};

use crate::callback::guarded;

/// An alert with its task and trace.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Notice {
    /// The name of the source: a budget's scope or rule, what is stopped, or a task.
    pub name: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: AlertKind,
    /// The task in which it happened.
    pub task_id: TaskId,
    /// That task's name.
    #[serde(serialize_with = "text")]
    pub task: Arc<str>,
    /// The id of the trace, as 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// The application's function that receives notices. Defaults to none.
#[derive(Clone, Default)]
pub struct OnAlert(Option<Arc<Receive>>);

type Receive = dyn Fn(&Notice) + Send + Sync;

impl OnAlert {
    /// Wraps a function. Calls wait for it, so it should return quickly.
    pub fn new(receive: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(receive)))
    }

    pub(crate) fn call(&self, notice: &Notice) {
        if let Some(receive) = &self.0 {
            let _ = guarded("on_alert", || receive(notice));
        }
    }
}

impl fmt::Debug for OnAlert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnAlert")
    }
}
