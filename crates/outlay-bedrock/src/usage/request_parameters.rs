//! Reads the parameters of an InvokeModel request, under any family's names.

use serde::Deserialize;

use super::lenient::{self, Number, Object, Text};
use super::lenient_count::Count;

/// The parameters that spans contain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Parameters {
    /// The maximum number of output tokens.
    pub(crate) max_tokens: Option<u64>,
    /// The number of answers that are asked for.
    pub(crate) answers: Option<u64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    /// OpenAI's service tier, if Bedrock has it.
    pub(crate) tier: Option<&'static str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Request {
    /// Nova's and Titan's parameters are in an object of their own, under the same names.
    #[serde(rename = "inferenceConfig")]
    nova: Object<Box<Request>>,
    #[serde(rename = "textGenerationConfig")]
    titan: Object<Box<Request>>,
    max_tokens: Count,
    max_completion_tokens: Count,
    max_gen_len: Count,
    max_tokens_to_sample: Count,
    max_new_tokens: Count,
    #[serde(rename = "maxTokens")]
    max_tokens_camel: Count,
    #[serde(rename = "maxNewTokens")]
    max_new_tokens_camel: Count,
    #[serde(rename = "maxTokenCount")]
    max_token_count: Count,
    /// OpenAI's Responses.
    max_output_tokens: Count,
    /// The numbers of answers of OpenAI, AI21 and Cohere.
    n: Count,
    best_of: Count,
    num_generations: Count,
    #[serde(rename = "numResults")]
    num_results: Count,
    temperature: Number,
    top_p: Number,
    #[serde(rename = "topP")]
    top_p_camel: Number,
    service_tier: Text,
}

impl Request {
    fn parameters(&self) -> Parameters {
        let limits = [
            self.max_tokens,
            self.max_completion_tokens,
            self.max_gen_len,
            self.max_tokens_to_sample,
            self.max_new_tokens,
            self.max_tokens_camel,
            self.max_new_tokens_camel,
            self.max_token_count,
            self.max_output_tokens,
        ];
        Parameters {
            // It is unknown which of two limits the model uses, so the larger one counts.
            max_tokens: limits.into_iter().filter_map(|count| count.0).max(),
            answers: [self.n, self.best_of, self.num_generations, self.num_results]
                .into_iter()
                .filter_map(|n| n.0)
                .max(),
            temperature: self.temperature.0,
            top_p: self.top_p.0.or(self.top_p_camel.0),
            tier: self.service_tier.tier(),
        }
    }
}

/// Reads the request. Parts that cannot be read are missing.
pub(crate) fn read_request(json: &[u8]) -> Parameters {
    let request: Request = lenient::read(json);
    let own = request.parameters();
    let inner = |config: &Object<Box<Request>>| config.0.as_ref().map(|c| c.parameters()).unwrap_or_default();
    let (nova, titan) = (inner(&request.nova), inner(&request.titan));
    Parameters {
        max_tokens: own.max_tokens.max(nova.max_tokens).max(titan.max_tokens),
        answers: own.answers,
        temperature: own.temperature.or(nova.temperature).or(titan.temperature),
        top_p: own.top_p.or(nova.top_p).or(titan.top_p),
        tier: own.tier,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_are_found_by_each_familys_names() {
        for request in [
            r#"{"max_tokens":7,"temperature":0.5,"top_p":0.9,"messages":[{"role":"user"}]}"#,
            r#"{"max_completion_tokens":7,"temperature":0.5,"top_p":0.9}"#,
            r#"{"max_gen_len":7,"temperature":0.5,"top_p":0.9}"#,
            r#"{"maxTokens":7,"temperature":0.5,"topP":0.9}"#,
            r#"{"inferenceConfig":{"maxTokens":7,"temperature":0.5,"topP":0.9}}"#,
            r#"{"inferenceConfig":{"max_new_tokens":7,"temperature":0.5,"top_p":0.9}}"#,
            r#"{"textGenerationConfig":{"maxTokenCount":7,"temperature":0.5,"topP":0.9}}"#,
        ] {
            let expected =
                Parameters { max_tokens: Some(7), temperature: Some(0.5), top_p: Some(0.9), ..Parameters::default() };
            assert_eq!(read_request(request.as_bytes()), expected, "{request}");
        }
    }

    #[test]
    fn the_number_of_answers_is_found_by_each_familys_name() {
        for request in [r#"{"n":3}"#, r#"{"num_generations":3}"#, r#"{"numResults":3}"#] {
            assert_eq!(read_request(request.as_bytes()).answers, Some(3), "{request}");
        }
    }

    #[test]
    fn only_a_bedrock_tier_is_found() {
        for (request, tier) in [
            (r#"{"service_tier":"flex"}"#, Some("flex")),
            (r#"{"service_tier":"priority"}"#, Some("priority")),
            (r#"{"service_tier":"auto"}"#, None),
            (r#"{"service_tier":{"type":"flex"}}"#, None),
        ] {
            assert_eq!(read_request(request.as_bytes()).tier, tier, "{request}");
        }
    }

    #[test]
    fn an_invalid_parameter_does_not_lose_the_others() {
        let parameters = read_request(br#"{"max_tokens":7,"temperature":"hot","top_p":[1],"inferenceConfig":3}"#);
        assert_eq!(parameters, Parameters { max_tokens: Some(7), ..Parameters::default() });
        for nothing in [&br#"{"prompt":"hi"}"#[..], b"", b"not json"] {
            assert_eq!(read_request(nothing), Parameters::default());
        }
    }
}
