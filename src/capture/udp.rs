//! UDP sockets that receive, in batches of as many datagrams as have come.

use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::sockopt;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, MultiHeaders, SockFlag, SockProtocol, SockType,
    SockaddrStorage, bind, getsockopt, recvmmsg, sendto, setsockopt, socket,
};

use super::frame::{self, Path};
use crate::flow::canonical;

/// So many datagrams are taken from the system at once.
pub(crate) const BATCH: usize = 64;

/// The largest payload of a UDP datagram fits.
const SLOT_BYTES: usize = 1 << 16;

/// So long is a datagram waited for before the caller can look up.
const WAIT: Duration = Duration::from_millis(100);

/// How a socket is set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketOptions {
    /// How much the system is to keep of what is not taken yet.
    pub(crate) buffer_bytes: usize,
    /// Whether other sockets of this process share the address.
    pub(crate) shared: bool,
    /// Whether a socket of IPv6 leaves IPv4 to another one.
    pub(crate) only_v6: bool,
}

/// A socket that receives.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: UdpSocket,
    local: SocketAddr,
    slots: Vec<u8>,
    /// The system's count of what it dropped, as it was told last.
    drops_told: u32,
    drops: u64,
}

/// A datagram as it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival<'a> {
    /// Who sent it. An IPv4 address that came over a socket of IPv6 is one of IPv4.
    pub(crate) src: SocketAddr,
    pub(crate) payload: &'a [u8],
}

impl Receiver {
    /// A socket bound to `address`; port 0 is one that the system chooses.
    ///
    /// # Errors
    ///
    /// What the system has against it: the address is in use, or none of this machine.
    pub(crate) fn bind(address: SocketAddr, options: SocketOptions) -> io::Result<Self> {
        let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let fd = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
        if options.shared {
            setsockopt(&fd, sockopt::ReusePort, &true)?;
        }
        if address.is_ipv6() {
            setsockopt(&fd, sockopt::Ipv6V6Only, &options.only_v6)?;
        }
        // Beyond the system's limit only where this may; less is better than nothing.
        if setsockopt(&fd, sockopt::RcvBufForce, &options.buffer_bytes).is_err() {
            setsockopt(&fd, sockopt::RcvBuf, &options.buffer_bytes)?;
        }
        setsockopt(&fd, sockopt::RxqOvfl, &1)?;
        bind(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
        let socket = UdpSocket::from(fd);
        socket.set_read_timeout(Some(WAIT))?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local, slots: vec![0; BATCH * SLOT_BYTES], drops_told: 0, drops: 0 })
    }

    /// The address that it is bound to.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    /// How many bytes the system keeps of what is not taken yet; it counts its own of each
    /// datagram, too, and gives room for twice what was asked for.
    pub(crate) fn buffer_bytes(&self) -> usize {
        getsockopt(&self.socket, sockopt::RcvBuf).unwrap_or(0) / 2
    }

    /// How many datagrams the system dropped because they were not taken in time, as far as it told:
    /// it tells with the next one that it keeps.
    pub(crate) fn drops(&self) -> u64 {
        self.drops
    }

    /// Gives `each` the datagrams that have come; where there are none, and if it is to `wait`,
    /// those that come within a tenth of a second. How many there were.
    ///
    /// # Errors
    ///
    /// What the system says, but for that nothing came.
    pub(crate) fn receive(
        &mut self,
        wait: bool,
        mut each: impl FnMut(Arrival<'_>),
    ) -> io::Result<usize> {
        // The system writes into the headers how much room it used for control messages, and takes
        // that for the room there is the next time: so they are made anew.
        let control = nix::cmsg_space!(u32);
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, Some(control));
        let mut slots: Vec<[IoSliceMut<'_>; 1]> =
            self.slots.chunks_mut(SLOT_BYTES).map(|slot| [IoSliceMut::new(slot)]).collect();
        let flags = if wait { MsgFlags::MSG_WAITFORONE } else { MsgFlags::MSG_DONTWAIT };
        let received =
            match recvmmsg(self.socket.as_raw_fd(), &mut headers, slots.iter_mut(), flags, None) {
                Ok(received) => received,
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(0),
                Err(error) => return Err(error.into()),
            };
        let mut count = 0;
        for message in received {
            count += 1;
            // What the system says beside a datagram is worth less than the datagram.
            for control in message.cmsgs().into_iter().flatten() {
                if let ControlMessageOwned::RxqOvfl(told) = control {
                    self.drops += u64::from(told.wrapping_sub(self.drops_told));
                    self.drops_told = told;
                }
            }
            let src = message.address.and_then(source).ok_or(ErrorKind::InvalidData)?;
            // An empty datagram has no part at all.
            let payload = message.iovs().next().unwrap_or_default();
            each(Arrival { src, payload });
        }
        Ok(count)
    }
}

fn source(address: SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|&address| SocketAddr::from(address));
    let v6 = || address.as_sockaddr_in6().map(|&address| SocketAddr::from(address));
    v4.or_else(v6).map(|address| SocketAddr::new(canonical(address.ip()), address.port()))
}

/// Sends datagrams of others on to an address.
#[derive(Debug)]
pub(crate) struct Forwarder {
    to: SocketAddr,
    /// One that sends whole IP packets, and so in the name of others, where this process may.
    raw: Option<OwnedFd>,
    socket: UdpSocket,
}

impl Forwarder {
    /// Sockets that send to `to`.
    ///
    /// # Errors
    ///
    /// What the system has against it, but for the right to send in the name of others.
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        let (family, any): (_, SocketAddr) = match to {
            SocketAddr::V4(_) => (AddressFamily::Inet, (Ipv4Addr::UNSPECIFIED, 0).into()),
            SocketAddr::V6(_) => (AddressFamily::Inet6, (Ipv6Addr::UNSPECIFIED, 0).into()),
        };
        let flags = SockFlag::SOCK_CLOEXEC;
        let raw = match socket(family, SockType::Raw, flags, SockProtocol::Raw) {
            Ok(raw) => Some(raw),
            Err(Errno::EPERM | Errno::EACCES) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { to, raw, socket: UdpSocket::bind(any)? })
    }

    /// Whether what it sends of the family of its address comes from whom it came.
    pub(crate) fn keeps_sources(&self) -> bool {
        self.raw.is_some()
    }

    /// Sends what came from `src`.
    ///
    /// # Errors
    ///
    /// What the system has against it: in the name of others nothing is sent in fragments.
    pub(crate) fn send(&self, src: SocketAddr, payload: &[u8]) -> io::Result<()> {
        match &self.raw {
            Some(raw) if src.is_ipv4() == self.to.is_ipv4() => {
                let mut packet = Vec::with_capacity(payload.len() + 48);
                frame::ip_packet(&mut packet, Path { src, dst: self.to }, 0, payload);
                // The port stands in the packet, and has no place in the address.
                let to = SockaddrStorage::from(SocketAddr::new(self.to.ip(), 0));
                sendto(raw.as_raw_fd(), &packet, &to, MsgFlags::empty())?;
            }
            _ => {
                self.socket.send_to(payload, self.to)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: SocketOptions =
        SocketOptions { buffer_bytes: 4096, shared: false, only_v6: false };

    fn receiver(address: &str) -> Receiver {
        Receiver::bind(address.parse().unwrap(), SMALL).unwrap()
    }

    #[test]
    fn datagrams_come_with_their_senders_whatever_their_size() {
        let large = SocketOptions { buffer_bytes: 1 << 20, ..SMALL };
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let mut receiver = Receiver::bind(address.parse().unwrap(), large).unwrap();
            let sender = UdpSocket::bind(address).unwrap();
            let sizes = [1, 1464, 0, 2000];
            for (number, size) in sizes.into_iter().enumerate() {
                sender.send_to(&vec![number as u8; size], receiver.local()).unwrap();
            }
            let mut came = Vec::new();
            while came.len() < sizes.len() {
                receiver
                    .receive(true, |arrival| came.push((arrival.src, arrival.payload.to_vec())))
                    .unwrap();
            }
            for (number, size) in sizes.into_iter().enumerate() {
                assert_eq!(came[number], (sender.local_addr().unwrap(), vec![number as u8; size]));
            }
            assert_eq!(receiver.receive(false, |_| panic!("nothing was sent")).unwrap(), 0);
            assert_eq!(receiver.receive(true, |_| panic!("nothing was sent")).unwrap(), 0);
        }
    }

    #[test]
    fn what_the_system_drops_is_counted_after_quiet_times_too() {
        let mut receiver = receiver("127.0.0.1:0");
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut came = 0;
        for _ in 0..3 {
            // A receive that finds no drops comes before one that does.
            sender.send_to(&[1; 10], receiver.local()).unwrap();
            came += receiver.receive(true, |_| {}).unwrap();
            for _ in 0..100 {
                sender.send_to(&[0; 1000], receiver.local()).unwrap();
            }
            loop {
                match receiver.receive(false, |_| {}).unwrap() {
                    0 => break,
                    more => came += more,
                }
            }
        }
        // The count comes with the next datagram that is kept.
        sender.send_to(&[1; 10], receiver.local()).unwrap();
        came += receiver.receive(true, |_| {}).unwrap();
        assert!(receiver.drops() > 0);
        assert_eq!(came as u64 + receiver.drops(), 3 * 101 + 1);
    }

    #[test]
    fn ipv4_over_a_socket_of_ipv6_is_ipv4_and_an_address_is_not_shared_unasked() {
        let mut receiver = receiver("[::]:0");
        let port = receiver.local().port();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        sender.send_to(b"x", ("127.0.0.1", port)).unwrap();
        let mut src = None;
        receiver.receive(true, |arrival| src = Some(arrival.src)).unwrap();
        assert_eq!(src, Some(sender.local_addr().unwrap()));

        let again = Receiver::bind(receiver.local(), SMALL).unwrap_err();
        assert_eq!(again.kind(), ErrorKind::AddrInUse);
        let only_v6 = SocketOptions { only_v6: true, ..SMALL };
        let port = Receiver::bind("[::]:0".parse().unwrap(), only_v6).unwrap();
        let v4 = SocketAddr::from(([0, 0, 0, 0], port.local().port()));
        Receiver::bind(v4, SMALL).unwrap();
    }
}
