//! Merchants' sheets: CSV as Excel and shop systems write it, read with a report by line.
//!
//! `table` finds out the encoding, the separator and which column is which; `cells` reads what stands in a cell;
//! `items` and `count` know what the two kinds of sheets mean. Nothing here touches the store.

mod cells;
mod count;
mod decode;
mod items;
mod table;
#[cfg(test)]
mod tests;

use crate::domain::catalogue::Remark;

pub use count::count;
pub use decode::Encoding;
pub use items::items;

/// A sheet as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet<T> {
    /// How the file was encoded.
    pub encoding: Encoding,
    /// What its good lines say.
    pub lines: Vec<T>,
    /// Lines that cannot be taken, and why, in the order of the file.
    pub faults: Vec<Remark>,
    /// What is taken but should be looked at.
    pub warnings: Vec<Remark>,
}
