//! Text of each daemon: configuration files out of a plan, and no decision.
