use super::amount;
use super::book::{Book, Key};
use super::offer::{Dimension, Term};
use super::product::Subject;
use outlay_price::parts::Start;

/// Enters the prices of one product's term.
pub(super) fn read(what: &str, subject: &Subject, term: &Term<'_>, book: &mut Book) {
    // A table knows days: a price of any hour holds from the start of its day.
    let start = match term.effective_date.as_deref() {
        None => None,
        Some(text) => match text.get(..10).and_then(Start::parse) {
            Some(start) => Some(start),
            None => return book.skip(what, format!("`{text}` is no date")),
        },
    };
    for (_, raw) in &term.price_dimensions.0 {
        let price: Dimension = match serde_json::from_str(raw.get()) {
            Ok(price) => price,
            Err(error) => {
                book.skip(what, format!("not a price: {error}"));
                continue;
            }
        };
        if let Some(begin) = price.begin_range.as_deref().filter(|begin| *begin != "0") {
            book.skip(what, format!("the price from {begin} units a month on: that of the first ones is taken"));
            continue;
        }
        let entered = amount::read(subject, &price).and_then(|amount| book.enter(subject, start.clone(), amount));
        if let Err(why) = entered {
            book.skip(what, why);
        }
    }
}

impl From<&Subject> for Key {
    fn from(subject: &Subject) -> Self {
        Self {
            model: subject.model.clone(),
            region: subject.region.clone(),
            routing: subject.routing,
            tier: subject.tier,
        }
    }
}
