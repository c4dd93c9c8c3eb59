//! Tests of the connector against answers that a closure gives.
