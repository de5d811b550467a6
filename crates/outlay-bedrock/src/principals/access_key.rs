//! Reads the access key that a request is signed with.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// The maximum length of an access key id. Real ones are shorter.
const MAX_KEY: usize = 128;

/// Returns the access key id and the authentication scheme. The id is an identifier and not a secret, but it is still
/// not passed on from here.
pub(super) fn of_request(request: &HttpRequest) -> Option<(&str, &'static str)> {
    read(request.headers().get("authorization")?)
}

/// A bearer token has no access key.
fn read(authorization: &str) -> Option<(&str, &'static str)> {
    let (algorithm, parameters) = authorization.split_once(' ')?;
    let scheme = match algorithm {
        "AWS4-HMAC-SHA256" => "sigv4",
        "AWS4-ECDSA-P256-SHA256" => "sigv4a",
        _ => return None,
    };
    let credential = parameters.split(',').find_map(|part| part.trim_start().strip_prefix("Credential="))?;
    let key = credential.split('/').next()?;
    (!key.is_empty() && key.len() <= MAX_KEY).then_some((key, scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_key_is_only_read_from_a_signature() {
        let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/bedrock/aws4_request, \
                      SignedHeaders=host;x-amz-date, Signature=0a1b";
        assert_eq!(read(signed), Some(("AKIDEXAMPLE", "sigv4")));
        let asymmetric = "AWS4-ECDSA-P256-SHA256 SignedHeaders=host, Credential=ASIA1/20261120/bedrock/aws4_request";
        assert_eq!(read(asymmetric), Some(("ASIA1", "sigv4a")));
        for odd in [
            "Bearer ABSK-Credential=AKID/x",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 ",
            "AWS4-HMAC-SHA256 Credential=",
            "AWS4-HMAC-SHA256 Credential=/20261120",
            "Basic Credential=AKID/x",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert_eq!(read(&format!("AWS4-HMAC-SHA256 Credential={}/", "A".repeat(500))), None);
    }
}
