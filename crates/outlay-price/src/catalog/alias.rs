use super::{Layer, Prices};
use crate::table::{Alias, Table};
use crate::{ModelRef, ParseModelError};

impl Prices {
    /// Returns the same prices, with an alias from an opaque id to a model. Aliases in the user's file take precedence.
    ///
    /// ```
    /// use outlay_price::{ModelRef, PriceQuery, Prices};
    ///
    /// let profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";
    /// let query = PriceQuery::new(ModelRef::parse(profile)?, "2026-11-20T12:00:00Z".parse()?);
    /// let prices = Prices::bundled();
    /// assert!(prices.lookup(&query).is_none());
    /// let prices = prices.with_alias(profile, "us.anthropic.claude-sonnet-4-5-20250929-v1:0")?;
    /// assert!(prices.lookup(&query).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if `to` does not name a model.
    pub fn with_alias(&self, from: &str, to: &str) -> Result<Self, ParseModelError> {
        self.with(from, to, false)
    }

    /// Returns the same prices, with `from` marked as provisioned throughput of `to`. A call to it costs nothing: its
    /// capacity is billed by the hour. An ARN of provisioned throughput only needs [`with_alias`](Self::with_alias).
    ///
    /// # Errors
    ///
    /// Returns an error if `to` does not name a model.
    pub fn with_provisioned(&self, from: &str, to: &str) -> Result<Self, ParseModelError> {
        self.with(from, to, true)
    }

    fn with(&self, from: &str, to: &str, is_provisioned: bool) -> Result<Self, ParseModelError> {
        let model = ModelRef::parse(to)?;
        if model.base_id().is_none() || model.routing().is_none() {
            return Err(ParseModelError::UnknownResource);
        }
        let mut layers = self.0.list.clone();
        let mut aliases = match layers.pop_if(|last| last.table.is_only_aliases()) {
            Some(last) => last.table.aliases.clone(),
            None => Default::default(),
        };
        aliases.insert(from.into(), Alias { to: to.into(), is_provisioned });
        layers.push(Layer::from(Table::of_aliases(aliases)));
        Ok(Self::of(layers))
    }

    /// Returns all aliases, each with the id of its model.
    pub fn aliases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.list.iter().flat_map(|layer| &layer.table.aliases).map(|(from, alias)| (&**from, &*alias.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PriceQuery;

    const FROM: &str = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";

    fn model(prices: &Prices, id: &str) -> Option<String> {
        let query = PriceQuery::new(ModelRef::parse(id).unwrap(), "2026-11-20T00:00:00Z".parse().unwrap());
        prices.lookup(&query).map(|price| format!("{} {}", price.routing(), price.model()))
    }

    #[test]
    fn an_alias_in_the_users_file_takes_precedence() {
        let own = format!("[[alias]]\nfrom = \"{FROM}\"\nto = \"global.anthropic.claude-opus-5\"\n");
        let own = Prices::from_toml(&own).unwrap().with_alias(FROM, "us.anthropic.claude-sonnet-5").unwrap();
        assert_eq!(model(&own, FROM).as_deref(), Some("global anthropic.claude-opus-5"));
    }

    #[test]
    fn aliases_share_one_layer_and_the_last_one_wins() {
        let mut prices = Prices::bundled();
        for profile in 0..10 {
            prices = prices.with_alias(&format!("{FROM}{profile}"), "us.anthropic.claude-sonnet-5").unwrap();
        }
        assert_eq!(prices.0.tables.len(), 2);
        let prices = prices.with_alias(&format!("{FROM}3"), "us.anthropic.claude-opus-5").unwrap();
        assert_eq!(model(&prices, &format!("{FROM}3")).as_deref(), Some("us anthropic.claude-opus-5"));
        assert_eq!(model(&prices, &format!("{FROM}4")).as_deref(), Some("us anthropic.claude-sonnet-5"));
        assert_eq!(prices.version(), Prices::bundled().version());
    }

    #[test]
    fn an_alias_to_no_model_is_rejected() {
        for to in ["", "no model", "opaque-name", FROM, "sa.meta.llama3-8b-instruct-v1:0"] {
            assert!(Prices::bundled().with_alias(FROM, to).is_err(), "{to}");
        }
    }
}
