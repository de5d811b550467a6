//! The total by model.

use std::cmp::Reverse;

use outlay_ledger::Totals;
use outlay_price::Usd;

use super::line::{LABEL_WIDTH, Piece, gap, wrap};
use super::rounded_usd::{RoundedUsd, Scale, Share};
use super::theme::Theme;

/// A named part of the total.
#[derive(Debug)]
struct Part {
    name: String,
    cost: Usd,
    unpriced: bool,
}

/// Returns the most expensive models that fit on two lines, and the rest as one piece so that they add up.
pub(super) fn by_model(totals: &Totals, cost: Usd, theme: &Theme) -> Vec<Piece> {
    let names = model_names(totals, theme);
    let models = totals.by_model().iter().zip(names);
    let mut parts: Vec<Part> =
        models.map(|(model, name)| Part { name, cost: model.cost, unpriced: model.unpriced_calls > 0 }).collect();
    parts.sort_by_key(|part| Reverse(part.cost));
    let external = cost - parts.iter().map(|part| part.cost).sum();
    if !external.is_zero() {
        parts.push(Part { name: "external".to_owned(), cost: external, unpriced: false });
    }
    let costs: Vec<Usd> = parts.iter().map(|part| part.cost).collect();
    let amounts = RoundedUsd::new(cost).split(&costs);
    let shares = Share::whole(Scale::Percent).split(&costs, cost);
    let text = |name: &str, unpriced: bool, amount: RoundedUsd, share: Share| match unpriced {
        true if amount == RoundedUsd::default() => format!("{name} unpriced"),
        _ => {
            let bound = if unpriced { theme.at_least } else { "" };
            let share = if cost.is_zero() { String::new() } else { format!(" ({})", share.text()) };
            format!("{name} {bound}{}{share}", amount.brief())
        }
    };
    for kept in (0..=parts.len()).rev() {
        let mut texts: Vec<String> =
            (0..kept).map(|i| text(&parts[i].name, parts[i].unpriced, amounts[i], shares[i])).collect();
        if kept < parts.len() {
            let name = format!("{} {} more", theme.ellipsis, parts.len() - kept);
            let amount = amounts[kept..].iter().copied().reduce(RoundedUsd::plus).unwrap_or_default();
            let share = shares[kept..].iter().copied().reduce(Share::plus).unwrap_or(shares[kept]);
            texts.push(text(&name, parts[kept..].iter().any(|part| part.unpriced), amount, share));
        }
        let pieces = || texts.iter().enumerate().map(|(i, text)| Piece::new(gap(i), text)).collect();
        if kept == 0 || wrap(&" ".repeat(LABEL_WIDTH), pieces(), LABEL_WIDTH, usize::MAX, theme).len() <= 2 {
            return pieces();
        }
    }
    Vec::new()
}

/// Returns the cost that is of no model, and its share of the total.
pub(super) fn external(totals: &Totals, cost: Usd) -> (Usd, Share) {
    let mut costs: Vec<Usd> = totals.by_model().iter().map(|model| model.cost).collect();
    costs.sort_by_key(|cost| Reverse(*cost));
    let external = cost - costs.iter().sum();
    costs.push(external);
    let whole = Share::whole(Scale::Percent);
    (external, whole.split(&costs, cost).pop().unwrap_or(whole))
}

/// Returns the shortest names that are unique: `sonnet-4-5`, `us.claude-sonnet-4-5` or the whole id.
fn model_names(totals: &Totals, theme: &Theme) -> Vec<String> {
    let models = totals.by_model();
    let short: Vec<String> = models.iter().map(|model| theme.model(&model.model)).collect();
    let shortest: Vec<&str> = short.iter().map(|name| shortest(name)).collect();
    let is_unique = |names: &[&str], name: &str| names.iter().filter(|n| **n == name).count() == 1;
    let short_refs: Vec<&str> = short.iter().map(String::as_str).collect();
    let choose = |i: usize| match (shortest[i], short_refs[i]) {
        (name, _) if is_unique(&shortest, name) => name.to_owned(),
        (_, name) if is_unique(&short_refs, name) => name.to_owned(),
        _ => theme.clean(&models[i].model),
    };
    (0..models.len()).map(choose).collect()
}

/// Returns a short name without its routing prefix and family.
pub(super) fn shortest(name: &str) -> &str {
    let model = match name.split_once('.') {
        Some((prefix, model)) if prefix.len() <= 6 && prefix.bytes().all(|b| b.is_ascii_lowercase()) => model,
        _ => name,
    };
    model.strip_prefix("claude-").unwrap_or(model)
}
