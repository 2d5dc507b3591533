//! Exporters that others wrote.
