//! Which endpoint, by which protocol.

use std::{env, fmt};

use super::InitError;
use crate::shown_url::without_userinfo;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    Http,
}

/// Where the signals go: `None` for one that nobody wants exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) traces: Option<Destination>,
    pub(super) metrics: Option<Destination>,
}

/// Where a signal goes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) protocol: Protocol,
    endpoint: String,
}

impl Destination {
    /// Why it did not take what was sent, and what to do, without secrets.
    pub(super) fn failed(&self, answer: &str) -> String {
        let told = without_userinfo(&self.endpoint);
        // Some errors have the whole address in them.
        let secret = self.endpoint.split_once("://").and_then(|(_, rest)| Some(rest.rsplit_once('@')?.0)).unwrap_or("");
        let answer = if secret.is_empty() { answer.to_owned() } else { answer.replace(secret, "***") };
        let (protocol, other, value) = match self.protocol {
            Protocol::Grpc => ("grpc", "HTTP", "http/protobuf"),
            Protocol::Http => ("http/protobuf", "gRPC", "grpc"),
        };
        format!(
            "{told} did not take it by {protocol}: {answer}. Is a collector there? If that port speaks {other}, set \
             OTEL_EXPORTER_OTLP_PROTOCOL={value}"
        )
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {:?}", without_userinfo(&self.endpoint), self.protocol)
    }
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
        let protocol = choose(of_signal("PROTOCOL").as_deref(), &endpoint)?;
        Ok(Some(Destination { protocol, endpoint }))
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
        let to = |protocol, endpoint: &str| Some(Destination { protocol, endpoint: endpoint.to_owned() });
        let grpc = to(Protocol::Grpc, "http://localhost:4317");
        let http = to(Protocol::Http, "http://localhost:4318/v1/traces");
        assert_eq!(read(&[]), Ok(Wanted::default()));
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");
        assert_eq!(read(&[all]), Ok(Wanted { traces: grpc.clone(), metrics: grpc.clone() }));
        assert_eq!(read(&[all, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(Wanted::default()));
        assert_eq!(read(&[all, ("OTEL_METRICS_EXPORTER", "none")]), Ok(Wanted { traces: grpc, metrics: None }));
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://localhost:4318/v1/traces");
        assert_eq!(read(&[traces]), Ok(Wanted { traces: http, metrics: None }));
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://me:secret@collector:4317")]).unwrap_err();
        assert!(error.contains("https://collector:4317") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn a_failure_names_where_how_why_and_what_to_do_without_a_password() {
        let endpoint = "http://otel:s3cret@collector:4319".to_owned();
        let to = Destination { protocol: Protocol::Http, endpoint };
        let told = to.failed("error sending request for url (http://otel:s3cret@collector:4319/v1/traces)");
        for part in
            ["http://collector:4319", "http/protobuf", "error sending request", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"]
        {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("s3cret") && !format!("{to:?}").contains("s3cret"), "{told}");
        let to = Destination { protocol: Protocol::Grpc, endpoint: "http://localhost:4317".to_owned() };
        assert!(to.failed("refused").contains("OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"));
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
