//! The screen: what its store functions give on both engines, and its pages over HTTP.

mod safety;
mod site;
