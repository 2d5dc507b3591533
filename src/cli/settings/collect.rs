//! What `collect` works with.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use super::{Layers, Setting, Settings, Shown, keys, shown, user_folder, values};
use crate::cli::failure::Usage;
use crate::kafka::{Location, LocationError};
use crate::sink::kafka::Format;

/// The settings of a collector.
#[derive(Debug)]
pub(crate) struct Collect {
    /// Where exporters send to.
    pub(crate) listen: Setting<Vec<SocketAddr>>,
    /// Whose exports are wanted; everybody's if there are none.
    pub(crate) exporters: Setting<Vec<IpNet>>,
    /// To whom is sent on what comes.
    pub(crate) tees: Setting<Vec<SocketAddr>>,
    /// The topic into which goes what comes, in place of the store.
    pub(crate) to: Setting<Option<Location>>,
    /// What its messages hold.
    pub(crate) format: Setting<Format>,
    /// The folder in which datagrams wait. None where neither it nor the user's folders are known.
    pub(crate) spool: Setting<Option<PathBuf>>,
    /// How large that may grow.
    pub(crate) spool_size: Setting<u64>,
    /// How often what came is committed.
    pub(crate) commit_every: Setting<Duration>,
    /// Where counters are served, if they are.
    pub(crate) metrics: Setting<Option<SocketAddr>>,
    /// How many sockets share an address.
    pub(crate) sockets: Setting<usize>,
    /// How much the system keeps for a socket.
    pub(crate) receive_buffer: Setting<u64>,
}

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2055);
const SPOOL_BYTES: u64 = 10_000_000_000;
const COMMIT_EVERY: Duration = Duration::from_secs(2);
const RECEIVE_BUFFER_BYTES: u64 = 64 << 20;

impl Collect {
    /// `store` is the store that the other settings name.
    pub(super) fn resolve(layers: &Layers, store: Option<&Path>) -> Result<Self, Usage> {
        let topic =
            |url: &str| url.parse().map(Some).map_err(|error: LocationError| error.to_string());
        let to = layers.text(&keys::COLLECT_TO, None, topic)?;
        Ok(Self {
            listen: layers
                .all(&keys::COLLECT_LISTEN, vec![LISTEN], |texts| list(texts, address))?,
            exporters: layers
                .all(&keys::COLLECT_EXPORTERS, Vec::new(), |texts| list(texts, net))?,
            tees: layers.all(&keys::COLLECT_TEES, Vec::new(), |texts| list(texts, address))?,
            spool: layers.one(&keys::COLLECT_SPOOL, default_spool(store, &to), folder)?,
            format: layers.text(&keys::COLLECT_FORMAT, Format::default(), str::parse)?,
            to,
            spool_size: layers.text(&keys::COLLECT_SPOOL_SIZE, SPOOL_BYTES, values::bytes)?,
            commit_every: layers.text(
                &keys::COLLECT_COMMIT_SECS,
                COMMIT_EVERY,
                values::positive_seconds,
            )?,
            metrics: layers.text(&keys::COLLECT_METRICS, None, |text| address(text).map(Some))?,
            sockets: layers.text(&keys::COLLECT_SOCKETS, 1, values::positive)?,
            receive_buffer: layers.text(
                &keys::COLLECT_RECEIVE_BUFFER,
                RECEIVE_BUFFER_BYTES,
                values::bytes,
            )?,
        })
    }

    pub(super) fn shown(&self) -> Vec<Shown> {
        fn texts<T: ToString>(values: &[T]) -> Vec<String> {
            values.iter().map(ToString::to_string).collect()
        }
        let spool = self.spool.value.as_ref().map(|path| path.display().to_string());
        let to = self.to.value.as_ref().map(ToString::to_string);
        let commit_secs = self.commit_every.value.as_secs_f64();
        let metrics = self.metrics.value.map(|address| address.to_string());
        vec![
            shown(&keys::COLLECT_LISTEN, &self.listen, texts(&self.listen.value)),
            shown(&keys::COLLECT_EXPORTERS, &self.exporters, texts(&self.exporters.value)),
            shown(&keys::COLLECT_TO, &self.to, to),
            shown(&keys::COLLECT_FORMAT, &self.format, self.format.value.name()),
            shown(&keys::COLLECT_TEES, &self.tees, texts(&self.tees.value)),
            shown(&keys::COLLECT_SPOOL, &self.spool, spool),
            shown(&keys::COLLECT_SPOOL_SIZE, &self.spool_size, self.spool_size.value),
            shown(&keys::COLLECT_COMMIT_SECS, &self.commit_every, commit_secs),
            shown(&keys::COLLECT_METRICS, &self.metrics, metrics),
            shown(&keys::COLLECT_SOCKETS, &self.sockets, self.sockets.value),
            shown(&keys::COLLECT_RECEIVE_BUFFER, &self.receive_buffer, self.receive_buffer.value),
        ]
    }
}

impl Settings {
    /// The folder of the spool.
    ///
    /// # Errors
    ///
    /// [`Usage`] if none is named, and there is none of the user's.
    pub(crate) fn spool(&self) -> Result<&Path, Usage> {
        let spool = self.collect.spool.value.as_deref();
        spool.ok_or_else(|| Usage("no spool is named; name its folder with --spool".to_owned()))
    }
}

/// Beside a store in a folder; for another one, and for a topic, among what the user's programs keep of
/// their state.
fn default_spool(store: Option<&Path>, to: &Setting<Option<Location>>) -> Option<PathBuf> {
    let of_user =
        |name: &str| user_folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join(name));
    if let Some(location) = &to.value {
        return of_user(&format!("spool-{}", location.topic));
    }
    let folder = match store?.to_str().and_then(|url| url.split_once("://")) {
        None => store,
        Some(("file", path)) => Some(Path::new(path)),
        Some(_) => None,
    };
    match folder {
        Some(folder) => Some(folder.with_added_extension("spool")),
        None => of_user("spool"),
    }
}

/// Values that may themselves be lists, with commas.
pub(super) fn list<T>(
    texts: &[OsString],
    read: fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut values = Vec::new();
    for text in texts {
        let text = text.to_str().ok_or_else(|| format!("{} is no text", text.display()))?;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            values.push(read(part)?);
        }
    }
    Ok(values)
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is no address with a port; write 0.0.0.0:2055 or [::]:2055"))
}

pub(super) fn net(text: &str) -> Result<IpNet, String> {
    let address = || text.parse().ok().map(|address: IpAddr| IpNet::from(address));
    let net: Option<IpNet> = text.parse().ok().or_else(address);
    net.map(|net| net.trunc())
        .ok_or_else(|| format!("{text:?} is no address; write 10.0.0.1 or 10.0.0.0/8"))
}

pub(super) fn folder(text: &OsStr) -> Result<Option<PathBuf>, String> {
    if text.is_empty() {
        return Err("names no folder".to_owned());
    }
    Ok(Some(PathBuf::from(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_with_commas_or_piece_by_piece() {
        let texts = ["127.0.0.1:2055, [::1]:9995".into(), "0.0.0.0:1".into()];
        let read: Vec<String> =
            list(&texts, address).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(read, ["127.0.0.1:2055", "[::1]:9995", "0.0.0.0:1"]);
        for wrong in ["localhost", "127.0.0.1", "::1:2055:x"] {
            assert!(list(&[wrong.into()], address).unwrap_err().contains("no address"), "{wrong}");
        }
        let nets: Vec<String> = list(&["10.1.2.3/8,2001:db8::1".into()], net)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(nets, ["10.0.0.0/8", "2001:db8::1/128"]);
    }

    #[test]
    fn the_spool_lies_beside_the_store() {
        let none = Setting { value: None, origin: super::super::Origin::Default };
        for (store, spool) in [
            ("/var/lib/flows", Some("/var/lib/flows.spool")),
            ("data/flows.v1", Some("data/flows.v1.spool")),
            ("file:///srv/flows", Some("/srv/flows.spool")),
        ] {
            let found = default_spool(Some(Path::new(store)), &none);
            assert_eq!(found, spool.map(PathBuf::from), "{store}");
        }
        assert_eq!(default_spool(None, &none), None);
    }
}
