//! A gateway's own key pair.
