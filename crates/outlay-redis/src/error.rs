use std::fmt;

/// Redis cannot be used.
#[derive(Debug)]
pub struct ConnectError(Kind);

#[derive(Debug)]
enum Kind {
    Address(redis::RedisError),
    /// It wants TLS, with which this crate was not built.
    NoTls(redis::RedisError),
    Thread(std::io::Error),
    Unreachable(String),
}

impl ConnectError {
    /// One of the addresses is none.
    pub(crate) fn address<'a>(source: redis::RedisError, mut addresses: impl Iterator<Item = &'a str>) -> Self {
        let wants_tls = |address: &str| address.trim_start().to_ascii_lowercase().starts_with("rediss:");
        match !cfg!(feature = "tls") && addresses.any(wants_tls) {
            true => Self(Kind::NoTls(source)),
            false => Self(Kind::Address(source)),
        }
    }

    pub(crate) const fn thread(source: std::io::Error) -> Self {
        Self(Kind::Thread(source))
    }

    pub(crate) const fn unreachable(why: String) -> Self {
        Self(Kind::Unreachable(why))
    }

    /// Whether the address is no address: waiting does not help.
    pub const fn is_address(&self) -> bool {
        matches!(self.0, Kind::Address(_) | Kind::NoTls(_))
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            // The address itself may hold a password.
            Kind::Address(_) => f.write_str("this is no address of a Redis: expected redis://host:port"),
            Kind::NoTls(_) => f.write_str(
                "rediss:// is Redis over TLS, which this was built without: add the feature `tls` of outlay-redis",
            ),
            Kind::Thread(_) => f.write_str("the thread that talks to Redis could not be started"),
            Kind::Unreachable(why) => write!(f, "Redis could not be asked: {why}"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Address(source) | Kind::NoTls(source) => Some(source),
            Kind::Thread(source) => Some(source),
            Kind::Unreachable(_) => None,
        }
    }
}
