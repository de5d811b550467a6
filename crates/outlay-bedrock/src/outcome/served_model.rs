//! Which model served a call, where the answer tells.

use outlay_otel::CallEnd;
use outlay_price::{ModelRef, NamedModel, Routing};

use super::Context;

/// The longest name of a model that is taken over from an answer.
const MAX_NAME: usize = 256;

impl Context<'_> {
    /// The model that served the call, as far as an ARN in the answer tells.
    pub(super) fn answered_by<'b>(&'b self, invoked: Option<&'b str>) -> Option<ModelRef<'b>> {
        match invoked.and_then(|invoked| ModelRef::parse(invoked).ok()) {
            Some(invoked) => Some(self.prices.resolve(invoked)),
            None => self.called,
        }
    }

    /// Puts the name of the model on the span that answered, and its price in the place of the one that was called.
    pub(super) fn name_model(&self, end: &mut CallEnd, invoked: Option<String>, named: Option<String>) {
        if let Some(invoked) = invoked {
            end.response_model = Some(invoked.clone());
            end.priced_model = Some(invoked);
            return;
        }
        let Some(named) = named.filter(|named| !named.is_empty() && named.len() <= MAX_NAME) else { return };
        let Some(called) = self.called else { return };
        match self.prices.named_model(called, &named) {
            NamedModel::Called => {}
            NamedModel::Unknown => end.response_model = Some(named),
            NamedModel::Other(id) => {
                end.priced_model = Some(match called.routing() {
                    Some(Routing::InRegion) | None => id.to_owned(),
                    Some(routing) => format!("{}.{id}", routing.as_str()),
                });
                end.response_model = Some(named);
            }
        }
    }
}
