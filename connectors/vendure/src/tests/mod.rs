//! Tests of the connector against the fake shop, through a way out that cannot fail by itself.
#![expect(clippy::unwrap_used, reason = "tests")]

mod schema;
