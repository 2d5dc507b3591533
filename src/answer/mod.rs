//! Flows and summaries as text: line, json, csv and their kin.
