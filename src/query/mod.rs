//! Questions about hosts and networks, turned into scans of a store.
