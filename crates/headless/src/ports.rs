//! UDP sockets: one for each usable address of this machine.
//!
//! str0m must know at which address a packet arrived, which a socket bound to 0.0.0.0 hides. A
//! browser never connects to 127.0.0.1 of a native peer (Firefox) or of another machine, so the
//! addresses of real interfaces come first and the loopback is an extra.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket as StdSocket};
use std::task::Poll;

use socket2::SockRef;
use tokio::net::UdpSocket;

/// Sockets at most; further addresses are left out. Chosen: every one is a candidate in each offer.
const PORTS_MAX: usize = 8;
/// Asked of the system for each direction: room for the window of a few links that burst at once.
const SOCKET_BUFFER_BYTES: usize = 2 * 1024 * 1024;
/// The log is filtered by the program's name, which is not this library's.
const LOG: &str = "millefeuille::ports";

#[derive(Debug)]
struct Port {
    socket: UdpSocket,
    address: SocketAddr,
}

/// All sockets of this process.
#[derive(Debug)]
pub(crate) struct Ports {
    ports: Vec<Port>,
    /// The socket served last: the next one is next, so that a busy one starves none.
    next: usize,
}

impl Ports {
    /// One socket for each usable address, on a port that the system chooses.
    pub(crate) fn bind() -> io::Result<Self> {
        let mut ports = Vec::new();
        let mut refusal = None;
        for address in addresses()? {
            match bind(address) {
                Ok(port) => ports.push(port),
                Err(error) => refusal = Some(error),
            }
        }
        match (ports.is_empty(), refusal) {
            (true, Some(error)) => Err(error),
            _ => Ok(Ports { ports, next: 0 }),
        }
    }

    /// Where this process can be reached.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.ports.iter().map(|port| port.address)
    }

    /// Sends a datagram, or loses it when the system has no room for it; SCTP repeats it.
    pub(crate) fn send(&mut self, from: SocketAddr, to: SocketAddr, datagram: &[u8]) {
        let Some(port) = self.ports.iter().find(|port| port.address == from) else { return };
        // Past tokio, which refuses to send on a socket until it has seen it writable.
        if let Err(error) = SockRef::from(&port.socket).send_to(datagram, &to.into()) {
            tracing::trace!(target: LOG, %from, %to, %error, "datagram not sent");
        }
    }

    /// Waits until a socket has something. Cancel-safe.
    pub(crate) async fn readable(&self) {
        poll_fn(|context| {
            // All are asked, so that each wakes this task.
            let ready =
                self.ports.iter().filter(|port| port.socket.poll_recv_ready(context).is_ready());
            if ready.count() > 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// The next datagram, from one socket after another: source, destination, length.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Option<(SocketAddr, SocketAddr, usize)> {
        for _ in 0..self.ports.len() {
            self.next = (self.next + 1) % self.ports.len();
            let port = &self.ports[self.next];
            if let Some((length, source)) = port.receive(buffer) {
                return Some((source, port.address, length));
            }
        }
        None
    }
}

impl Port {
    fn receive(&self, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        loop {
            match self.socket.try_recv_from(buffer) {
                Ok(received) => return Some(received),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                // An earlier datagram was refused (ICMP); that says nothing about the next.
                Err(error) => tracing::trace!(target: LOG, %error, "receive"),
            }
        }
    }
}

fn bind(address: IpAddr) -> io::Result<Port> {
    let socket = StdSocket::bind((address, 0))?;
    socket.set_nonblocking(true)?;
    // A smaller buffer works too, so a refusal is no error.
    let _ = SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER_BYTES);
    let _ = SockRef::from(&socket).set_send_buffer_size(SOCKET_BUFFER_BYTES);
    let address = socket.local_addr()?;
    Ok(Port { socket: UdpSocket::from_std(socket)?, address })
}

/// Usable addresses, the loopback last.
fn addresses() -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = if_addrs::get_if_addrs()?
        .into_iter()
        .map(|interface| interface.ip())
        .filter(is_usable)
        .take(PORTS_MAX - 1)
        .collect();
    found.sort();
    found.dedup();
    found.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
    Ok(found)
}

fn is_usable(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        // A link-local address means nothing without the name of an interface.
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && !v6.is_unspecified(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn only_addresses_that_others_can_use() {
        let usable = ["10.0.0.1", "192.0.2.7", "2001:db8::1", "fd00::1"];
        let useless = ["127.0.0.1", "169.254.3.4", "0.0.0.0", "::1", "fe80::1", "::"];
        for (list, expected) in [(&usable[..], true), (&useless[..], false)] {
            for text in list {
                assert_eq!(is_usable(&text.parse().unwrap()), expected, "{text}");
            }
        }
    }

    #[tokio::test]
    async fn a_datagram_names_both_addresses() {
        let mut ports = Ports::bind().unwrap();
        let to = ports.addresses().last().unwrap();
        assert!(to.ip().is_loopback());
        ports.send(to, to, b"hello");
        ports.readable().await;
        let mut buffer = [0; 64];
        assert_eq!(ports.receive(&mut buffer), Some((to, to, 5)));
        assert_eq!(ports.receive(&mut buffer), None);
    }

    #[tokio::test]
    async fn a_busy_socket_starves_none() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let ports = (0..3).map(|_| bind(address).unwrap()).collect();
        let mut ports = Ports { ports, next: 0 };
        let addresses: Vec<SocketAddr> = ports.addresses().collect();
        for to in &addresses {
            ports.send(*to, *to, b"first");
            ports.send(*to, *to, b"second");
        }
        for port in &ports.ports {
            port.socket.readable().await.unwrap();
        }
        let mut buffer = [0; 64];
        let mut served = Vec::new();
        while let Some((_, to, _)) = ports.receive(&mut buffer) {
            served.push(to);
        }
        // Whoever is first, then each in its turn.
        assert!(served.len() == 6 && served[..3] == served[3..], "{served:?}");
        assert_eq!(served[..3].iter().collect::<BTreeSet<_>>().len(), 3);
    }
}
