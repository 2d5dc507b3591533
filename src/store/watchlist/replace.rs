//! A list in place of another one of its name.

use std::collections::HashSet;

use super::{Hits, Indicator, WatchList};

/// `list` in place of `before`, of which `hits` were found: what is new in it is still to be looked
/// for, and what was found of the rest stays.
pub(crate) fn in_place_of(
    list: &WatchList,
    before: Option<&WatchList>,
    hits: &mut Hits,
) -> WatchList {
    let key = |indicator: &Indicator| {
        (indicator.to_string(), indicator.valid.since, indicator.valid.until)
    };
    let sought = before.iter().flat_map(|list| &list.indicators).filter(|one| !one.fresh);
    let sought: HashSet<_> = sought.map(key).collect();
    let keys = list.indicators.iter().map(key).filter(|key| !sought.contains(key));
    // Hits are kept by what an indicator is called, whenever it is valid.
    let fresh: HashSet<String> = keys.map(|(name, ..)| name).collect();
    let mut list = list.clone();
    for indicator in &mut list.indicators {
        indicator.fresh = fresh.contains(&indicator.to_string());
    }
    for name in &fresh {
        hits.forget(name);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::UnixMillis;

    #[test]
    fn what_a_list_had_before_is_not_looked_for_again() {
        let list = |texts: &[&str]| WatchList {
            name: "bad".to_owned(),
            file: "bad.txt".to_owned(),
            added: UnixMillis(1),
            indicators: texts
                .iter()
                .map(|text| Indicator::of(text.parse::<std::net::IpAddr>().unwrap()))
                .collect(),
        };
        let fresh = |list: &WatchList| -> Vec<bool> {
            list.indicators.iter().map(|indicator| indicator.fresh).collect()
        };
        let mut hits = Hits::default();
        let first = in_place_of(&list(&["10.0.0.1", "10.0.0.2"]), None, &mut hits);
        assert_eq!(fresh(&first), [true, true]);
        // It was interrupted.
        let again = in_place_of(&list(&["10.0.0.1"]), Some(&first), &mut hits);
        assert_eq!(fresh(&again), [true]);
        let second =
            in_place_of(&list(&["10.0.0.2", "10.0.0.3"]), Some(&first.sought()), &mut hits);
        assert_eq!((fresh(&second), second.fresh().count()), (vec![false, true], 1));
    }
}
