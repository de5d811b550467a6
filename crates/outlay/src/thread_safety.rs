//! Asserts that what users hold can be shared between threads.

use crate::budget::{BudgetExceeded, BudgetRule};
use crate::outcome::{OutcomeKey, OutcomeToken};
use crate::policy::Policy;
use crate::propagation::{Incoming, Receipt, RemoteWork};
use crate::{
    BuildError, CurrentTask, Idle, Outlay, OutlayBuilder, Prices, Report, ScopeBuilder, Task, TaskBuilder, Totals,
    scope,
};

const fn is_shared<T: Send + Sync>() {}
const fn is_sent<T: Send>() {}

const _: () = {
    is_shared::<Outlay>();
    is_shared::<OutlayBuilder>();
    is_shared::<BuildError>();
    is_shared::<Task>();
    is_shared::<TaskBuilder>();
    is_shared::<CurrentTask>();
    is_shared::<ScopeBuilder>();
    is_shared::<Totals>();
    is_shared::<Report>();
    is_shared::<Prices>();
    is_shared::<Policy>();
    is_shared::<BudgetRule>();
    is_shared::<BudgetExceeded>();
    is_shared::<OutcomeKey>();
    is_shared::<OutcomeToken>();
    is_shared::<Incoming>();
    is_shared::<Receipt>();
    is_shared::<RemoteWork>();
    is_sent::<Idle>();
    is_sent::<scope::Run<std::future::Ready<()>>>();
    is_sent::<scope::TryRun<std::future::Ready<()>>>();
    is_sent::<scope::TaskRun<'_, std::future::Ready<()>, fn(&Task, &())>>();
    is_sent::<scope::InScope<std::future::Ready<()>>>();
};

#[cfg(feature = "tower")]
const _: () = {
    is_shared::<crate::tower::ClientLayer>();
    is_shared::<crate::tower::ServerLayer>();
};
