//! Which endpoint, by which protocol.

use std::env;

use super::InitError;
use crate::address::without_userinfo;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Http,
}

/// Where the signals go: `None` for one that nobody wants exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) traces: Option<Protocol>,
    pub(super) metrics: Option<Protocol>,
}

/// What the environment asks for.
pub(super) fn wanted() -> Result<Wanted, InitError> {
    read(|name| env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
}

fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Wanted, InitError> {
    if variable("OTEL_SDK_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true")) {
        return Ok(Wanted::default());
    }
    let signal = |name: &str| {
        if variable(&format!("OTEL_{name}_EXPORTER")).is_some_and(|exporter| exporter == "none") {
            return Ok(None);
        }
        let of_signal = |what: &str| {
            variable(&format!("OTEL_EXPORTER_OTLP_{name}_{what}"))
                .or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{what}")))
        };
        let Some(endpoint) = of_signal("ENDPOINT") else { return Ok(None) };
        if endpoint.starts_with("https:") {
            return Err(InitError::Https(without_userinfo(&endpoint).chars().take(128).collect()));
        }
        choose(of_signal("PROTOCOL").as_deref(), &endpoint).map(Some)
    };
    Ok(Wanted { traces: signal("TRACES")?, metrics: signal("METRICS")? })
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
    fn each_signal_is_exported_where_it_has_an_endpoint_and_is_not_switched_off() {
        let read = |variables: &[(&str, &str)]| {
            let found =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            read(found).map_err(|error| error.to_string())
        };
        let (grpc, http) = (Some(Protocol::Grpc), Some(Protocol::Http));
        assert_eq!(read(&[]), Ok(Wanted::default()));
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");
        assert_eq!(read(&[all]), Ok(Wanted { traces: grpc, metrics: grpc }));
        assert_eq!(read(&[all, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(Wanted::default()));
        assert_eq!(read(&[all, ("OTEL_METRICS_EXPORTER", "none")]), Ok(Wanted { traces: grpc, metrics: None }));
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:4318/v1/traces");
        assert_eq!(read(&[traces]), Ok(Wanted { traces: http, metrics: None }));
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@collector:4317")]).unwrap_err();
        assert!(error.contains("https://collector:4317") && !error.contains("secret"), "{error}");
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
