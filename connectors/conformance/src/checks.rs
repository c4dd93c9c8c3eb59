//! The checks, each a function of its fixture. Their names stand in `suite.rs`.

pub(crate) mod capabilities;
pub(crate) mod credentials;
pub(crate) mod faults;
pub(crate) mod notices;
pub(crate) mod offers;
pub(crate) mod orders;
pub(crate) mod pages;
pub(crate) mod secrets;
pub(crate) mod stock;
pub(crate) mod webhooks;
