//! The import of AWS's price list: bulk offer files with one product for each usage type.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::imported::{ImportError, Imported, layer};

mod aws_amount;
mod offer_file;
mod offer_prices;
mod product;
mod term;

use offer_file::{OfferFile, Pairs, Term};
use offer_prices::OfferPrices;
use product::Product;

const FORMAT: &str = "an AWS price list of Amazon Bedrock";

/// The offers with prices of Bedrock.
const OFFERS: [&str; 3] = ["AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels"];

/// Imports a bulk offer file of AWS's price list: the `index.json` of `AmazonBedrock`, `AmazonBedrockService` or
/// `AmazonBedrockFoundationModels`.
///
/// See [`aws_price_lists`].
///
/// # Errors
///
/// Returns an error if the text is not such a file.
pub fn aws_price_list(text: &str) -> Result<Imported, ImportError> {
    aws_price_lists(&[text])
}

/// Imports bulk offer files of AWS's price list together, because the prices of one model may be spread over several.
///
/// Each price is for the region of its product, from the day of its term on. AWS leaves some facts out, which are
/// assumed:
///
/// - A price without a routing is for the region. It is also for the region's geographies if they have no price.
/// - A cache write without a lifetime lives five minutes, or thirty for vendors whose caches have only that lifetime.
/// - The bound of a long context is the one in the bundled table.
/// - If the price falls with the volume, the first price is used.
///
/// # Errors
///
/// Returns an error if a text is not such a file.
pub fn aws_price_lists(texts: &[&str]) -> Result<Imported, ImportError> {
    let mut offer_prices = OfferPrices::default();
    let mut versions = Vec::new();
    for text in texts {
        let offer: OfferFile<'_> = serde_json::from_str(text).map_err(|error| ImportError::new(FORMAT, error))?;
        if !OFFERS.contains(&&*offer.offer_code) {
            let problem = format!("the offer `{}` has no prices of Bedrock", offer.offer_code);
            return Err(ImportError::new(FORMAT, problem));
        }
        read(&offer, &mut offer_prices);
        versions.push(format!("{}-{}", offer.offer_code, offer.version));
        offer_prices.as_of = offer_prices.as_of.max(offer.publication_date.get(..10).unwrap_or_default().to_owned());
    }
    let (rows, skipped) = offer_prices.into_rows();
    Ok(layer(&versions.join("+"), rows, skipped))
}

fn read(offer: &OfferFile<'_>, offer_prices: &mut OfferPrices) {
    let mut products = BTreeMap::new();
    for (sku, raw) in &offer.products.0 {
        match serde_json::from_str::<Product>(raw.get()) {
            Ok(_) if products.contains_key(sku) => offer_prices.skip(sku, "the product is listed twice"),
            Ok(product) => drop(products.insert(sku.clone(), product)),
            Err(error) => offer_prices.skip(sku, format!("not a product: {error}")),
        }
    }
    for kind in offer.terms.0.iter().map(|(kind, _)| kind).filter(|kind| *kind != "OnDemand") {
        offer_prices.skip(&format!("terms {kind}"), "only on-demand prices are read");
    }
    let on_demand = offer.terms.0.iter().find(|(kind, _)| kind == "OnDemand").map(|(_, raw)| raw.get());
    let terms: Pairs<&RawValue> = on_demand.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut by_sku = BTreeMap::new();
    for (sku, raw) in terms.0 {
        if by_sku.insert(sku.clone(), raw).is_some() {
            offer_prices.skip(&sku, "its terms are listed twice: the last ones are used");
        }
    }
    for (sku, product) in &products {
        let what = product.name(sku);
        let raw = by_sku.remove(sku);
        let item = match product.item() {
            Ok(item) => item,
            Err(why) => {
                offer_prices.skip(&what, why);
                continue;
            }
        };
        let Some(raw) = raw else {
            offer_prices.skip(&what, "it has no on-demand price");
            continue;
        };
        match serde_json::from_str::<Pairs<Term<'_>>>(raw.get()) {
            Ok(terms) => terms.0.iter().for_each(|(_, term)| term::read(&what, &item, term, offer_prices)),
            Err(error) => offer_prices.skip(&what, format!("not a term: {error}")),
        }
    }
    for sku in by_sku.keys() {
        offer_prices.skip(sku, "the price has no product");
    }
}
