//! Whether the credentials open what the channel needs, and for how long.

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ProbeReport, Result, Timestamp, both};
use serde::Deserialize;

use crate::calls::{ITEMS, READ_STOCK, Told};
use crate::cursor::Ask;
use crate::lenient::Text;
use crate::pull::GET_ORDER_VERSION;
use crate::{Rakuten, time};

const DAY: i64 = 86_400;
/// When Rakuten itself mails about a key that runs out: a week before. banto speaks up earlier.
const RUNS_OUT_SOON: i64 = 14 * DAY;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Expiry {
    /// `2026-11-28T23:59:59`, Japan's time without saying so.
    expiry_date: Text,
}

impl Rakuten {
    pub(crate) async fn look(&self, cx: &Cx) -> Result<ProbeReport> {
        let mut report = ProbeReport {
            server: format!("楽天市場 RMS WEB SERVICE (getOrder {GET_ORDER_VERSION}, InventoryAPI 2.0)"),
            ..ProbeReport::default()
        };
        self.try_orders(cx).await?;
        self.try_stock(cx).await?;
        self.try_items(cx, &mut report).await?;
        self.read_expiry(cx, &mut report).await?;
        Ok(report)
    }

    /// One search, and one order of it if there is any, which proves the version of `getOrder`.
    async fn try_orders(&self, cx: &Cx) -> Result<()> {
        let now = cx.clock.now().as_secs();
        let ask = Ask { date_type: 1, start: now - 7 * DAY, end: now, page: 1 };
        let found = self.search(cx, &ask, 1).await?;
        match found.numbers.is_empty() {
            true => Ok(()),
            false => self.get_orders(cx, &found.numbers).await.map(drop),
        }
    }

    /// The range with the fewest rows. "Too many" is an answer, too.
    async fn try_stock(&self, cx: &Cx) -> Result<()> {
        let request = self
            .get("/es/2.0/inventories/bulk-get/range")
            .query("minQuantity", "99999")
            .query("maxQuantity", "99999")
            .group(READ_STOCK);
        let response = self.send_any(cx, request).await?;
        let too_many = Told::of(&response).errors.iter().any(|e| e.code.as_str() == "IE0116");
        match response.is_success() || too_many {
            true => response.json::<serde::de::IgnoredAny>().map(drop),
            false => Err(self.refusal(&response, ("reading stock", "在庫の取得"))),
        }
    }

    async fn try_items(&self, cx: &Cx, report: &mut ProbeReport) -> Result<()> {
        let request = self.get("/es/2.0/items/search").query("hits", "1").group(ITEMS);
        match self.send(cx, request, ("listing items", "商品一覧の取得")).await {
            Ok(response) => response.json::<serde::de::IgnoredAny>().map(drop),
            Err(e) if e.kind.is_temporary() => Err(e),
            Err(e) => {
                let found = both!(
                    "offers cannot be listed, so match them by hand",
                    "商品一覧を取得できないため、出品は手作業で紐付けてください"
                );
                report.warnings.push(found.with(&e.words()));
                Ok(())
            }
        }
    }

    /// The credentials live as long as the longer of the two keys.
    async fn read_expiry(&self, cx: &Cx, report: &mut ProbeReport) -> Result<()> {
        let keys = self.settings.keys.licence_keys();
        let now = cx.clock.now();
        for (at, key) in keys.iter().enumerate() {
            let which = if at == 0 { "license_key_file" } else { "license_key_next_file" };
            let response = self.ask_expiry(cx, at, key).await?;
            let refused = (!response.is_success()).then(|| self.refusal(&response, (which, which)));
            let expiry: Expiry = serde_json::from_slice(&response.body).unwrap_or_default();
            match (refused, time::timestamp(expiry.expiry_date.as_str())) {
                (Some(e), _) if e.kind == ErrorKind::Auth && keys.len() > 1 => report.warnings.push(both!(
                    "the key of {which} is refused: it has run out, or was issued less than 30 minutes ago",
                    "{which} のlicenseKey（ライセンスキー）が拒否されました。有効期限が切れているか、発行から30分\
                     たっていません"
                )),
                (None, Some(expires)) => {
                    report.credentials_expire = report.credentials_expire.max(Some(expires));
                }
                (refused, _) => report.warnings.push(unread(which, refused.as_ref())),
            }
        }
        report.warnings.extend(runs_out(report.credentials_expire, now));
        Ok(())
    }
}

/// Errors of reading when a key runs out are no reason to stop: Rakuten warns by mail, too.
fn unread(which: &str, refused: Option<&Error>) -> Bilingual {
    let found = both!(
        "Rakuten mails a week before the key of {which} runs out; banto could not read when that is",
        "{which} のlicenseKeyの有効期限を取得できませんでした。楽天からは1週間前にメールが届きます"
    );
    match refused {
        Some(error) => found.with(&error.words()),
        None => found,
    }
}

fn runs_out(expires: Option<Timestamp>, now: Timestamp) -> Option<Bilingual> {
    let expires = expires?;
    (expires.as_secs() - now.as_secs() < RUNS_OUT_SOON).then(|| {
        both!(
            "the licenseKey runs out on {day}; issue the next one in RMS > WEB APIサービス > 利用設定 and put it into \
             license_key_next_file",
            "licenseKey（ライセンスキー）の有効期限は{day}です。RMS > 拡張サービス一覧 > WEB APIサービス > 利用設定 で次の\
             キーを発行し、license_key_next_file に保存してください",
            day = time::day(expires)
        )
    })
}
