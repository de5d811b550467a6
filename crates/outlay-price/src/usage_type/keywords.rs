//! The keywords after the label of a usage type.

use super::words::Word;
use super::{BilledRouting, Problem, TokenKind, Unknown, UsageKind, UsageType};
use crate::{CacheTtl, Tier, Unit};

/// The meaning of a keyword.
#[derive(Clone, Copy)]
enum Meaning {
    Tokens(TokenKind),
    PerMinute(TokenKind),
    Unit(Unit),
    /// A keyword that is only valid after a cache keyword.
    CachedTokens,
    Tier(Tier),
    Routing(BilledRouting),
    Ttl(CacheTtl),
    Commitment(&'static str),
    LongContext,
    CustomModel,
    Millions,
    /// A keyword that does not affect the price.
    Ignored,
}

use Meaning::{
    CachedTokens, Commitment, CustomModel, Ignored, LongContext, Millions, PerMinute, Routing, Tier as OfTier, Tokens,
    Ttl, Unit as OfUnit,
};

/// The words of each keyword and its meaning. A longer keyword precedes its prefixes, and cache keywords precede input
/// keywords.
const KEYWORDS: &[(&[&str], Meaning)] = &[
    (&["cache", "read"], Tokens(TokenKind::CacheRead)),
    (&["cache", "write"], Tokens(TokenKind::CacheWrite(None))),
    (&["speech", "input", "tokens"], Tokens(TokenKind::InputAudio)),
    (&["speech", "output", "tokens"], Tokens(TokenKind::OutputAudio)),
    (&["text", "input", "tokens"], Tokens(TokenKind::Input)),
    (&["text", "output", "tokens"], Tokens(TokenKind::Output)),
    (&["input", "image", "token", "count"], Tokens(TokenKind::InputImage)),
    (&["input", "image", "count"], OfUnit(Unit::InputImage)),
    (&["input", "token", "count"], Tokens(TokenKind::Input)),
    (&["input", "tokens"], Tokens(TokenKind::Input)),
    (&["output", "token", "count"], Tokens(TokenKind::Output)),
    (&["output", "tokens"], Tokens(TokenKind::Output)),
    (&["tokens"], CachedTokens),
    (&["input", "tpm"], PerMinute(TokenKind::Input)),
    (&["output", "tpm"], PerMinute(TokenKind::Output)),
    (&["search", "units"], OfUnit(Unit::Query)),
    (&["created", "image"], OfUnit(Unit::OutputImage)),
    (&["model", "units", "usage"], OfUnit(Unit::ModelUnitHour)),
    (&["model", "units"], OfUnit(Unit::ModelUnitHour)),
    (&["standard"], OfTier(Tier::Default)),
    (&["flex"], OfTier(Tier::Flex)),
    (&["priority"], OfTier(Tier::Priority)),
    (&["batch"], OfTier(Tier::Batch)),
    (&["reserved"], OfTier(Tier::Reserved)),
    (&["provisioned", "throughput"], OfTier(Tier::Provisioned)),
    (&["cross", "region", "global"], Routing(BilledRouting::Global)),
    (&["cross", "region", "geo"], Routing(BilledRouting::Geo)),
    (&["global"], Routing(BilledRouting::Global)),
    (&["geo"], Routing(BilledRouting::Geo)),
    (&["5m"], Ttl(CacheTtl::FiveMinutes)),
    (&["30m"], Ttl(CacheTtl::ThirtyMinutes)),
    (&["1h"], Ttl(CacheTtl::OneHour)),
    (&["no", "commit"], Commitment("no-commitment")),
    (&["1", "month"], Commitment("1-month")),
    (&["3", "month"], Commitment("3-month")),
    (&["6", "month"], Commitment("6-month")),
    (&["long", "context"], LongContext),
    (&["long", "ctx"], LongContext),
    (&["custom", "model"], CustomModel),
    (&["million"], Millions),
    (&["mantle"], Ignored),
];

/// The combined keywords of a usage type.
#[derive(Default)]
pub(super) struct Keywords<'a> {
    tokens: Option<TokenKind>,
    per_minute: Option<TokenKind>,
    unit: Option<Unit>,
    tier: Option<Tier>,
    routing: Option<BilledRouting>,
    ttl: Option<CacheTtl>,
    commitment: Option<&'static str>,
    long_context: Option<()>,
    custom_model: Option<()>,
    millions: Option<()>,
    ignored: Option<()>,
    body: &'a str,
}

/// Returns whether the words start with a keyword.
pub(super) fn is_keyword(words: &[Word<'_>]) -> bool {
    find(words).is_some()
}

fn find(words: &[Word<'_>]) -> Option<(usize, Meaning)> {
    let matches = |keyword: &[&str]| {
        let pairs = keyword.iter().zip(words);
        keyword.len() <= words.len() && pairs.into_iter().all(|(own, word)| own.eq_ignore_ascii_case(word.text))
    };
    KEYWORDS.iter().find(|(words, _)| matches(words)).map(|(words, meaning)| (words.len(), *meaning))
}

impl<'a> Keywords<'a> {
    /// Parses all words. A word that is not a keyword, or repeats one, is an error.
    pub(super) fn read(mut words: &[Word<'a>], body: &'a str) -> Result<Self, Unknown<'a>> {
        let mut keywords = Self { body, ..Self::default() };
        while let Some(first) = words.first() {
            let unknown = Unknown(Problem::Word, first.text);
            match find(words) {
                Some((count, meaning)) if keywords.add(meaning) => words = &words[count..],
                _ => return Err(unknown),
            }
        }
        match (keywords.tokens, keywords.per_minute, keywords.unit) {
            (Some(_), None, None) | (None, Some(_), None) | (None, None, Some(_)) => Ok(keywords),
            _ => Err(Unknown(Problem::NoUnit, body)),
        }
    }

    /// Adds a keyword. Returns whether it was new and compatible with the others.
    fn add(&mut self, meaning: Meaning) -> bool {
        fn set<T>(slot: &mut Option<T>, value: T) -> bool {
            slot.replace(value).is_none()
        }
        let is_cache = matches!(self.tokens, Some(TokenKind::CacheRead | TokenKind::CacheWrite(_)));
        match meaning {
            // `cache-read-input-token-count` counts cached tokens.
            Tokens(TokenKind::Input) | CachedTokens if is_cache => true,
            CachedTokens => false,
            Tokens(kind) => set(&mut self.tokens, kind),
            PerMinute(kind) => set(&mut self.per_minute, kind),
            OfUnit(unit) => set(&mut self.unit, unit),
            OfTier(tier) => set(&mut self.tier, tier),
            Routing(routing) => set(&mut self.routing, routing),
            Ttl(ttl) => set(&mut self.ttl, ttl),
            Commitment(word) => set(&mut self.commitment, word),
            LongContext => set(&mut self.long_context, ()),
            CustomModel => set(&mut self.custom_model, ()),
            Millions => set(&mut self.millions, ()),
            Ignored => set(&mut self.ignored, ()),
        }
    }

    pub(super) fn into_type(self, region: &'static str, label: Option<&'a str>) -> Result<UsageType<'a>, Unknown<'a>> {
        let kind = match (self.tokens, self.per_minute, self.unit) {
            (Some(TokenKind::CacheWrite(_)), ..) => UsageKind::Tokens(TokenKind::CacheWrite(self.ttl)),
            // Only cache writes have a lifetime.
            _ if self.ttl.is_some() => return Err(Unknown(Problem::Word, self.body)),
            (Some(kind), ..) => UsageKind::Tokens(kind),
            (_, Some(kind), _) => UsageKind::TokensPerMinute { kind, commitment: self.commitment },
            (.., Some(unit)) => UsageKind::Units { unit, side: None, word: self.commitment.map(Into::into) },
            (None, None, None) => return Err(Unknown(Problem::NoUnit, self.body)),
        };
        Ok(UsageType {
            routing: self.routing.unwrap_or_default(),
            tier: self.tier.unwrap_or_default(),
            long_context: self.long_context.is_some(),
            custom_model: self.custom_model.is_some(),
            millions: self.millions.is_some(),
            ..UsageType::plain(region, label, kind)
        })
    }
}
