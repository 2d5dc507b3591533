//! What the service manager is told, so that it knows when a service is ready and that it lives.
//!
//! The protocol of `sd_notify(3)`: a datagram to the socket that `NOTIFY_SOCKET` names. Where nothing
//! is named, nobody wants to know.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// It lives: where this does not come for long, the service manager starts it again.
pub(super) const ALIVE: &str = "WATCHDOG=1";
/// It is about to end.
pub(super) const STOPPING: &str = "STOPPING=1";

/// It is ready, and `status` is what `systemctl status` shows.
pub(super) fn ready(status: &str) {
    tell(&format!("READY=1\nSTATUS={status}"));
}

pub(super) fn tell(state: &str) {
    let Some(name) = super::settings::variable("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&name, state) {
        tracing::warn!("tell {} of {state:?}: {error}", name.display());
    }
}

fn send(name: &OsStr, state: &str) -> io::Result<()> {
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_come_to_sockets_in_a_folder_and_to_those_without_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("earlgrey-hbase-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        for (socket, name) in [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (UnixDatagram::bind_addr(&address).unwrap(), format!("@{name}").into()),
        ] {
            send(&name, "READY=1\nSTATUS=here").unwrap();
            let mut told = [0; 100];
            let length = socket.recv(&mut told).unwrap();
            assert_eq!(&told[..length], b"READY=1\nSTATUS=here");
        }
        assert!(send(OsStr::new("/gone/notify"), "READY=1").is_err());
    }
}
