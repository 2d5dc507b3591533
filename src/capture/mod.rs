//! Where export datagrams come from: capture files, archives of them, directories, stdin.

mod datagram;

pub use datagram::Datagram;
