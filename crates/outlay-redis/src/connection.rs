//! One Redis, or a cluster of them.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisFuture, RedisResult, Value};
#[cfg(feature = "cluster")]
use redis::{cluster::ClusterClient, cluster_async::ClusterConnection};

/// Where Redis is.
#[derive(Clone)]
pub(crate) enum Target {
    One(Box<redis::Client>),
    /// By the addresses of some of its nodes.
    #[cfg(feature = "cluster")]
    Cluster(Vec<redis::ConnectionInfo>),
}

#[derive(Clone)]
pub(crate) enum Connection {
    One(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(ClusterConnection),
}

impl Target {
    pub(crate) fn one(address: &str) -> RedisResult<Self> {
        redis::Client::open(address).map(Box::new).map(Self::One)
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
            // Without one a connection over TLS panics. Where another thread is first, its choice holds.
            let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        }
        match self {
            Self::One(client) => {
                // Each command has its own limit of time.
                let config =
                    AsyncConnectionConfig::new().set_connection_timeout(Some(limit)).set_response_timeout(None);
                client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::One)
            }
            #[cfg(feature = "cluster")]
            Self::Cluster(nodes) => {
                // A command may be sent again, for its slot has moved or its node is gone, though it has been carried
                // out: the scripts know an ask and a batch that come twice.
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
            Self::One(link) => link.req_packed_command(command),
            #[cfg(feature = "cluster")]
            Self::Cluster(link) => link.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(link) => link.req_packed_commands(pipeline, offset, count),
            #[cfg(feature = "cluster")]
            Self::Cluster(link) => link.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(link) => link.get_db(),
            #[cfg(feature = "cluster")]
            Self::Cluster(link) => link.get_db(),
        }
    }
}
