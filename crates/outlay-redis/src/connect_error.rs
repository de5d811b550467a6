use std::fmt;

/// An error from connecting to Redis.
#[derive(Debug)]
pub struct ConnectError(Kind);

#[derive(Debug)]
enum Kind {
    InvalidAddress(redis::RedisError),
    /// The address needs TLS, which this build does not include.
    NoTls(redis::RedisError),
    Thread(std::io::Error),
    Unreachable(String),
}

impl ConnectError {
    /// Returns the error for one or more invalid addresses.
    pub(crate) fn invalid_address<'a>(source: redis::RedisError, mut addresses: impl Iterator<Item = &'a str>) -> Self {
        let needs_tls = |address: &str| address.trim_start().to_ascii_lowercase().starts_with("rediss:");
        match !cfg!(feature = "tls") && addresses.any(needs_tls) {
            true => Self(Kind::NoTls(source)),
            false => Self(Kind::InvalidAddress(source)),
        }
    }

    pub(crate) const fn thread(source: std::io::Error) -> Self {
        Self(Kind::Thread(source))
    }

    pub(crate) const fn unreachable(reason: String) -> Self {
        Self(Kind::Unreachable(reason))
    }

    /// Returns whether the address is invalid, so that a retry does not help.
    pub const fn is_address(&self) -> bool {
        matches!(self.0, Kind::InvalidAddress(_) | Kind::NoTls(_))
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            // Omits the address, which may contain a password.
            Kind::InvalidAddress(_) => f.write_str("invalid Redis address: expected redis://host:port"),
            Kind::NoTls(_) => f.write_str("a rediss:// address needs TLS: enable the feature `tls` of outlay-redis"),
            Kind::Thread(_) => f.write_str("cannot start the thread that talks to Redis"),
            Kind::Unreachable(reason) => write!(f, "cannot reach Redis: {reason}"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::InvalidAddress(source) | Kind::NoTls(source) => Some(source),
            Kind::Thread(source) => Some(source),
            Kind::Unreachable(_) => None,
        }
    }
}
