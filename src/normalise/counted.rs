//! What was counted already of flows that are told of again and again, so that nothing counts twice.

mod ages;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use serde_json::Value;

use self::ages::Ages;
use crate::flow::{Memo, Remembered, UnixMillis};

/// So many flows of one address's are remembered at least, the ones that were told of last, and
/// twice as many at most.
pub const MAX_COUNTED_OF_SENDER: usize = 1 << 17;
/// So many of all addresses together: beyond it the address with the most forgets first.
pub const MAX_COUNTED: usize = 1 << 20;
/// So many of those that are over, as what came before their end may be read after it.
const MAX_OVER_OF_SENDER: usize = 1 << 13;
/// Of so many a store is told at once.
const MAX_NEWS_OF_SENDER: usize = 1 << 13;

/// An address counts as so many flows for itself, so that there are not too many of them either.
const ADDRESS_COSTS: usize = 256;

/// Octets and packets of one way, and of the way back.
pub(super) type Counters = [u64; 4];

/// Which flow it is, of those that one address sends: a hash of whatever tells it from others.
pub(super) type FlowKey = u128;

/// A flow of which something is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    /// Who sent it.
    pub(super) sender: IpAddr,
    pub(super) key: FlowKey,
    /// When that is, where the key may be that of another flow later.
    pub(super) event: Option<Event>,
}

/// Something that happened to a flow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    /// Whether it begins with that.
    pub(super) begins: bool,
    /// When it began, if that is told.
    pub(super) first: Option<UnixMillis>,
    pub(super) at: UnixMillis,
}

impl Event {
    /// Whether it is of another flow than the one of which something was known `until` then; that
    /// may have ended with it.
    fn is_of_another(&self, until: UnixMillis, is_over: bool) -> bool {
        let is_later = (self.begins || is_over) && self.at > until;
        is_later || self.first.is_some_and(|first| first > until)
    }
}

/// What was counted, by who sent it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Counted {
    by_sender: HashMap<IpAddr, OfSender>,
    /// Flows, and what their addresses cost.
    all: usize,
    /// The flows of which a store is to be told.
    news: HashMap<IpAddr, HashSet<FlowKey>>,
}

/// The flows of an address that go on, and those that are over.
#[derive(Debug, Clone, Default, PartialEq)]
struct OfSender {
    live: Ages<Known>,
    over: Ages<Known>,
}

/// What is known of a flow. Whatever came first, the greater of both counters counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Known {
    /// The sums of what came each time.
    sums: Counters,
    /// The greatest that was told to be all.
    totals: Counters,
    /// Until when it was told of.
    until: UnixMillis,
    /// Whether a store was told, and so must be told of its end, too.
    is_kept: bool,
}

impl Known {
    fn counted(&self) -> Counters {
        each(self.sums, self.totals, u64::max)
    }
}

impl Counted {
    /// A flow begins. What is known of its key may be of another one.
    pub(super) fn begin(&mut self, flow: Flow) {
        let of = self.by_sender.get(&flow.sender);
        if of.is_some_and(|of| of.live.contains(flow.key) || of.over.contains(flow.key)) {
            self.more(flow, Counters::default());
        }
    }

    /// What counts of `told`, which came since the flow was told of before.
    pub(super) fn more(&mut self, flow: Flow, told: Counters) -> Counters {
        self.tell(
            flow,
            |_| false,
            |known, is_over| {
                known.sums = each(told, known.sums, u64::saturating_add);
                is_over
            },
        )
    }

    /// What counts of `told`, which is all since the flow began; whether that is over, and whether
    /// it is another flow where something of it is less than was told before.
    pub(super) fn all(
        &mut self,
        flow: Flow,
        told: Counters,
        (ends, less_is_new): (bool, bool),
    ) -> Counters {
        let is_less =
            |known: &Known| told.iter().zip(known.totals).any(|(told, known)| *told < known);
        self.tell(
            flow,
            |known| less_is_new && is_less(known),
            |known, _| {
                known.totals = each(told, known.totals, u64::max);
                ends
            },
        )
    }

    /// Has `change` enter what is told of a flow, and say whether it is over, as it may have been
    /// before; where what is known of the key `is_of_another`, nothing is known of it. Gives what
    /// counts of that: what was not counted yet.
    fn tell(
        &mut self,
        flow: Flow,
        is_of_another: impl FnOnce(&Known) -> bool,
        change: impl FnOnce(&mut Known, bool) -> bool,
    ) -> Counters {
        let Flow { sender, key, event } = flow;
        let (mut known, mut was_over) = self.take(sender, key);
        let is_later = event.is_some_and(|event| event.is_of_another(known.until, was_over));
        if is_later || is_of_another(&known) {
            known = Known { is_kept: known.is_kept, ..Known::default() };
            was_over = false;
        }
        known.until = known.until.max(event.map_or(UnixMillis::EPOCH, |event| event.at));
        let before = known.counted();
        let is_over = change(&mut known, was_over);
        let counts = each(known.counted(), before, u64::saturating_sub);
        self.put(sender, key, known, is_over);
        counts
    }

    /// Takes in what a store remembers ([`Topic::Counted`]).
    ///
    /// [`Topic::Counted`]: crate::flow::Topic::Counted
    pub(super) fn restore(&mut self, memos: &Remembered) {
        for (sender, name, memo) in memos.iter() {
            let key = FlowKey::from_str_radix(name, 16).ok();
            let value = serde_json::from_value::<(Counters, UnixMillis)>(memo.value.clone()).ok();
            if let Some((key, (counted, until))) = key.zip(value) {
                let known = Known { sums: counted, totals: counted, until, is_kept: true };
                self.put(sender, key, known, false);
            }
        }
        self.news.clear();
    }

    /// What a store is to remember of flows of which anything was told since this was asked last.
    pub(super) fn take_memos(&mut self) -> Remembered {
        let mut memos = Remembered::default();
        let told = UnixMillis::now();
        for (sender, keys) in std::mem::take(&mut self.news) {
            for key in keys {
                let Some(of) = self.by_sender.get_mut(&sender) else { continue };
                let value = if let Some(known) = of.live.get_mut(key) {
                    known.is_kept = true;
                    serde_json::to_value((known.counted(), known.until)).unwrap_or_default()
                } else {
                    if let Some(known) = of.over.get_mut(key) {
                        known.is_kept = false;
                    }
                    Value::Null
                };
                memos.enter(sender, format!("{key:032x}"), Memo { told, value });
            }
        }
        memos
    }

    /// What is known of a flow, and whether it is over; nothing is known of it then.
    fn take(&mut self, sender: IpAddr, key: FlowKey) -> (Known, bool) {
        let Some(of) = self.by_sender.get_mut(&sender) else { return Default::default() };
        let live = of.live.take(key).map(|known| (known, false));
        let Some(found) = live.or_else(|| of.over.take(key).map(|known| (known, true))) else {
            return Default::default();
        };
        self.all -= 1;
        found
    }

    /// Keeps what is known of a flow of which nothing is.
    fn put(&mut self, sender: IpAddr, key: FlowKey, known: Known, is_over: bool) {
        let of = self.by_sender.entry(sender).or_insert_with(|| {
            self.all += ADDRESS_COSTS;
            OfSender::default()
        });
        self.all += 1;
        self.all -= if is_over {
            of.over.put(key, known, MAX_OVER_OF_SENDER)
        } else {
            of.live.put(key, known, MAX_COUNTED_OF_SENDER)
        };
        self.note(sender, key, known.is_kept, is_over);
        while self.all > MAX_COUNTED {
            self.make_room();
        }
    }

    /// Notes that a store is to be told. It is told of the end of what it keeps in any case.
    fn note(&mut self, sender: IpAddr, key: FlowKey, is_kept: bool, is_over: bool) {
        let news = self.news.entry(sender).or_default();
        if is_over && !is_kept {
            news.remove(&key);
        } else if is_kept || news.len() < MAX_NEWS_OF_SENDER {
            news.insert(key);
        }
    }

    /// Has the address with the most flows forget the older ones.
    fn make_room(&mut self) {
        let most = self.by_sender.iter_mut().max_by_key(|(_, of)| of.live.len() + of.over.len());
        let Some((&sender, of)) = most else { return };
        self.all -= of.live.grow_older() + of.over.grow_older();
        if of.live.len() + of.over.len() == 0 {
            self.by_sender.remove(&sender);
            self.news.remove(&sender);
            self.all -= ADDRESS_COSTS;
        }
    }
}

/// The counters that `of` gives of those of both.
fn each(one: Counters, other: Counters, of: impl Fn(u64, u64) -> u64) -> Counters {
    let mut result = one;
    for (one, other) in result.iter_mut().zip(other) {
        *one = of(*one, other);
    }
    result
}
