//! Connections to a single Redis or to a cluster.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisFuture, RedisResult, Value};
#[cfg(feature = "cluster")]
use redis::{cluster::ClusterClient, cluster_async::ClusterConnection};

/// The Redis to connect to.
#[derive(Clone)]
pub(crate) enum Target {
    Single(Box<redis::Client>),
    /// A cluster, given by some of its nodes.
    #[cfg(feature = "cluster")]
    Cluster(Vec<redis::ConnectionInfo>),
}

#[derive(Clone)]
pub(crate) enum Connection {
    Single(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(ClusterConnection),
}

impl Target {
    pub(crate) fn single(address: &str) -> RedisResult<Self> {
        redis::Client::open(address).map(Box::new).map(Self::Single)
    }

    #[cfg(feature = "cluster")]
    pub(crate) fn cluster<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> RedisResult<Self> {
        use redis::IntoConnectionInfo as _;
        let nodes = addresses.into_iter().map(|address| address.as_ref().into_connection_info());
        nodes.collect::<RedisResult<_>>().map(Self::Cluster)
    }

    pub(crate) async fn connect(&self, limit: Duration) -> RedisResult<Connection> {
        #[cfg(feature = "tls")]
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Without a provider, a connection over TLS panics. If another thread installs one first, that one stays.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        match self {
            Self::Single(client) => {
                // Each command has its own time limit.
                let config =
                    AsyncConnectionConfig::new().set_connection_timeout(Some(limit)).set_response_timeout(None);
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Single)
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(nodes) => {
                // The client may resend a command that was already executed, if its slot has moved or its node is gone.
                // The scripts detect a repeated ask or batch.
                let client =
                    ClusterClient::builder(nodes.iter().cloned()).connection_timeout(limit).retries(2).build()?;
                client.get_async_connection().await.map(Connection::Cluster)
            }
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Single(connection) => connection.req_packed_command(command),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Single(connection) => connection.req_packed_commands(pipeline, offset, count),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Single(connection) => connection.get_db(),
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
