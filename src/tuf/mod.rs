//! Trust: a TUF repository and the client workflow that verifies it (specification 1.0.x).
