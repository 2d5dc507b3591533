//! What is remembered from one load to the next: what exporters tell now and then, and what later
//! flows are understood by.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Seldom, UnixMillis, giving_way};

/// So many memos of a topic are kept. For more, those give way of the exporter that has most, the
/// ones first that were told longest ago.
pub const MAX_MEMOS: usize = 32_768;
/// Room is made for so many at once.
const ROOM: usize = MAX_MEMOS / 8;

/// What memos are about. Each topic is kept by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// How exporters sample, and when they started, by their options.
    Options,
    /// What was counted already of flows that are told of again and again, by hashes of what they
    /// are: octets and packets of each way, or nothing where the flow is over.
    Counted,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 2] = [Self::Options, Self::Counted];

    /// What it is called in files and tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Options => "options",
            Self::Counted => "counted",
        }
    }
}

/// What is remembered of a topic: memos by the exporter that told them and a name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Remembered(BTreeMap<(IpAddr, String), Memo>);

/// One thing that was told, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memo {
    /// When it was told last.
    pub told: UnixMillis,
    /// What was told; whoever enters it sees that it is short.
    pub value: Value,
}

/// A memo as it is written: exporter, name, milliseconds since 1970, value.
type Entry = (IpAddr, String, UnixMillis, Value);

impl Remembered {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many memos there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each memo with its exporter and its name.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &str, &Memo)> {
        self.0.iter().map(|((exporter, name), memo)| (*exporter, &**name, memo))
    }

    /// Enters a memo, in place of one with its name that was told no later.
    pub fn enter(&mut self, exporter: IpAddr, name: String, memo: Memo) {
        let key = (exporter, name);
        match self.0.get_mut(&key) {
            Some(known) if known.told > memo.told => {}
            Some(known) => *known = memo,
            None => {
                if self.0.len() >= MAX_MEMOS {
                    self.make_room();
                }
                self.0.insert(key, memo);
            }
        }
    }

    /// Takes in the memos of `other`. Of two with one name the one stays that was told later.
    pub fn merge(&mut self, other: &Self) {
        for (exporter, name, memo) in other.iter() {
            self.enter(exporter, name.to_owned(), memo.clone());
        }
    }

    /// Likewise, for what is kept: memos of what is over are not.
    pub fn take_in(&mut self, other: &Self) {
        self.merge(other);
        self.0.retain(|_, memo| !memo.value.is_null());
    }

    /// Where more than half of the room is taken, leaves out what exporters told who neither have
    /// `flows` nor tell anything `new`. Options may come before the first flow, so else they stay.
    pub(crate) fn forget_the_gone(&mut self, flows: &HashSet<IpAddr>, new: &Self) {
        if self.0.len() > MAX_MEMOS / 2 {
            let tell: HashSet<IpAddr> = new.iter().map(|(exporter, ..)| exporter).collect();
            self.0.retain(|(exporter, _), _| flows.contains(exporter) || tell.contains(exporter));
        }
    }

    fn make_room(&mut self) {
        static FULL: Seldom = Seldom::new();
        let entries = self.0.iter().map(|(key, memo)| (key.0, memo.told.0, key.clone()));
        let gone = giving_way(entries.collect(), MAX_MEMOS - ROOM);
        for (_, key) in &gone {
            self.0.remove(key);
        }
        if let (Some(times), Some((most, _))) = (FULL.again(gone.len() as u64), gone.first()) {
            tracing::warn!(
                "no room to remember more of what exporters tell: {times} memos were forgotten, \
                 now those of {most}, which told most"
            );
        }
    }
}

impl From<Vec<Entry>> for Remembered {
    fn from(entries: Vec<Entry>) -> Self {
        let keyed = entries
            .into_iter()
            .map(|(exporter, name, told, value)| ((exporter, name), Memo { told, value }));
        Self(keyed.collect())
    }
}

impl From<Remembered> for Vec<Entry> {
    fn from(remembered: Remembered) -> Self {
        let entry = |((exporter, name), Memo { told, value })| (exporter, name, told, value);
        remembered.0.into_iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn memo(told: u64, value: impl Into<Value>) -> Memo {
        Memo { told: UnixMillis(told), value: value.into() }
    }

    #[test]
    fn what_was_told_later_stays_whatever_came_first_and_survives_being_written() {
        let mut one = Remembered::default();
        one.enter(EXPORTER, "a".to_owned(), memo(7, 1));
        one.enter(EXPORTER, "b".to_owned(), memo(7, "\"x\""));
        let mut other = Remembered::default();
        other.enter(EXPORTER, "a".to_owned(), memo(9, 2));
        other.enter(EXPORTER, "b".to_owned(), memo(5, 3));
        let mut both = one.clone();
        both.merge(&other);
        other.merge(&one);
        assert_eq!(both, other);
        let text = serde_json::to_string(&both).unwrap();
        assert_eq!(text, r#"[["192.0.2.1","a",9,2],["192.0.2.1","b",7,"\"x\""]]"#);
        assert_eq!(serde_json::from_str::<Remembered>(&text).unwrap(), both);
    }

    #[test]
    fn who_tells_without_end_makes_nothing_of_others_forgotten() {
        let mut kept = Remembered::default();
        kept.enter(EXPORTER, "a".to_owned(), memo(0, 1));
        for number in 0..2 * MAX_MEMOS as u64 {
            kept.enter([203, 0, 113, 9].into(), number.to_string(), memo(number, 1));
        }
        assert!(kept.len() <= MAX_MEMOS);
        let (_, name, found) = kept.iter().next().unwrap();
        assert_eq!((name, found), ("a", &memo(0, 1)));
        // Those of exporters that are gone make room first.
        let mut new = Remembered::default();
        new.enter([203, 0, 113, 8].into(), "a".to_owned(), memo(0, 1));
        kept.forget_the_gone(&HashSet::from([EXPORTER]), &new);
        assert_eq!(kept.len(), 1);
    }
}
