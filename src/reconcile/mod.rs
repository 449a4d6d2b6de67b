//! What runs on a gateway: fetch, verify, stage, switch, reload.
