//! What went on the wire, read from the request as it is sent.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// What the request's URI says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WireFacts {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    /// The model in the path.
    pub(crate) model: Option<String>,
    /// The region in the host's name, where it is one of AWS's.
    pub(crate) region: Option<String>,
}

pub(crate) fn read(request: &HttpRequest) -> WireFacts {
    read_uri(request.uri())
}

fn read_uri(uri: &str) -> WireFacts {
    let Ok(uri) = uri.parse::<http::Uri>() else { return WireFacts::default() };
    let default_port = match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    };
    WireFacts {
        host: uri.host().map(str::to_owned),
        port: uri.port_u16().or(default_port),
        model: uri.path().strip_prefix("/model/").and_then(|p| p.split('/').next()).and_then(percent_decode),
        region: uri.host().and_then(region_of_host).map(str::to_owned),
    }
}

/// `bedrock-runtime[-fips].{region}.amazonaws.com`, also dual-stack, China's and those of VPC endpoints.
fn region_of_host(host: &str) -> Option<&str> {
    let mut labels = host.split('.').skip_while(|l| !matches!(*l, "bedrock-runtime" | "bedrock-runtime-fips"));
    labels.next()?;
    let region = labels.next()?;
    let rest: Vec<&str> = labels.collect();
    let is_aws =
        matches!(rest.as_slice(), ["amazonaws" | "vpce", ..] | ["api", "aws"] | ["api", "amazonwebservices", ..]);
    is_aws.then_some(region)
}

/// The SDK encodes the model twice over for its signature, but once on the wire.
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
    fn model_and_region_are_those_of_the_uri() {
        let facts = read_uri(
            "https://bedrock-runtime.eu-central-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x/converse",
        );
        assert_eq!(facts.model.as_deref(), Some("arn:aws:bedrock:us-east-1:1:inference-profile/us.x"));
        assert_eq!(facts.region.as_deref(), Some("eu-central-1"));
        assert_eq!(
            (facts.host.as_deref(), facts.port),
            (Some("bedrock-runtime.eu-central-1.amazonaws.com"), Some(443))
        );
    }

    #[test]
    fn only_a_host_of_aws_tells_a_region() {
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
    fn an_odd_uri_says_nothing() {
        assert_eq!(read_uri("::").model, None);
        assert_eq!(read_uri("http://h:8080/model/%zz/converse").model, None);
        assert_eq!(read_uri("http://h:8080/model//converse").model, None);
        assert_eq!(read_uri("http://h:8080/guardrail/x").model, None);
    }
}
