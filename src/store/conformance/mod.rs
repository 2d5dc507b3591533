//! What every backend must do, as tests that every backend calls.
//!
//! A backend's own test is a call of [`all`]; a new rule for stores is a new case here. It is
//! behind the feature `testing`: `examples/own_store.rs` shows how a store of one's own is tried.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, in the library only so that the tests of every backend find them"
)]

mod behind_nat;
mod duplicates;
mod expiring;
mod extras;
mod extremes;
mod model;
mod predicates;
mod reading;
mod samples;
mod scanning;
mod seen_twice;
mod watching;
mod writing;

#[cfg(test)]
pub(crate) use reading::read_all;
#[cfg(test)]
pub(crate) use samples::{flow, store_from};

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Store, WriteBatch};

/// Makes a store with nothing in it, and another at each call.
pub type Open<'a> = &'a dyn Fn() -> Box<dyn Store>;

/// A thing that a store must do.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The sentence that it proves.
    pub name: &'static str,
    /// Panics unless it holds for the stores that are given to it.
    pub check: fn(Open<'_>),
}

macro_rules! cases {
    ($($module:ident :: $case:ident,)*) => {
        /// Everything that a store must do.
        pub const CASES: &[Case] =
            &[$(Case { name: stringify!($case), check: $module::$case }),*];
    };
}

cases![
    writing::a_store_that_nothing_was_written_to_is_empty,
    writing::what_was_committed_is_there_for_new_snapshots,
    writing::a_snapshot_stays_as_it_was,
    writing::the_size_is_that_of_all_flows_as_far_as_it_is_told,
    writing::there_is_one_writer_at_a_time,
    writing::a_writer_that_is_dropped_leaves_no_part_of_a_batch,
    writing::many_batches_are_one_store,
    writing::sources_are_told_apart_over_batches_and_writers,
    writing::the_ledger_keeps_the_last_word_of_each_load_in_order,
    duplicates::a_datagram_is_stored_once_by_one_writer,
    duplicates::a_datagram_is_stored_once_by_many_writers,
    duplicates::equal_records_of_one_datagram_are_all_kept,
    duplicates::equal_flows_of_two_datagrams_are_both_kept,
    duplicates::a_datagram_without_flows_is_remembered,
    scanning::a_host_is_found_in_both_orders,
    scanning::blocks_of_addresses_end_where_they_say,
    scanning::the_families_do_not_mix,
    scanning::a_time_range_holds_its_start_and_not_its_end,
    scanning::ordered_regions_come_in_key_order,
    scanning::regions_are_read_side_by_side,
    predicates::a_predicate_finds_what_a_look_at_every_flow_finds,
    predicates::several_addresses_lead_a_scan,
    scanning::only_the_columns_asked_for_are_filled,
    scanning::large_answers_come_in_batches_of_bounded_size,
    scanning::the_meter_and_the_plan_fit_the_answer,
    seen_twice::a_flow_that_two_routers_saw_is_found_once,
    extremes::every_extreme_value_comes_back,
    extremes::flows_of_every_age_are_found_by_time,
    extremes::one_pair_and_one_moment_hold_many_flows,
    extras::what_some_flows_have_beyond_the_columns_comes_back_with_them,
    extras::names_that_exporters_told_are_kept_and_later_ones_replace_them,
    extras::what_was_told_last_is_remembered,
    behind_nat::flows_behind_a_nat_are_found_by_their_addresses_there,
    behind_nat::they_are_found_where_the_first_ones_come_late,
    behind_nat::they_go_when_they_are_old,
    behind_nat::a_flow_behind_a_nat_that_is_written_again_is_there_once,
    expiring::flows_before_a_moment_go_and_no_others,
    expiring::a_flow_at_the_end_of_time_hinders_no_expiry,
    expiring::days_go_one_after_the_other_and_new_ones_come,
    expiring::what_comes_after_the_old_flows_went_stays_however_old,
    expiring::a_datagram_with_a_flow_left_is_not_forgotten,
    expiring::a_snapshot_keeps_the_flows_that_go,
    expiring::old_flows_go_beside_a_writer,
    watching::flows_that_hit_a_watch_list_count_once_whenever_they_came,
    watching::a_list_in_place_of_another_keeps_what_was_hit,
    watching::hits_come_with_the_commit_and_stay_when_flows_go,
    watching::a_list_may_come_while_flows_are_written,
    watching::lists_are_listed_and_forgotten,
    watching::lists_that_are_added_at_once_are_all_there,
    model::random_stores_answer_random_scans_as_a_sorted_map_does,
];

/// Runs every case, each on stores of its own.
///
/// # Panics
///
/// If a case does not hold; the message names each that does not.
pub fn all(open: Open<'_>) {
    all_but(&[], open);
}

/// Runs every case except those named in `left_out`, which the backend must give a reason for.
///
/// # Panics
///
/// As [`all`], and if there is no case of a name.
pub fn all_but(left_out: &[&str], open: Open<'_>) {
    for name in left_out {
        assert!(CASES.iter().any(|case| case.name == *name), "there is no case {name}");
    }
    let failed: Vec<&str> = CASES
        .iter()
        .filter(|case| !left_out.contains(&case.name))
        .filter(|case| {
            println!("conformance: {}", case.name);
            catch_unwind(AssertUnwindSafe(|| (case.check)(open))).is_err()
        })
        .map(|case| case.name)
        .collect();
    assert!(failed.is_empty(), "not as every store must do: {}", failed.join(", "));
}

/// A batch of `flows` flows, in datagrams that no batch of another number has.
pub fn sample_batch(number: u64, flows: usize) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for (part, flows) in samples::mixed_flows(number, flows).chunks(30).enumerate() {
        samples::put(&mut batch, samples::datagram(number << 32 | part as u64), flows);
    }
    batch
}

/// Commits `flows` flows to `store`, which has no writer and never had any of them.
///
/// # Panics
///
/// If the store fails.
pub fn write_sample(store: &dyn Store, flows: usize) {
    samples::store_from(store, 0, &samples::mixed_flows(0, flows));
}

#[cfg(test)]
mod tests;
