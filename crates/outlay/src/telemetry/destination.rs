//! The OTLP endpoint and protocol of each signal.

use std::{env, fmt};

use super::init_error::InitError;
use crate::shown_url::without_userinfo;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Http,
}

/// The destination of each signal; `None` if it is not exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Destinations {
    pub(super) traces: Option<Destination>,
    pub(super) metrics: Option<Destination>,
}

/// The endpoint of a signal, with the protocol.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) protocol: Protocol,
    endpoint: String,
}

impl Destination {
    /// Returns a message that says why an export failed and what to do, without secrets.
    pub(super) fn export_failed(&self, error: &str) -> String {
        let endpoint = without_userinfo(&self.endpoint);
        // Some errors contain the whole URL.
        let secret = self.endpoint.split_once("://").and_then(|(_, rest)| Some(rest.rsplit_once('@')?.0)).unwrap_or("");
        let error = if secret.is_empty() { error.to_owned() } else { error.replace(secret, "***") };
        let (protocol, other, value) = match self.protocol {
            Protocol::Grpc => ("grpc", "HTTP", "http/protobuf"),
            Protocol::Http => ("http/protobuf", "gRPC", "grpc"),
        };
        format!(
            "{endpoint} did not accept it over {protocol}: {error}. Is a collector listening there? If that port speaks \
             {other}, set OTEL_EXPORTER_OTLP_PROTOCOL={value}"
        )
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {:?}", without_userinfo(&self.endpoint), self.protocol)
    }
}

/// Returns the destinations that the environment sets.
pub(super) fn from_environment() -> Result<Destinations, InitError> {
    read(|name| env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()))
}

fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Destinations, InitError> {
    if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(Destinations::default());
    }
    let destination = |name: &str| {
        let exporter = format!("OTEL_{name}_EXPORTER");
        match variable(&exporter).as_deref() {
            None | Some("otlp") => {}
            Some("none") => return Ok(None),
            Some(other) => return Err(unsupported(&exporter, other, "otlp, none")),
        }
        let named = |key: &str| {
            let names = [format!("OTEL_EXPORTER_OTLP_{name}_{key}"), format!("OTEL_EXPORTER_OTLP_{key}")];
            names.into_iter().find_map(|name| variable(&name).map(|value| (name, value)))
        };
        let setting = |key: &str| named(key).map(|(_, value)| value);
        let Some(endpoint) = setting("ENDPOINT") else { return Ok(None) };
        if endpoint.starts_with("https:") {
            return Err(InitError::Https(without_userinfo(&endpoint).chars().take(128).collect()));
        }
        if let Some((name, value)) = named("COMPRESSION").filter(|(_, value)| !matches!(&**value, "gzip" | "none")) {
            return Err(unsupported(&name, &value, "gzip, none"));
        }
        for key in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
            if let Some((name, value)) = named(key) {
                return Err(unsupported(&name, &value, "nothing, because the quick start does not support TLS"));
            }
        }
        let protocol = parse_protocol(setting("PROTOCOL").as_deref(), &endpoint)?;
        Ok(Some(Destination { protocol, endpoint }))
    };
    Ok(Destinations { traces: destination("TRACES")?, metrics: destination("METRICS")? })
}

fn unsupported(name: &str, value: &str, expected: &'static str) -> InitError {
    InitError::Unsupported { name: name.to_owned(), value: value.chars().take(64).collect(), expected }
}

/// Parses the protocol. The default depends on the port: the specification recommends `http/protobuf`, but port 4317 is
/// gRPC everywhere.
fn parse_protocol(protocol: Option<&str>, endpoint: &str) -> Result<Protocol, InitError> {
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
    fn the_port_decides_unless_a_protocol_is_set() {
        let parsed = |protocol, endpoint| parse_protocol(protocol, endpoint).ok();
        assert_eq!(parsed(None, "http://localhost:4317"), Some(Protocol::Grpc));
        assert_eq!(parsed(None, "http://localhost:4318/"), Some(Protocol::Http));
        assert_eq!(parsed(Some("http/protobuf"), "http://localhost:4317"), Some(Protocol::Http));
        assert_eq!(parsed(Some("grpc"), "http://localhost:9"), Some(Protocol::Grpc));
    }

    #[test]
    fn each_signal_is_exported_if_it_has_an_endpoint_and_is_not_disabled() {
        let read = |variables: &[(&str, &str)]| {
            let variable =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            read(variable).map_err(|error| error.to_string())
        };
        let destination = |protocol, endpoint: &str| Some(Destination { protocol, endpoint: endpoint.to_owned() });
        let grpc = destination(Protocol::Grpc, "http://localhost:4317");
        let http = destination(Protocol::Http, "http://localhost:4318/v1/traces");
        assert_eq!(read(&[]), Ok(Destinations::default()));
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");
        assert_eq!(read(&[all]), Ok(Destinations { traces: grpc.clone(), metrics: grpc.clone() }));
        assert_eq!(read(&[all, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(Destinations::default()));
        assert_eq!(read(&[all, ("OTEL_METRICS_EXPORTER", "none")]), Ok(Destinations { traces: grpc, metrics: None }));
        assert!(read(&[all, ("OTEL_TRACES_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]).is_ok());
        for (name, value, expected) in [
            ("OTEL_TRACES_EXPORTER", "console", "otlp, none"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip, none"),
            ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "br", "gzip, none"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem", "nothing, because the quick start does not support TLS"),
        ] {
            assert_eq!(read(&[all, (name, value)]), Err(format!("{name} is `{value}`; expected: {expected}")));
        }
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:4318/v1/traces");
        assert_eq!(read(&[traces]), Ok(Destinations { traces: http, metrics: None }));
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@collector:4317")]).unwrap_err();
        assert!(error.contains("https://collector:4317") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn the_failure_message_has_endpoint_protocol_error_and_advice_but_no_password() {
        let endpoint = "http://otel:s3cret@collector:4319".to_owned();
        let destination = Destination { protocol: Protocol::Http, endpoint };
        let message =
            destination.export_failed("error sending request for url (http://otel:s3cret@collector:4319/v1/traces)");
        for part in
            ["http://collector:4319", "http/protobuf", "error sending request", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"]
        {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains("s3cret") && !format!("{destination:?}").contains("s3cret"), "{message}");
        let destination = Destination { protocol: Protocol::Grpc, endpoint: "http://localhost:4317".to_owned() };
        assert!(destination.export_failed("refused").contains("OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"));
    }

    #[test]
    fn an_unknown_protocol_is_an_error_that_lists_the_known_ones() {
        let error = parse_protocol(Some("http/json"), "http://localhost:4318").map_err(|e| e.to_string());
        assert_eq!(error, Err("OTEL_EXPORTER_OTLP_PROTOCOL is `http/json`; expected: grpc, http/protobuf".to_owned()));
    }
}
