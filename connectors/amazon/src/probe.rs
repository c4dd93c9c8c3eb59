//! `probe`: a token, one order, one listing.

use banto_channel::{Cx, Error, ErrorKind, ProbeReport, Result, Timestamp};

use crate::Amazon;
use crate::config::OrdersApi;
use crate::cursor::{Ask, LAG};
use crate::time;

/// Warn when the client secret has so many days left.
const SECRET_DAYS: i64 = 21;
const DAY: i64 = 86_400;
/// The reading operations of v0 end here (2027-03-27).
const V0_ENDS: i64 = 1_806_105_600;

impl Amazon {
    pub(crate) async fn look(&self, cx: &Cx) -> Result<ProbeReport> {
        let now = cx.clock.now().as_secs();
        let ask = Ask { from: now - LAG - DAY, token: None };
        let request = match self.settings.orders_api {
            OrdersApi::Current => self.search_request(&ask, 1),
            OrdersApi::V0 => self.search_request_v0(&ask, 1),
        };
        self.send(cx, request, "reading one order").await.map_err(|e| self.about_orders(e))?;
        let request = self.listings_request().query("includedData", "summaries").query("pageSize", "1");
        self.send(cx, request, "reading one listing").await.map_err(about_listings)?;
        let store = self.settings.store;
        let api = match self.settings.orders_api {
            OrdersApi::Current => "2026-01-01",
            OrdersApi::V0 => "v0",
        };
        Ok(ProbeReport {
            server: format!("Amazon {} ({}), Orders API {api}", store.country, store.id),
            credentials_expire: self.settings.client_secret_expires.map(Timestamp::from_secs),
            warnings: self.warnings(now),
        })
    }

    fn about_orders(&self, mut error: Error) -> Error {
        if error.kind == ErrorKind::Auth && self.settings.personal_data {
            error.message.push_str(
                " Orders need the role \"Inventory and Order Tracking\", their addresses \"Direct-to-Consumer Delivery\"; \
                 without the second set personal_data = false.",
            );
        }
        error
    }

    fn warnings(&self, now: i64) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Some(expires) = self.settings.client_secret_expires {
            let days = (expires - now).div_euclid(DAY);
            if days < 0 {
                warnings.push(
                    "client_secret_expires has passed: rotate the secret in Developer Central and write down the new date"
                        .to_owned(),
                );
            } else if days <= SECRET_DAYS {
                warnings.push(format!(
                    "the client secret runs out in {days} days: rotate it in Developer Central (the refresh token stays)"
                ));
            }
        }
        if self.settings.orders_api == OrdersApi::V0 {
            let words = if now < V0_ENDS { "ends" } else { "ended" };
            warnings.push(format!(
                "the Orders API v0 {words} on {}; set orders_api = \"2026-01-01\"",
                time::iso(V0_ENDS).get(..10).unwrap_or_default()
            ));
        }
        warnings
    }
}

fn about_listings(mut error: Error) -> Error {
    if error.kind == ErrorKind::Auth {
        error.message.push_str(" Stock needs the role \"Product Listing\".");
    }
    if matches!(error.kind, ErrorKind::Refused | ErrorKind::NotFound) {
        error
            .message
            .push_str(" Check seller_id (Seller Central > Settings > Account Info > Your Merchant Token).");
    }
    error
}
