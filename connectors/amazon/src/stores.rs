//! Amazon's stores: id, currency, region. From "Marketplace IDs" and "SP-API Endpoints" in Amazon's developer documents.

/// One store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Store {
    pub(crate) country: &'static str,
    pub(crate) id: &'static str,
    /// Of orders that carry no price yet.
    pub(crate) currency: &'static str,
    /// For messages about listings.
    pub(crate) locale: &'static str,
    pub(crate) endpoint: &'static str,
}

const NA: &str = "https://sellingpartnerapi-na.amazon.com";
const EU: &str = "https://sellingpartnerapi-eu.amazon.com";
const FE: &str = "https://sellingpartnerapi-fe.amazon.com";

const fn store(
    country: &'static str,
    id: &'static str,
    currency: &'static str,
    locale: &'static str,
    endpoint: &'static str,
) -> Store {
    Store { country, id, currency, locale, endpoint }
}

/// Japan first: it is where the connector was made for.
pub(crate) const STORES: [Store; 23] = [
    store("JP", "A1VC38T7YXB528", "JPY", "ja_JP", FE),
    store("AU", "A39IBJ37TRP1C6", "AUD", "en_AU", FE),
    store("SG", "A19VAU5U5O7RUS", "SGD", "en_SG", FE),
    store("US", "ATVPDKIKX0DER", "USD", "en_US", NA),
    store("CA", "A2EUQ1WTGCTBG2", "CAD", "en_CA", NA),
    store("MX", "A1AM78C64UM0Y8", "MXN", "es_MX", NA),
    store("BR", "A2Q3Y263D00KWC", "BRL", "pt_BR", NA),
    store("UK", "A1F83G8C2ARO7P", "GBP", "en_GB", EU),
    store("DE", "A1PA6795UKMFR9", "EUR", "de_DE", EU),
    store("FR", "A13V1IB3VIYZZH", "EUR", "fr_FR", EU),
    store("IT", "APJ6JRA9NG5V4", "EUR", "it_IT", EU),
    store("ES", "A1RKKUPIHCS9HS", "EUR", "es_ES", EU),
    store("NL", "A1805IZSGTT6HS", "EUR", "nl_NL", EU),
    store("BE", "AMEN7PMS3EDWL", "EUR", "fr_BE", EU),
    store("SE", "A2NODRKZP88ZB9", "SEK", "sv_SE", EU),
    store("PL", "A1C3SOZRARQ6R3", "PLN", "pl_PL", EU),
    store("IE", "A28R8C7NBKEWEA", "EUR", "en_IE", EU),
    store("TR", "A33AVAJ2PDY3EV", "TRY", "tr_TR", EU),
    store("AE", "A2VIGQ35RCS4UG", "AED", "en_AE", EU),
    store("SA", "A17E79C6D8DWNP", "SAR", "en_AE", EU),
    store("EG", "ARBP9OOSHTCHU", "EGP", "en_AE", EU),
    store("ZA", "AE08WJ6YKNBMC", "ZAR", "en_ZA", EU),
    store("IN", "A21TJRUUN4KGV", "INR", "en_IN", EU),
];

impl Store {
    /// The store that somebody wrote, by country code or id.
    pub(crate) fn find(written: &str) -> Option<&'static Self> {
        let written = match written.trim() {
            "GB" | "gb" => "UK",
            other => other,
        };
        STORES.iter().find(|s| s.country.eq_ignore_ascii_case(written) || s.id == written)
    }

    /// Cash on delivery is told with a shipment in Japan only.
    pub(crate) fn is_japan(&self) -> bool {
        self.country == "JP"
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_store_stands_once_and_has_a_currency() {
        let ids: BTreeSet<&str> = STORES.iter().map(|s| s.id).collect();
        assert_eq!(ids.len(), STORES.len());
        assert!(STORES.iter().all(|s| banto_channel::minor_digits(s.currency).is_some()));
        assert_eq!(Store::find("jp").map(|s| s.endpoint), Some(FE));
        assert_eq!(Store::find("GB"), Store::find("A1F83G8C2ARO7P"));
        assert_eq!(Store::find("XX"), None);
    }
}
