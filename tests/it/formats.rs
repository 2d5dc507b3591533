//! Real captures of every format, against what other tools make of them.

mod anonymised;
mod counts;
mod files;
mod fixed;
mod generated;
mod golden;
mod logstash;
mod options;
mod sflow;
mod shown;
mod tshark;
