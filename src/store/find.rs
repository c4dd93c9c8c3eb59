//! Finding an order by what a person calls it.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use super::db::args;
use super::tables::OrderRow;
use super::{Result, Store, StoreError, keys, sql};

/// An order as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderRef {
    /// `#1234`: our id.
    Id(i64),
    /// `CHANNEL/NUMBER`: the channel's number or key of it.
    Of {
        /// The channel's name.
        channel: String,
        /// Its number or key there.
        number: String,
    },
    /// A number or key that must stand for one order in the whole house.
    Number(String),
}

impl FromStr for OrderRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(id) = text.strip_prefix('#').and_then(|id| id.parse().ok()) {
            return Ok(Self::Id(id));
        }
        Ok(match text.split_once('/') {
            // A number may hold a slash, a channel's name cannot.
            Some((channel, number)) if !channel.is_empty() && !number.is_empty() => {
                Self::Of { channel: channel.to_owned(), number: number.to_owned() }
            }
            _ => Self::Number(text.to_owned()),
        })
    }
}

impl fmt::Display for OrderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "#{id}"),
            Self::Of { channel, number } => write!(f, "{channel}/{number}"),
            Self::Number(number) => f.write_str(number),
        }
    }
}

impl Store {
    /// The order that a person named.
    ///
    /// Errors: [`StoreError::NotFound`]; [`StoreError::Refused`] when the number stands for several orders.
    pub async fn find_order(&self, order: &OrderRef) -> Result<OrderRow> {
        let mut found: Vec<OrderRow> = match order {
            OrderRef::Id(id) => self.db.all(sql::ORDERS_BY_IDS, args![&keys([*id])?]).await?,
            OrderRef::Of { channel, number } => {
                let channel = self.channel(channel).await?;
                // The channel's key has an index and is unique; the number that buyers see is searched for.
                match self.db.first(sql::ORDER_BY_NUMBER, args![&channel.name, number]).await? {
                    Some(row) => vec![row],
                    None => self.db.all(sql::ORDERS_BY_CHANNEL_NUMBER, args![channel.id, number]).await?,
                }
            }
            OrderRef::Number(number) => self.db.all(sql::ORDERS_BY_NUMBER, args![number]).await?,
        };
        match (found.pop(), found.as_slice()) {
            (Some(row), []) => Ok(row),
            (Some(row), more) => {
                let ids: Vec<String> = more.iter().chain([&row]).map(|r| format!("#{}", r.id)).collect();
                let ids = ids.join(", ");
                Err(StoreError::Refused(format!(
                    "{order} stands for several orders: {ids}; name it by one of these"
                )))
            }
            (None, _) => Err(StoreError::NotFound(format!(
                "there is no order {order}; `banto orders list` shows them"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_named_by_id_by_channel_or_by_number() {
        let Ok(by_id) = "#12".parse::<OrderRef>();
        assert_eq!(by_id, OrderRef::Id(12));
        let of =
            |channel: &str, number: &str| OrderRef::Of { channel: channel.into(), number: number.into() };
        for (text, meant) in [
            ("honten/1001", of("honten", "1001")),
            ("rakuten/338-2026/11-7", of("rakuten", "338-2026/11-7")),
            ("1001", OrderRef::Number("1001".into())),
            ("#A12", OrderRef::Number("#A12".into())),
            ("/7", OrderRef::Number("/7".into())),
        ] {
            let Ok(read) = text.parse::<OrderRef>();
            assert_eq!((read.to_string().as_str(), read), (text, meant));
        }
    }
}
