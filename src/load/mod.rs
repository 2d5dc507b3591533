//! One pipeline from capture to store: decode, batch, write, and account for everything that was read.
