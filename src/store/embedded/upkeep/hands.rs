//! How many threads a step takes.

/// How many threads a step takes that has two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hands {
    /// The calling one: the others have work of their own.
    One,
    /// Two of the pool's.
    Two,
}

impl Hands {
    /// Does both.
    pub(super) fn both<A: Send, B: Send>(
        self,
        one: impl FnOnce() -> A + Send,
        other: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        match self {
            Self::One => (one(), other()),
            Self::Two => rayon::join(one, other),
        }
    }
}
