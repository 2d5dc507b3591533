//! `report`: what each customer, interface or network used of a month.

use std::io::Write;
use std::path::PathBuf;

use super::asking::Explain;
use super::failure::Ending;
use super::format::KeyOutput;
use super::output;
use super::outside::{Outside, surroundings};
use super::settings::{Flags, Settings};
use super::whole_file::WholeFile;
use crate::answer::{USAGE_COLUMNS, write_usage};
use crate::request::{Report, shown};
use crate::service::report_page;

const EXAMPLES: &str = "\
Examples:
  earlgrey-hbase report --month 2026-10 --by if                      what each interface used in October
  earlgrey-hbase report --month 'last month' --by tenant -o csv > bill.csv
  earlgrey-hbase report --month 2026-10 --by as --page october.html  also as a page, to be printed
  earlgrey-hbase report --month 2026-10 --by ip/24 --billing sum -n 0
  earlgrey-hbase report --month yesterday --by exporter --bin 1m

Keys are those of top. What came in and what went out are told apart of interfaces, VLANs and VRFs (in: by
which flows came in), and of addresses, networks, AS numbers and what addresses mean (out: what they sent).";

/// Print what each interface, network or customer used of a month, as it is billed: octets, mean,
/// percentile and peak rates in and out.
///
/// All flows that were under way in the month count, with what fell into it: octets are spread over the
/// time of their flow. All bins of the month are samples, also those in which there was nothing. Of them
/// the highest 5 % are thrown away, and the highest that is left is the 95th percentile. A month is that of
/// the clocks of --tz; of one that is not over, what is over counts.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    report: Report,
    #[command(flatten)]
    explain: Explain,
    /// Also write a page of it: one file of HTML with a line of the month for each key
    #[arg(long, value_name = "FILE.html")]
    page: Option<PathBuf>,
    #[command(flatten)]
    output: KeyOutput,
}

impl Args {
    pub(super) fn flags(&self) -> Flags {
        self.output.flags()
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Ending> {
    let outside = Outside(settings);
    let (around, request) = (surroundings(&outside), &args.report);
    let (format, zone) = (settings.pair_format(), &settings.tz.value);
    let mut options = request.options(&around)?;
    if args.page.is_some() {
        options.usage.line_columns = USAGE_COLUMNS;
    }
    let question = request.question(&options, &around)?;
    let asking = args.explain.ask(question, settings, request.scaled())?;
    let lookup = request.lookup(asking.question());
    asking.answer(&[&lookup], format.is_json(), || {
        let answer = request.answer(asking.snapshot(), &lookup, &options)?;
        let (filter, names) = (shown(asking.question().filter.as_ref()), asking.names()?);
        let view = answer.view(("", &filter), zone, &names);
        if let Some(path) = &args.page {
            let mut file = WholeFile::create(path, true)?;
            file.write_all(report_page(&answer.usage, &view).as_bytes()).map_err(file.failed())?;
            file.finish()?;
        }
        output::print(|out| Ok(write_usage(&answer.usage, &view, format, out)?))
    })
}
