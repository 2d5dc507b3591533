//! Made traffic: a deterministic capture of valid exports, for trying out, tests and benchmarks.
