//! The integration tests, in one binary so that they link once.

mod answer;
mod capture;
mod cli;
mod crash;
mod embedded;
mod generate;
mod house;
mod interop;
mod query;
mod reference;
