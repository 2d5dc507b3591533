use super::*;

const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

fn flow(key: FlowKey) -> Flow {
    Flow { sender: SENDER, key, event: None }
}

/// A connection that began then, and to which something happens then.
fn at(key: FlowKey, first: u64, at: u64) -> Flow {
    let event = Event { begins: false, first: Some(UnixMillis(first)), at: UnixMillis(at) };
    Flow { event: Some(event), ..flow(key) }
}

#[test]
fn of_growing_totals_the_growth_counts() {
    let mut counted = Counted::default();
    let mut all = Counters::default();
    // The third came late, and the last twice, after it was over.
    for (octets, ends) in
        [(6000, false), (9000, false), (7500, false), (12_000, true), (12_000, true)]
    {
        let counts = counted.all(flow(7), [octets, octets / 1500, 0, 1], (ends, false));
        all = each(all, counts, u64::saturating_add);
    }
    assert_eq!(all, [12_000, 8, 0, 1]);
    // Where nothing but its totals tells a flow from the one before, less is another.
    for (octets, expected) in [(3000, 3000), (7000, 4000), (100, 100), (900, 800)] {
        assert_eq!(counted.all(flow(8), [octets, 0, 0, 0], (false, true))[0], expected);
    }
}

#[test]
fn an_end_counts_what_was_not_told_before_in_whatever_order_they_come() {
    let told = [[1000, 10, 5000, 12], [200, 2, 700, 3]];
    let end = [1250, 12, 5700, 15];
    for order in [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 2, 0]] {
        let mut counted = Counted::default();
        let mut all = Counters::default();
        for which in order {
            let counts = match told.get(which) {
                Some(&told) => counted.more(at(7, 100, 200 + which as u64), told),
                None => counted.all(at(7, 100, 300), end, (true, false)),
            };
            all = each(all, counts, u64::saturating_add);
        }
        assert_eq!(all, end, "{order:?}");
    }
}

#[test]
fn a_number_that_is_used_again_is_another_connection() {
    let mut counted = Counted::default();
    counted.more(at(7, 100, 200), [9; 4]);
    counted.all(at(7, 100, 300), [10; 4], (true, false));
    assert_eq!(counted.all(at(7, 301, 400), [5; 4], (true, false)), [5; 4]);
    // Also where nothing but the event says so: what comes after an end is of another.
    assert_eq!(counted.all(at(7, 100, 500), [7; 4], (true, false)), [7; 4]);
    assert_eq!(counted.more(at(7, 100, 600), [3; 4]), [3; 4]);
    let begins = Event { begins: true, first: None, at: UnixMillis(700) };
    counted.begin(Flow { event: Some(begins), ..flow(7) });
    assert_eq!(counted.all(at(7, 100, 800), [2; 4], (true, false)), [2; 4]);
    // Of one whose end was lost, too.
    counted.more(at(8, 100, 200), [9; 4]);
    assert_eq!(counted.all(at(8, 250, 300), [5; 4], (true, false)), [5; 4]);
}

#[test]
fn what_a_store_remembers_goes_on_where_it_was() {
    let mut counted = Counted::default();
    counted.more(flow(7), [1000, 10, 5000, 12]);
    counted.more(flow(8), [1; 4]);
    // Of what was over before anybody asked, nothing is remembered.
    counted.all(flow(8), [2; 4], (true, false));
    let first = counted.take_memos();
    assert_eq!(first.len(), 1);
    assert!(counted.take_memos().is_empty());
    let mut other = Counted::default();
    other.restore(&first);
    assert!(other.take_memos().is_empty());
    assert_eq!(other.more(flow(7), [1; 4]), [1; 4]);
    assert_eq!(other.all(flow(7), [1251, 13, 5701, 16], (true, false)), [250, 2, 700, 3]);
    // That it is over is remembered, and takes no room.
    let mut stored = first;
    stored.take_in(&other.take_memos());
    assert!(stored.is_empty());
}

#[test]
fn who_sends_most_forgets_first_and_does_not_keep_others_from_being_remembered() {
    let mut counted = Counted::default();
    for sender in 0..5_u8 {
        for key in 0..2 * MAX_COUNTED_OF_SENDER as u128 {
            counted.more(Flow { sender: [198, 51, 100, sender].into(), ..flow(key) }, [1; 4]);
        }
    }
    counted.more(flow(1), [1; 4]);
    assert!(counted.all <= MAX_COUNTED);
    let flows = counted.by_sender.values().map(|of| of.live.len() + of.over.len()).sum::<usize>();
    assert_eq!(counted.all, flows + counted.by_sender.len() * ADDRESS_COSTS);
    assert!(counted.take_memos().iter().any(|(sender, ..)| sender == SENDER));
    assert_eq!(counted.all(flow(1), [3; 4], (true, false)), [2; 4]);
    // The last ones are known of everybody.
    let last = 2 * MAX_COUNTED_OF_SENDER as u128 - 1;
    let last = Flow { sender: [198, 51, 100, 4].into(), ..flow(last) };
    assert_eq!(counted.all(last, [3; 4], (true, false)), [2; 4]);
}
