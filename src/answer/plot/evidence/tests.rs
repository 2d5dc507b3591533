//! Marks of evidence against values that are worked out by hand.
