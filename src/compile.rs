//! From a checked mesh to the bundle of every gateway.
