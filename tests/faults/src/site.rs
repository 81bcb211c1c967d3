//! Several nodes of the application on one store, behind one address.

use std::{io, net::SocketAddr};

use crate::{Node, NodeOptions, Proxy};

/// Nodes, and the proxy that shares connections among them. They are killed when it is dropped.
pub struct Site {
    proxy: Proxy,
    nodes: Vec<Node>,
}

impl Site {
    /// Starts nodes, and a proxy before them.
    ///
    /// # Errors
    ///
    /// As [`Node::start`] and [`Proxy::before`].
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped kills the nodes that it has started.
    pub async fn start(options: impl IntoIterator<Item = NodeOptions>) -> io::Result<Site> {
        let mut nodes = Vec::new();
        for options in options {
            nodes.push(Node::start(options).await?);
        }
        let addresses: Vec<SocketAddr> = nodes.iter().map(Node::address).collect();
        let proxy = Proxy::before(addresses).await?;
        Ok(Site { proxy, nodes })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.proxy.address()
    }

    /// The network between the clients and the nodes.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The nodes, to be killed and restarted.
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }
}
