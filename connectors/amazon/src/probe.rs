//! `probe`: a token, one order, one listing.

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ProbeReport, Result, Timestamp, both};

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
        self.send(cx, request, ("reading one order", "注文1件の取得"))
            .await
            .map_err(|e| self.about_orders(e))?;
        let request = self.listings_request().query("includedData", "summaries").query("pageSize", "1");
        self.send(cx, request, ("reading one listing", "出品1件の取得")).await.map_err(about_listings)?;
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

    fn about_orders(&self, error: Error) -> Error {
        if error.kind != ErrorKind::Auth || !self.settings.personal_data {
            return error;
        }
        let roles = both!(
            "Orders need the role \"Inventory and Order Tracking\", their addresses \"Direct-to-Consumer Delivery\"; \
             without the second set personal_data = false.",
            "注文にはロール「Inventory and Order Tracking」、住所には「Direct-to-Consumer Delivery」が必要です。\
             後者がない場合は personal_data = false にしてください。"
        );
        error.reworded(|words| words.then(roles))
    }

    fn warnings(&self, now: i64) -> Vec<Bilingual> {
        let mut warnings = Vec::new();
        if let Some(expires) = self.settings.client_secret_expires {
            let days = (expires - now).div_euclid(DAY);
            if days < 0 {
                warnings.push(both!(
                    "client_secret_expires has passed: rotate the secret in Developer Central and write down the new date",
                    "client_secret_expires の日付を過ぎています。デベロッパーセントラルでクライアントシークレットを更新し、\
                     新しい日付を設定してください"
                ));
            } else if days <= SECRET_DAYS {
                warnings.push(both!(
                    "the client secret runs out in {days} days: rotate it in Developer Central (the refresh token stays)",
                    "クライアントシークレットの有効期限まであと{days}日です。デベロッパーセントラルで更新してください\
                     （リフレッシュトークンはそのまま使えます）"
                ));
            }
        }
        if self.settings.orders_api == OrdersApi::V0 {
            let last = time::iso(V0_ENDS);
            let day = last.get(..10).unwrap_or_default();
            warnings.push(match now < V0_ENDS {
                true => both!(
                    "the Orders API v0 ends on {day}; set orders_api = \"2026-01-01\"",
                    "Orders API v0は{day}に提供終了です。orders_api = \"2026-01-01\" にしてください"
                ),
                false => both!(
                    "the Orders API v0 ended on {day}; set orders_api = \"2026-01-01\"",
                    "Orders API v0は{day}に提供が終了しました。orders_api = \"2026-01-01\" にしてください"
                ),
            });
        }
        warnings
    }
}

fn about_listings(error: Error) -> Error {
    let advice = match error.kind {
        ErrorKind::Auth => both!(
            "Stock needs the role \"Product Listing\".",
            "在庫にはロール「Product Listing」が必要です。"
        ),
        ErrorKind::Refused | ErrorKind::NotFound => both!(
            "Check seller_id (Seller Central > Settings > Account Info > Your Merchant Token).",
            "seller_id を確認してください（セラーセントラル > 設定 > 出品用アカウント情報 > 出品者トークン）。"
        ),
        _ => return error,
    };
    error.reworded(|words| words.then(advice))
}
