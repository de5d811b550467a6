use std::fmt;
use std::sync::Arc;

use outlay_ledger::{AlertKind, TaskId};

use crate::callback::guarded;

/// An alert, with where to look.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Notice {
    /// The name of what tells it: that of a budget's scope or rule, of what is stopped, of a task.
    pub name: String,
    /// What happened.
    pub kind: AlertKind,
    /// The task in which it happened.
    pub task_id: TaskId,
    /// That task's name.
    pub task: Arc<str>,
    /// The trace that it is in, as 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// The application's function that receives notices; none by default.
#[derive(Clone, Default)]
pub struct OnAlert(Option<Arc<Receive>>);

type Receive = dyn Fn(&Notice) + Send + Sync;

impl OnAlert {
    /// Wraps the function. It is called on the path of a call, and should return soon.
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
