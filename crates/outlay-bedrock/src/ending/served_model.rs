//! The model that served a call, if the answer names it.

use outlay_otel::CallEnd;
use outlay_price::{Family, ModelRef, NamedModel, Routing};

use super::Context;

/// The maximum length of a model name that is taken from an answer.
const MAX_NAME: usize = 256;

impl Context<'_> {
    /// Returns the family of the model that served the call: by the ARN in the answer, else by the name in the answer
    /// if it is another model, else by the id that was called.
    pub(super) fn family(&self, invoked: Option<&str>, named: Option<&str>) -> Family {
        let invoked = invoked.and_then(|invoked| ModelRef::parse(invoked).ok());
        if let (None, Some(named), Some(called)) = (invoked, named, self.called)
            && let NamedModel::Other(id) = self.prices.named_model(called, named)
        {
            return ModelRef::parse(id).map_or(Family::Other, |other| other.family());
        }
        let served = invoked.map(|invoked| self.prices.resolve(invoked)).or(self.called);
        match served.map_or(Family::Other, |served| served.family()) {
            Family::Other => named.map_or(Family::Other, |named| self.prices.named_family(named)),
            family => family,
        }
    }

    /// Sets the model that answered, as the name on the span and for the price.
    pub(super) fn name_model(&self, end: &mut CallEnd, invoked: Option<String>, named: Option<String>) {
        if let Some(invoked) = invoked {
            end.response_model = Some(invoked.clone());
            end.priced_model = Some(invoked);
            return;
        }
        let Some(named) = named.filter(|named| !named.is_empty() && named.len() <= MAX_NAME) else { return };
        let called = self.called.map(|called| (called.routing(), self.prices.named_model(called, &named)));
        // A call to provisioned throughput costs nothing, whichever model serves it.
        let is_provisioned = ModelRef::parse(&self.start.model).is_ok_and(|called| self.prices.is_provisioned(called));
        match called {
            Some((_, NamedModel::Called)) => {}
            Some((Some(routing), NamedModel::Other(id))) if !is_provisioned => {
                end.priced_model = Some(match routing {
                    Routing::InRegion => id.to_owned(),
                    routing => format!("{}.{id}", routing.as_str()),
                });
                end.response_model = Some(named);
            }
            // The price of that model is unknown here.
            _ => end.response_model = Some(named),
        }
    }
}
