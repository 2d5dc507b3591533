//! What was counted already of flows that are told of again and again, so that nothing counts twice.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use crate::flow::{MAX_MEMOS, Memo, Remembered, UnixMillis};

/// So many flows of one address's are remembered at least, the ones that were told of last, and
/// twice as many at most.
pub const MAX_COUNTED_OF_SENDER: usize = 1 << 17;
/// So many of all addresses together: beyond it the address with the most forgets first.
pub const MAX_COUNTED: usize = 1 << 20;

/// An address counts as so many flows for itself, so that there are not too many of them either.
const ADDRESS_COSTS: usize = 256;

/// Octets and packets of one way, and of the way back.
pub(super) type Counters = [u64; 4];

/// Which flow it is, of those that one address sends: whatever tells it from others, as a hash or
/// as it is.
pub(super) type FlowKey = u128;

/// What was counted, by who sent it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Counted {
    by_sender: HashMap<IpAddr, OfSender>,
    /// Flows, and what their addresses cost.
    all: usize,
    /// The flows of which a store is to be told, as far as it keeps so many.
    news: HashSet<(IpAddr, FlowKey)>,
}

/// A table of two ages: what was told of since the younger one was begun, and what was before. Once
/// the younger one is full, the older one is forgotten. A session is kept with every commit, so
/// both are shared until they change.
#[derive(Debug, Clone, Default, PartialEq)]
struct OfSender {
    young: Arc<HashMap<FlowKey, Known>>,
    old: Arc<HashMap<FlowKey, Known>>,
}

/// What is known of a flow.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Known {
    counters: Counters,
    /// Whether a store was told, and so must be told of its end, too.
    is_kept: bool,
}

impl Counted {
    /// Of `told`, which is all since the flow began, what was not counted yet; it is now. One
    /// that ends is forgotten.
    pub(super) fn rest(
        &mut self,
        sender: IpAddr,
        key: FlowKey,
        told: Counters,
        ends: bool,
    ) -> Counters {
        let known = self.take(sender, key);
        if ends {
            self.ended(sender, key, known);
        } else {
            let most = each(told, known.counters, u64::max);
            self.put(sender, key, Known { counters: most, ..known });
        }
        each(told, known.counters, u64::saturating_sub)
    }

    /// Notes that `told` came, beyond what was counted of the flow.
    pub(super) fn add(&mut self, sender: IpAddr, key: FlowKey, told: Counters) {
        let known = self.take(sender, key);
        let counters = each(told, known.counters, u64::saturating_add);
        self.put(sender, key, Known { counters, ..known });
    }

    /// Forgets a flow: what is called so from now on is another one.
    pub(super) fn forget(&mut self, sender: IpAddr, key: FlowKey) {
        let known = self.take(sender, key);
        self.ended(sender, key, known);
    }

    /// Takes in what a store remembers ([`Topic::Counted`]).
    ///
    /// [`Topic::Counted`]: crate::flow::Topic::Counted
    pub(super) fn restore(&mut self, memos: &Remembered) {
        for (sender, name, memo) in memos.iter() {
            let key = FlowKey::from_str_radix(name, 16).ok();
            let counters = serde_json::from_value::<Option<Counters>>(memo.value.clone()).ok();
            if let Some((key, counters)) = key.zip(counters.flatten()) {
                self.put(sender, key, Known { counters, is_kept: true });
            }
        }
        self.news.clear();
    }

    /// What a store is to remember of flows of which anything was told since this was asked last.
    pub(super) fn take_memos(&mut self) -> Remembered {
        let mut memos = Remembered::default();
        let told = UnixMillis::now();
        for (sender, key) in std::mem::take(&mut self.news) {
            let known = self.by_sender.get_mut(&sender).and_then(|of| of.get_mut(key));
            let value = known.map_or(Value::Null, |known| {
                known.is_kept = true;
                known.counters.to_vec().into()
            });
            memos.enter(sender, format!("{key:032x}"), Memo { told, value });
        }
        memos
    }

    /// What was counted of a flow; nothing is known of it then.
    fn take(&mut self, sender: IpAddr, key: FlowKey) -> Known {
        let Some(of) = self.by_sender.get_mut(&sender) else { return Known::default() };
        let Some(known) = of.take(key) else { return Known::default() };
        self.all -= 1;
        if of.len() == 0 {
            self.forget_sender(sender);
        }
        known
    }

    /// Keeps what was counted of a flow of which nothing is known.
    fn put(&mut self, sender: IpAddr, key: FlowKey, known: Known) {
        let of = self.by_sender.entry(sender).or_insert_with(|| {
            self.all += ADDRESS_COSTS;
            OfSender::default()
        });
        Arc::make_mut(&mut of.young).insert(key, known);
        self.all += 1;
        if of.young.len() >= MAX_COUNTED_OF_SENDER {
            self.all -= of.grow_older();
        }
        while self.all > MAX_COUNTED {
            self.make_room();
        }
        self.note(sender, key);
    }

    fn ended(&mut self, sender: IpAddr, key: FlowKey, known: Known) {
        if known.is_kept {
            self.note(sender, key);
        } else {
            self.news.remove(&(sender, key));
        }
    }

    fn note(&mut self, sender: IpAddr, key: FlowKey) {
        if self.news.len() < MAX_MEMOS {
            self.news.insert((sender, key));
        }
    }

    /// Has the address with the most flows forget the older ones.
    fn make_room(&mut self) {
        let most = self.by_sender.iter_mut().max_by_key(|(_, of)| of.len());
        let Some((&sender, of)) = most else { return };
        self.all -= of.grow_older();
        if of.len() == 0 {
            self.forget_sender(sender);
        }
    }

    fn forget_sender(&mut self, sender: IpAddr) {
        self.by_sender.remove(&sender);
        self.all -= ADDRESS_COSTS;
    }
}

/// The counters that `of` gives of those of both.
fn each(told: Counters, known: Counters, of: impl Fn(u64, u64) -> u64) -> Counters {
    let mut result = told;
    for (told, known) in result.iter_mut().zip(known) {
        *told = of(*told, known);
    }
    result
}

impl OfSender {
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    fn take(&mut self, key: FlowKey) -> Option<Known> {
        let table = [&mut self.young, &mut self.old].into_iter().find(|of| of.contains_key(&key));
        table.and_then(|table| Arc::make_mut(table).remove(&key))
    }

    fn get_mut(&mut self, key: FlowKey) -> Option<&mut Known> {
        let table = [&mut self.young, &mut self.old].into_iter().find(|of| of.contains_key(&key));
        table.and_then(|table| Arc::make_mut(table).get_mut(&key))
    }

    /// Forgets the older half, and says how many that were.
    fn grow_older(&mut self) -> usize {
        let forgotten = self.old.len();
        self.old = std::mem::take(&mut self.young);
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn of_growing_totals_the_growth_counts() {
        let mut counted = Counted::default();
        let mut all = Counters::default();
        // The third came late, and the last twice.
        for octets in [6000, 9000, 7500, 12_000, 12_000] {
            let rest = counted.rest(SENDER, 7, [octets, octets / 1500, 0, 1], false);
            all = std::array::from_fn(|at| all[at] + rest[at]);
        }
        assert_eq!(all, [12_000, 8, 0, 1]);
        assert_eq!(counted.rest(SENDER, 8, [1, 2, 3, 4], true), [1, 2, 3, 4]);
        assert_eq!(counted.rest(SENDER, 8, [1, 2, 3, 4], true), [1, 2, 3, 4]);
        assert_eq!(counted.all, 1 + ADDRESS_COSTS);
    }

    #[test]
    fn an_end_counts_what_was_not_told_before() {
        let mut counted = Counted::default();
        counted.add(SENDER, 7, [1000, 10, 5000, 12]);
        counted.add(SENDER, 7, [200, 2, 700, 3]);
        assert_eq!(counted.rest(SENDER, 7, [1250, 12, 5700, 15], true), [50, 0, 0, 0]);
        counted.add(SENDER, 7, [9; 4]);
        counted.forget(SENDER, 7);
        assert_eq!(counted.rest(SENDER, 7, [5; 4], true), [5; 4]);
        assert_eq!(counted.all, 0);
    }

    #[test]
    fn what_a_store_remembers_goes_on_where_it_was() {
        let mut counted = Counted::default();
        counted.add(SENDER, 7, [1000, 10, 5000, 12]);
        counted.add(SENDER, 8, [1; 4]);
        // Of what was over before anybody asked, nothing is remembered.
        counted.rest(SENDER, 8, [2; 4], true);
        let first = counted.take_memos();
        assert_eq!(first.len(), 1);
        assert!(counted.take_memos().is_empty());
        let mut other = Counted::default();
        other.restore(&first);
        assert!(other.take_memos().is_empty());
        assert_eq!(other.rest(SENDER, 7, [1250, 12, 5700, 15], true), [250, 2, 700, 3]);
        // That it is over is remembered, too.
        let mut stored = first;
        stored.merge(&other.take_memos());
        let mut third = Counted::default();
        third.restore(&stored);
        assert_eq!(third.rest(SENDER, 7, [3; 4], true), [3; 4]);
    }

    #[test]
    fn who_sends_most_forgets_first() {
        let mut counted = Counted::default();
        counted.add(SENDER, 1, [1; 4]);
        for sender in 0..5_u8 {
            for key in 0..2 * MAX_COUNTED_OF_SENDER as u128 {
                counted.add([198, 51, 100, sender].into(), key, [1; 4]);
            }
        }
        assert!(counted.all <= MAX_COUNTED);
        let flows = counted.by_sender.values().map(OfSender::len).sum::<usize>();
        assert_eq!(counted.all, flows + counted.by_sender.len() * ADDRESS_COSTS);
        assert_eq!(counted.rest(SENDER, 1, [3; 4], true), [2; 4]);
        // The last ones are known of everybody.
        let last = 2 * MAX_COUNTED_OF_SENDER as u128 - 1;
        assert_eq!(counted.rest([198, 51, 100, 4].into(), last, [3; 4], true), [2; 4]);
    }
}
