//! Questions, against a slow answer.
