//! Questions: each result is a row of the answer.

use super::{Given, Results, WorkError};
use crate::answer::{
    FlowWriter, Format, FoundFormat, PairFormat, Style, TimelineFormat, TimelineView, TopStyle,
    stats_json, write_conversations, write_diff, write_found, write_pairs, write_timeline,
    write_top, write_usage,
};
use crate::request::{
    ActiveFlow, Detect, Diff, Flows, Found, Report, Stats, Timeline, TimelineAnswer, Top, shown,
    whole_number,
};
use crate::service::detecting;

type Done = Result<String, WorkError>;

/// What can be said of pairs.
#[derive(Debug, clap::Args)]
pub(super) struct Pairs {
    #[command(flatten)]
    pub(super) pairs: ActiveFlow,
    /// How many pairs
    #[arg(long, value_name = "N", default_value = "10", value_parser = whole_number::<usize>,
        allow_negative_numbers = true)]
    print: usize,
}

pub(super) fn flows(given: &Given<'_>, results: &mut Results<'_>) -> Done {
    let request: Flows = given.read()?;
    let around = given.around();
    let asked = given.ask(request.question(&around)?, request.scaled())?;
    let lookup = request.lookup(&asked.question, &Format::Ndjson);
    let answer = request.answer(asked.snapshot(), &lookup, &Format::Ndjson, &around)?;
    let zone = given.zone.zone().clone();
    match answer.found {
        Found::Count(flows) => results.push(&serde_json::json!({ "flows": flows }))?,
        Found::Flows(flows) => {
            let names = given.tasks.store.names()?;
            let writer = FlowWriter::new(results, &Format::Ndjson, zone).with_names(names);
            writer.with_ends(around.ends(&Format::Ndjson)?).write_all(flows)?;
        }
        Found::Conversations(conversations) => {
            let style = Style::default();
            write_conversations(conversations, results, &Format::Ndjson, style, zone)?;
        }
    }
    Ok(answer.notes.join("; "))
}

pub(super) fn pairs(given: &Given<'_>, results: &mut Results<'_>) -> Done {
    let Pairs { pairs, print } = given.read()?;
    let asked = given.ask(pairs.question(&given.around())?, pairs.scaled())?;
    let lookup = pairs.lookup(&asked.question);
    let found = pairs.answer(asked.snapshot(), &lookup, given.limits(), print)?;
    write_pairs(&found, &pairs.options(given.limits()), PairFormat::Ndjson, results)?;
    Ok(String::new())
}

pub(super) fn top(given: &Given<'_>, results: &mut Results<'_>) -> Done {
    let request: Top = given.read()?;
    let options = request.options(&given.around())?;
    let asked = given.ask(request.question(&given.around())?, request.scaled())?;
    let (snapshot, lookup) = (asked.snapshot(), request.lookup(&asked.question));
    let top = request.answer(snapshot, &lookup, &options)?;
    let of = (&asked.question, &lookup);
    let beside = request.beside(snapshot, of, (&top, &options), &given.around())?;
    let (format, zone) = (PairFormat::Ndjson, given.zone.zone().clone());
    write_top(&top, &options, &TopStyle { format, zone, plain: true, beside }, results)?;
    Ok(String::new())
}

pub(super) fn diff(given: &Given<'_>, results: &mut Results<'_>) -> Done {
    let request: Diff = given.read()?;
    let options = request.options(&given.around())?;
    let question = request.question(&options, &given.around())?;
    let asked = given.ask(question, request.scaled())?;
    let lookups = request.lookups(&asked.question, &options);
    let diff = request.answer(asked.snapshot(), &lookups, &options)?;
    let zone = given.zone.zone().clone();
    let beside = request.beside(asked.snapshot(), &lookups, &options, &given.around())?;
    let style = TopStyle { format: PairFormat::Ndjson, zone, plain: true, beside };
    write_diff(&diff, &options, &style, results)?;
    Ok(String::new())
}

pub(super) fn report(given: &Given<'_>, results: &mut Results<'_>) -> Done {
    let request: Report = given.read()?;
    let options = request.options(&given.around())?;
    let question = request.question(&options, &given.around())?;
    let asked = given.ask(question, request.scaled())?;
    let answer = request.answer(asked.snapshot(), &request.lookup(&asked.question), &options)?;
    let names = given.tasks.store.names()?;
    let view = answer.view(("", ""), &given.zone, &names);
    write_usage(&answer.usage, &view, PairFormat::Ndjson, results)?;
    Ok(String::new())
}

pub(super) fn timeline(given: &Given<'_>, results: &mut Results<'_>) -> Done {
    let request: Timeline = given.read()?;
    let asked = given.ask(request.question(&given.around())?, request.scaled())?;
    let lookups = request.lookups(&asked.question);
    let options = request.options(Timeline::USUAL_BINS, &given.zone);
    let keys = request.keys(&given.around())?;
    if let Some(usage) = request.usage(&asked.question, &given.around()) {
        let answer = request.answer_usage(asked.snapshot(), &lookups, keys, &usage)?;
        let names = given.tasks.store.names()?;
        let view = answer.view(("", ""), &given.zone, &names);
        write_usage(&answer.usage, &view, PairFormat::Ndjson, results)?;
        return Ok(String::new());
    }
    let TimelineAnswer { timeline, fields, keys } =
        request.answer(asked.snapshot(), &lookups, (&options, keys), &given.zone)?;
    let beside = request.beside(asked.snapshot(), &lookups, &given.around())?;
    let view = TimelineView {
        of: &request.of(),
        filter: &shown(asked.question.filter.as_ref()),
        zone: given.zone.zone().clone(),
        zone_name: given.zone.name(),
        fields: &fields,
        keys: &keys,
        beside: Some(&beside),
    };
    write_timeline(&timeline, &view, TimelineFormat::Ndjson, 0, results)?;
    Ok(String::new())
}

pub(super) fn stats(given: &Given<'_>, results: &mut Results<'_>) -> Done {
    let request: Stats = given.read()?;
    let asked = given.ask(request.question(&given.around())?, request.scaled())?;
    let lookup = request.lookup(&asked.question);
    let store = &*given.tasks.store;
    let answer = request.answer(store, asked.snapshot(), &asked.question, &lookup, &given.zone)?;
    let json = stats_json(&answer.flows, &answer.store, given.zone.zone());
    let row: serde_json::Value = serde_json::from_str(&json).map_err(WorkError::failed)?;
    results.push(&row)?;
    Ok(String::new())
}

pub(super) fn detect(given: &Given<'_>, results: &mut Results<'_>) -> Done {
    let request: Detect = given.read()?;
    let around = given.around();
    let parameters = request.parameters(&given.tasks.deciding, &around)?;
    let asked = given.ask(request.question(&around)?, true)?;
    let place = (&*given.tasks.store, &*given.tasks.folder);
    let told = detecting::find(&request, (&asked, &parameters), place, &around)?;
    let how = (FoundFormat::Ndjson, given.zone.zone().clone());
    write_found(&told.found, &told.called, how, results)?;
    Ok(told.notes().join("; "))
}
