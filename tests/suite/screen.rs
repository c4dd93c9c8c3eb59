//! The screen: what its store functions give on both engines, and its pages over HTTP.

mod api;
mod counts;
mod customers;
mod desk;
mod listings;
mod once;
mod orders;
mod plans;
mod reasons;
mod reports;
mod safety;
mod search;
mod site;
mod stock;
mod users;
mod words;
