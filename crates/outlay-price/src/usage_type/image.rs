use super::UsageKind;
use super::words::Word;
use crate::Unit;

/// Parses `NovaCanvas-T2I-1024-Premium`: a label, the task, the longest side of the image, and its quality.
pub(super) fn parse<'a>(body: &'a str, words: &[Word<'a>]) -> Option<(&'a str, UsageKind<'a>)> {
    let (rest, [task, side, quality]) = words.split_last_chunk()?;
    if rest.is_empty() || !matches!(task.text, "T2I" | "I2I") {
        return None;
    }
    let word = match quality.text {
        "Standard" => "standard",
        "Premium" => "premium",
        _ => return None,
    };
    let kind =
        UsageKind::Units { unit: Unit::OutputImage, side: Some(side.text.parse().ok()?), word: Some(word.into()) };
    Some((body.get(..task.start.checked_sub(1)?)?, kind))
}
