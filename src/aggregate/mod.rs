//! Flows summed up: an aggregate is made empty, observes batches, and merges with others of its kind.
