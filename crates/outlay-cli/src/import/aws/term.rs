use super::aws_amount;
use super::offer_file::{Dimension, Term};
use super::offer_prices::OfferPrices;
use super::product::PricedItem;
use outlay_price::parts::Start;

/// Adds the prices of one product's term.
pub(super) fn read(what: &str, item: &PricedItem, term: &Term<'_>, offer_prices: &mut OfferPrices) {
    // A table has days only: a price starts with its day, whatever the hour.
    let start = match term.effective_date.as_deref() {
        None => None,
        Some(text) => match text.get(..10).and_then(Start::parse) {
            Some(start) => Some(start),
            None => return offer_prices.skip(what, format!("`{text}` is not a date")),
        },
    };
    for (_, raw) in &term.price_dimensions.0 {
        let price: Dimension = match serde_json::from_str(raw.get()) {
            Ok(price) => price,
            Err(error) => {
                offer_prices.skip(what, format!("not a price: {error}"));
                continue;
            }
        };
        if let Some(begin) = price.begin_range.as_deref().filter(|begin| *begin != "0") {
            offer_prices
                .skip(what, format!("the price from {begin} units a month on: the price of the first ones is used"));
            continue;
        }
        let inserted =
            aws_amount::read(item, &price).and_then(|amount| offer_prices.insert(item, start.clone(), amount));
        if let Err(why) = inserted {
            offer_prices.skip(what, why);
        }
    }
}
