//! Real captures, against other tools' decodings of them.
