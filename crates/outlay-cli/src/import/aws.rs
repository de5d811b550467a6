//! AWS's own price list: bulk offer files, one product for each usage type.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::imported::{ImportError, Imported, Skipped, layer};

mod amount;
mod book;
mod line;
mod offer;
mod product;

use book::Book;
use offer::{Offer, Pairs, Term};
use product::Product;

const FORMAT: &str = "an AWS price list of Amazon Bedrock";

/// The offers that have prices of Bedrock.
const OFFERS: [&str; 3] = ["AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels"];

/// Imports a bulk offer file of AWS's price list: the `index.json` of `AmazonBedrock`, `AmazonBedrockService` or
/// `AmazonBedrockFoundationModels`.
///
/// See [`aws_price_lists`].
///
/// # Errors
///
/// Where the text is no such file.
pub fn aws_price_list(text: &str) -> Result<Imported, ImportError> {
    aws_price_lists(&[text])
}

/// Imports bulk offer files of AWS's price list together: the prices of one model may be spread over several.
///
/// Each price is of the region of its product, from the day of its term on. What AWS does not tell is taken so:
///
/// - A price that names no routing is that of the region and, where none is told for it, of the region's geographies.
/// - A cache write that names no lifetime lives five minutes, or thirty with vendors whose caches know no other.
/// - The bound of a long context is that of the bundled table.
/// - Of prices that fall with the volume, the first is taken.
///
/// # Errors
///
/// Where a text is no such file.
pub fn aws_price_lists(texts: &[&str]) -> Result<Imported, ImportError> {
    let mut book = Book::default();
    let mut versions = Vec::new();
    for text in texts {
        let offer: Offer<'_> = serde_json::from_str(text).map_err(|error| ImportError::new(FORMAT, error))?;
        if !OFFERS.contains(&&*offer.offer_code) {
            let problem = format!("the offer `{}` has no prices of Bedrock", offer.offer_code);
            return Err(ImportError::new(FORMAT, problem));
        }
        read(&offer, &mut book);
        versions.push(format!("{}-{}", offer.offer_code, offer.version));
        book.as_of = book.as_of.max(offer.publication_date.get(..10).unwrap_or_default().to_owned());
    }
    let (rows, skipped) = book.into_rows();
    Ok(layer(&versions.join("+"), rows, skipped))
}

fn read(offer: &Offer<'_>, book: &mut Book) {
    let mut products = BTreeMap::new();
    for (sku, raw) in &offer.products.0 {
        match serde_json::from_str::<Product>(raw.get()) {
            Ok(_) if products.contains_key(sku) => book.skip(sku, "the product is there twice"),
            Ok(product) => drop(products.insert(sku.clone(), product)),
            Err(error) => book.skip(sku, format!("not a product: {error}")),
        }
    }
    for kind in offer.terms.0.iter().map(|(kind, _)| kind).filter(|kind| *kind != "OnDemand") {
        book.skip(&format!("terms {kind}"), "only on-demand prices are read");
    }
    let on_demand = offer.terms.0.iter().find(|(kind, _)| kind == "OnDemand").map(|(_, raw)| raw.get());
    let terms: Pairs<&RawValue> = on_demand.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut by_sku = BTreeMap::new();
    for (sku, raw) in terms.0 {
        if by_sku.insert(sku.clone(), raw).is_some() {
            book.skip(&sku, "its terms are there twice: the last are taken");
        }
    }
    for (sku, product) in &products {
        let what = product.name(sku);
        let raw = by_sku.remove(sku);
        let subject = match product.subject() {
            Ok(subject) => subject,
            Err(why) => {
                book.skip(&what, why);
                continue;
            }
        };
        let Some(raw) = raw else {
            book.skip(&what, "it has no on-demand price");
            continue;
        };
        match serde_json::from_str::<Pairs<Term<'_>>>(raw.get()) {
            Ok(terms) => terms.0.iter().for_each(|(_, term)| line::read(&what, &subject, term, book)),
            Err(error) => book.skip(&what, format!("not a term: {error}")),
        }
    }
    for sku in by_sku.keys() {
        book.skip(sku, "a price of no product");
    }
}

impl Book {
    fn skip(&mut self, what: &str, why: impl Into<String>) {
        self.skipped.push(Skipped::new(format!("aws-price-list {what}"), why));
    }
}

#[cfg(test)]
mod tests;
