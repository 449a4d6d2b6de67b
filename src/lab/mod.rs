//! A whole mesh on one machine, in namespaces.
