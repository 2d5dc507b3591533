//! How long a look-up takes inside the process: 1,000 hosts that are in the store, drawn at random
//! from its own flows, by src and by dst, and 1,000 that are not; and, where flows are behind a NAT,
//! 1,000 public addresses with a port, and who held them at some moment.
//!
//! Usage: `cargo bench --bench lookups -- STORE`, a folder or `hbase://…`. Prints milliseconds.

#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use earlgrey_hbase::flow::{Column, Columns, ElementId, FlowBatch, extra_value};
use earlgrey_hbase::query::{Direction, Held, Question};
use earlgrey_hbase::row::{NatEnd, Predicate};
use earlgrey_hbase::store::embedded::EmbeddedStore;
use earlgrey_hbase::store::hbase::{HbaseStore, Options};
use earlgrey_hbase::{AddressRange, Order, Scan, Snapshot, Store, UnixMillis};

const HOSTS: usize = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let Some(store) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        println!("usage: cargo bench --bench lookups -- STORE");
        return Ok(());
    };
    let store: Box<dyn Store> = if store.starts_with("hbase://") {
        Box::new(HbaseStore::new(store.parse()?, Options::default()))
    } else {
        Box::new(EmbeddedStore::new(store))
    };
    let begun = Instant::now();
    let snapshot = store.snapshot()?;
    println!("snapshot of {} flows: {:.2} ms", snapshot.flows()?, milliseconds(begun));
    for order in Order::ALL {
        let hosts = hosts(snapshot.as_ref(), order)?;
        let begun = Instant::now();
        look_up(snapshot.as_ref(), order, hosts[0])?;
        println!("{order}: the first, which reads footers: {:.2} ms", milliseconds(begun));
        let find = |host| look_up(snapshot.as_ref(), order, host);
        let found = measure(&hosts, find)?;
        // Addresses all over, of which hardly any is in the store.
        let absent: Vec<IpAddr> = (1..=HOSTS as u32)
            .map(|number| Ipv4Addr::from(number.wrapping_mul(0x9e37_79b9)).into())
            .collect();
        let missed = measure(&absent, find)?;
        println!("{order}: present {found}");
        println!("{order}: mostly absent {missed}");
    }
    // Questions about hosts that sent and received alike: both directions beside one.
    let hosts = hosts(snapshot.as_ref(), Order::Src)?;
    for direction in Direction::ALL {
        let found = measure(&hosts, |host| ask(snapshot.as_ref(), direction, host))?;
        println!("query --direction {direction}: {found}");
    }
    let ends = public_ends(snapshot.as_ref())?;
    if !ends.is_empty() {
        let used = |(nat, _)| Ok(public(snapshot.as_ref(), nat)?.len());
        println!("query --nat ADDR:PORT: {}", measure(&ends, used)?);
        let whole = |(nat, _)| Ok(public(snapshot.as_ref(), NatEnd { port: None, ..nat })?.len());
        println!("query --nat ADDR: {}", measure(&ends, whole)?);
        let held = |(nat, at)| {
            let flows = Box::new(public(snapshot.as_ref(), nat)?.into_iter().map(Ok));
            Ok(Held::at(flows, &nat, at)?.flows.len())
        };
        println!("query --nat ADDR:PORT --at TIME: {}", measure(&ends, held)?);
    }
    Ok(())
}

/// Public addresses and ports of the store's flows, every nth, each at the time of its flow.
fn public_ends(snapshot: &dyn Snapshot) -> Result<Vec<(NatEnd, UnixMillis)>, Box<dyn Error>> {
    let mut ends = Vec::new();
    for region in snapshot.regions(&Scan::all(Columns::of(&[Column::First, Column::Extras])))? {
        for batch in region.read() {
            let batch = batch?;
            for row in (0..batch.extras.len()).step_by(100) {
                let extras = batch.extras.get(row);
                let value = |element| extra_value(extras, ElementId::iana(element));
                let address = value(225).and_then(|value| <[u8; 4]>::try_from(value).ok());
                let port = value(227).and_then(|value| <[u8; 2]>::try_from(value).ok());
                let (Some(address), Some(port)) = (address, port) else { continue };
                let addresses = AddressRange::from(IpAddr::from(address));
                let end = NatEnd { addresses, port: Some(u16::from_be_bytes(port)) };
                ends.push((end, UnixMillis(batch.first_ms[row])));
            }
        }
    }
    let step = (ends.len() / HOSTS).max(1);
    Ok(ends.into_iter().step_by(step).take(HOSTS).collect())
}

fn public(snapshot: &dyn Snapshot, nat: NatEnd) -> Result<Vec<FlowBatch>, Box<dyn Error>> {
    let question = Question { filter: Some(Predicate::Nat(nat)), ..Question::everything() };
    let flows = question.plan(Columns::ALL).run(snapshot)?;
    Ok(flows.collect::<Result<_, _>>()?)
}

fn ask(
    snapshot: &dyn Snapshot,
    direction: Direction,
    host: IpAddr,
) -> Result<usize, Box<dyn Error>> {
    let question = Question { direction, ..Question::about(AddressRange::from(host)) };
    let mut flows = 0;
    for batch in question.plan(Columns::ALL).run(snapshot)? {
        flows += batch?.len();
    }
    Ok(flows)
}

/// Hosts of the store, each of them equally likely: distinct leading addresses, every nth.
fn hosts(snapshot: &dyn Snapshot, order: Order) -> Result<Vec<IpAddr>, Box<dyn Error>> {
    let column = if order == Order::Src { Column::Src } else { Column::Dst };
    let mut hosts = Vec::new();
    for region in snapshot.regions(&Scan { order, ..Scan::all(Columns::of(&[column])) })? {
        for batch in region.read() {
            let batch = batch?;
            let leads = if order == Order::Src { &batch.src } else { &batch.dst };
            hosts.extend((0..batch.len()).map(|row| leads.get(row)));
            hosts.dedup();
        }
    }
    hosts.sort_unstable();
    hosts.dedup();
    let step = (hosts.len() / HOSTS).max(1);
    let mut drawn: Vec<IpAddr> = hosts.into_iter().step_by(step).take(HOSTS).collect();
    // In an order that no cache can guess.
    drawn.sort_by_key(|host| match host {
        IpAddr::V4(host) => u32::from(*host).wrapping_mul(0x9e37_79b9),
        IpAddr::V6(_) => 0,
    });
    Ok(drawn)
}

fn look_up(snapshot: &dyn Snapshot, order: Order, host: IpAddr) -> Result<usize, Box<dyn Error>> {
    let scan = Scan::range(order, AddressRange::from(host), Columns::ALL);
    let mut flows = 0;
    for region in snapshot.regions(&scan)? {
        for batch in region.read() {
            flows += batch?.len();
        }
    }
    Ok(flows)
}

fn measure<T: Copy>(
    hosts: &[T],
    find: impl Fn(T) -> Result<usize, Box<dyn Error>>,
) -> Result<String, Box<dyn Error>> {
    let mut times = Vec::with_capacity(hosts.len());
    let mut flows = 0;
    for host in hosts {
        let begun = Instant::now();
        flows += find(*host)?;
        times.push(milliseconds(begun));
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Ok(format!(
        "p50 {:.3}  p90 {:.3}  p99 {:.3}  most {:.3} ms; {} hosts, {flows} flows",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        hosts.len()
    ))
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}
