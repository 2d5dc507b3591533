//! Processes killed, disks filled, files damaged.
