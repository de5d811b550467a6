//! Reads the model, host and region from the request as it is sent.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// The operations with a model in their path.
const OPERATIONS: [&str; 6] = [
    "converse",
    "converse-stream",
    "invoke",
    "invoke-with-response-stream",
    "invoke-with-bidirectional-stream",
    "count-tokens",
];

/// The parts of the request's URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WireFacts<'a> {
    pub(crate) host: Option<&'a str>,
    pub(crate) port: Option<u16>,
    /// The model in the path, still encoded.
    encoded_model: Option<&'a str>,
    /// The region in the host name, if the host is AWS's.
    pub(crate) region: Option<&'a str>,
}

pub(crate) fn read(request: &HttpRequest) -> WireFacts<'_> {
    read_uri(request.uri())
}

/// The SDK has built the URI, so it is only split and not validated.
fn read_uri(uri: &str) -> WireFacts<'_> {
    let Some((scheme, rest)) = uri.split_once("://") else { return WireFacts::default() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let default_port = match scheme {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    // A colon inside brackets belongs to an IPv6 address.
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, default_port),
    };
    // A gateway's own path may contain `/model/` too: the last one with an operation after it counts.
    let mut models = path.rmatch_indices("/model/").filter_map(|(at, mark)| path[at + mark.len()..].split_once('/'));
    let model = models.find(|(_, operation)| OPERATIONS.contains(operation)).map(|(model, _)| model);
    WireFacts {
        host: Some(host).filter(|host| !host.is_empty()),
        port,
        encoded_model: model.filter(|model| !model.is_empty()),
        region: region_of_host(host),
    }
}

impl WireFacts<'_> {
    /// Returns the model in the path, if it is not `expected`.
    pub(crate) fn other_model(&self, expected: &str) -> Option<String> {
        let encoded = self.encoded_model.filter(|encoded| *encoded != expected)?;
        percent_decode(encoded).filter(|model| model != expected)
    }
}

/// Matches `bedrock-runtime[-fips].{region}.amazonaws.com`, also dual-stack hosts, China's and those of VPC
/// endpoints.
fn region_of_host(host: &str) -> Option<&str> {
    let mut labels = host.split('.').skip_while(|l| !matches!(*l, "bedrock-runtime" | "bedrock-runtime-fips"));
    labels.next()?;
    let region = labels.next()?;
    let is_aws = match (labels.next()?, labels.next()) {
        ("amazonaws" | "vpce", _) => true,
        ("api", Some(domain)) => matches!(domain, "aws" | "amazonwebservices"),
        _ => false,
    };
    is_aws.then_some(region)
}

/// The SDK encodes the model twice for its signature, but once on the wire.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |b: u8| char::from(b).to_digit(16);
                let byte = digit(*high)? * 16 + digit(*low)?;
                bytes.push(u8::try_from(byte).ok()?);
                after
            }
            (b'%', _) => return None,
            (byte, after) => {
                bytes.push(*byte);
                after
            }
        };
    }
    String::from_utf8(bytes).ok().filter(|model| !model.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_and_region_come_from_the_uri() {
        let facts = read_uri(
            "https://bedrock-runtime.eu-central-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse",
        );
        let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.x";
        assert_eq!(facts.other_model("another").as_deref(), Some(arn));
        assert_eq!(facts.other_model(arn), None);
        assert_eq!(facts.region, Some("eu-central-1"));
        assert_eq!((facts.host, facts.port), (Some("bedrock-runtime.eu-central-1.amazonaws.com"), Some(443)));
        let local = read_uri("http://[::1]:8080/model/m/converse");
        assert_eq!((local.host, local.port), (Some("[::1]"), Some(8080)));
        assert_eq!(read_uri("http://[::1]/model/m/converse").port, Some(80));
    }

    #[test]
    fn only_an_aws_host_has_a_region() {
        for (host, region) in [
            ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("bedrock-runtime.us-east-1.api.aws", Some("us-east-1")),
            ("vpce-0a-1b.bedrock-runtime.us-east-1.vpce.amazonaws.com", Some("us-east-1")),
            ("bedrock-runtime.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("127.0.0.1", None),
            ("bedrock-runtime.internal.example.com", None),
        ] {
            assert_eq!(region_of_host(host), region, "{host}");
        }
    }

    #[test]
    fn a_malformed_uri_has_no_model() {
        for uri in ["::", "", "http://h:8080/model/%zz/converse", "http://h/model//converse", "http://h/guardrail/x"] {
            assert_eq!(read_uri(uri).other_model("expected"), None, "{uri}");
        }
    }
}
