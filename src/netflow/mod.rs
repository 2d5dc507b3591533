//! From a datagram's payload to the flow records in it, told by content and never by port.
