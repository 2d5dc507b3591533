//! Evidence: pictures of why something stands out, in one frame. Time goes to the right.
//!
//! [`draw_columns`] shows values over time with what is too much, [`draw_calls`] when somebody called,
//! [`draw_pauses`] how long the pauses between were, [`draw_tries`] whom somebody tried when, and
//! [`draw_fan`] in which networks, or at which ports, these are.

mod calls;
mod columns;
mod fan;
mod pauses;
mod sheet;
mod tries;

#[cfg(test)]
mod tests;

pub use calls::{Calls, draw_calls};
pub use columns::{Columns, draw_columns};
pub use fan::{FanPart, draw_fan};
pub use pauses::{Pauses, draw_pauses};
pub use sheet::Look;
pub use tries::{Tries, Try, draw_tries};
