//! Which endpoint, by which protocol.

use std::env;

use super::InitError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Http,
}

/// The endpoint that the environment names, unless it switches the SDK off.
pub(super) fn endpoint() -> Option<String> {
    let is_set = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    if is_set("OTEL_SDK_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true")) {
        return None;
    }
    is_set("OTEL_EXPORTER_OTLP_ENDPOINT")
        .or_else(|| is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
        .or_else(|| is_set("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"))
}

pub(super) fn of(endpoint: &str) -> Result<Protocol, InitError> {
    choose(env::var("OTEL_EXPORTER_OTLP_PROTOCOL").ok().as_deref(), endpoint)
}

/// The specification leaves the default to the SDK and wants `http/protobuf`; but 4317 speaks gRPC everywhere.
fn choose(protocol: Option<&str>, endpoint: &str) -> Result<Protocol, InitError> {
    match protocol.map(str::trim) {
        Some("grpc") => Ok(Protocol::Grpc),
        Some("http/protobuf") => Ok(Protocol::Http),
        Some("") | None => {
            let is_grpc_port = endpoint.trim_end_matches('/').ends_with(":4317");
            Ok(if is_grpc_port { Protocol::Grpc } else { Protocol::Http })
        }
        Some(other) => Err(InitError::Protocol(other.chars().take(64).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_decides_where_nothing_else_does() {
        let chosen = |protocol, endpoint| choose(protocol, endpoint).ok();
        assert_eq!(chosen(None, "http://localhost:4317"), Some(Protocol::Grpc));
        assert_eq!(chosen(None, "http://localhost:4318/"), Some(Protocol::Http));
        assert_eq!(chosen(Some("http/protobuf"), "http://localhost:4317"), Some(Protocol::Http));
        assert_eq!(chosen(Some("grpc"), "http://localhost:9"), Some(Protocol::Grpc));
    }

    #[test]
    fn an_unknown_protocol_is_an_error_that_says_which_are_known() {
        let error = choose(Some("http/json"), "http://localhost:4318").map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("OTEL_EXPORTER_OTLP_PROTOCOL is `http/json`, which is none of: grpc, http/protobuf".to_owned())
        );
    }
}
