//! Tests of the connector without a server.
