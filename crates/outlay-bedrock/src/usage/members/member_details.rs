//! Reads the details that split a count into parts.
//!
//! Details repeat the count that they split, except for the cache, which has another price. A number that does not
//! count tokens splits nothing. It is reported by its name, like any unlisted number.

use serde::Deserialize;
use serde_json::Value;

use super::Members;
use super::member_names::{Part, Whole};
use super::read_members::CacheCreation;
use crate::usage::lenient::Count;
use crate::usage::positive_number::Positive;

impl Members {
    /// Takes in the details under a name.
    pub(super) fn record_details(&mut self, name: &str, whole: Whole, details: &Value) {
        let parts = self.record_parts(name, whole, details);
        match whole {
            Whole::Input => {
                self.input_is_split |= details.is_object();
                self.input_parts = self.input_parts.max(parts);
            }
            Whole::Output => self.output_parts = self.output_parts.max(parts),
            Whole::Other => {}
        }
    }

    /// Takes in the parts of a count. Returns the minimum number of tokens in the count.
    fn record_parts(&mut self, path: &str, whole: Whole, details: &Value) -> u64 {
        let members = match details {
            Value::Object(members) => members,
            Value::Array(items) => {
                return items.iter().map(|item| self.record_parts(path, whole, item)).max().unwrap_or(0);
            }
            _ => {
                self.doubt_unlisted(path, details);
                return 0;
            }
        };
        let (mut media, mut most) = (0_u64, 0);
        for (name, value) in members {
            match Part::of(whole, name) {
                Part::Number(member) => self.record(member, count(value)),
                Part::Medium => media = media.saturating_add(count(value).0.unwrap_or(0)),
                Part::Audio => {
                    let audio = count(value).0.unwrap_or(0);
                    media = media.saturating_add(audio);
                    if audio > 0 {
                        self.doubts.add(|| format!("usage has {audio} tokens of audio, which are priced as text"));
                    }
                }
                Part::Tokens => most = most.max(count(value).0.unwrap_or(0)),
                Part::CacheCreation => {
                    self.record_cache_creation(CacheCreation::deserialize(value).unwrap_or_default())
                }
                Part::Details => drop(self.record_parts(&format!("{path}.{name}"), Whole::Other, value)),
                Part::Other => self.doubt_unlisted(&format!("{path}.{name}"), value),
            }
        }
        media.max(most)
    }

    fn doubt_unlisted(&mut self, path: &str, value: &Value) {
        if let Ok(Positive(Some(found))) = Positive::deserialize(value) {
            self.doubts.add_unlisted(path, &found);
        }
    }
}

fn count(value: &Value) -> Count {
    Count::deserialize(value).unwrap_or_default()
}
