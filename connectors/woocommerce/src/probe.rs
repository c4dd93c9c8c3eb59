//! Whether the shop is there and the key opens what the channel needs.

use banto_channel::{Cx, ProbeReport, Request, Response, Result, both};
use serde::Deserialize;

use crate::WooCommerce;
use crate::calls::{json, text};
use crate::lenient::{Record, Text, Whole};

/// Seconds by which the shop's clock may differ before it is worth a word.
const CLOCK: u64 = 120;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    id: Whole,
    version: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SystemStatus {
    environment: Record<Environment>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Environment {
    version: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Site {
    name: Text,
}

impl WooCommerce {
    pub(crate) async fn look(&self, cx: &Cx) -> Result<ProbeReport> {
        let mut report = ProbeReport::default();
        if self.settings.plain_http() {
            report.warnings.push(both!(
                "plain http: addresses and order data travel readable; use https",
                "httpのため、住所や注文データが暗号化されずに流れます。httpsを使ってください"
            ));
        }
        let one = |path: &str, fields: &str| {
            self.get(path).query("per_page", "1").query("_fields", fields.to_owned())
        };
        let orders = self.send(cx, one("orders", "id,version"), ("reading orders", "注文の取得")).await?;
        self.clock_warning(cx, &orders, &mut report);
        let body = text(&orders);
        let rows: Vec<Row> = json(&orders, &body)?;
        let products = self.send(cx, one("products", "id"), ("reading products", "商品の取得")).await?;
        let body = text(&products);
        json::<Vec<Row>>(&products, &body)?;

        let warnings = &mut report.warnings;
        if may_not_write(&products) {
            warnings.push(both!(
                "the user of the key may not change products: stock cannot be pushed. Make the key for an administrator \
                 or shop manager",
                "キーのユーザーに商品を変更する権限がないため、在庫を送信できません。管理者またはショップ運営者のユーザーで\
                 キーを作成してください"
            ));
        }
        if may_not_write(&orders) {
            warnings.push(both!(
                "the user of the key may not change orders: shipments and cancellations cannot be told. Make the key for \
                 an administrator or shop manager",
                "キーのユーザーに注文を変更する権限がないため、発送とキャンセルを通知できません。管理者またはショップ運営者の\
                 ユーザーでキーを作成してください"
            ));
        }
        let newest_order = rows.first().map(|row| row.version.0.clone()).unwrap_or_default();
        report.server = self.server(cx, newest_order).await?;
        self.hook_warning(cx, &mut report).await?;
        Ok(report)
    }

    /// "WooCommerce 10.0.2, My Shop". The version needs an administrator's key; otherwise the one that wrote the newest
    /// order stands for it.
    async fn server(&self, cx: &Cx, newest_order: String) -> Result<String> {
        let request = self.get("system_status").query("_fields", "environment.version");
        let status: SystemStatus = self.optional(cx, request).await?;
        let site = self.request(banto_channel::Method::Get, "").query("_fields", "name");
        let site: Site = self.optional(cx, site).await?;
        let version = match status.environment.0.version.0 {
            version if version.is_empty() => newest_order,
            version => version,
        };
        let server = format!("WooCommerce {version}");
        let name = crate::address::plain(&site.name.0);
        Ok(match name.is_empty() {
            true => server.trim().to_owned(),
            false => format!("{}, {name}", server.trim()),
        })
    }

    /// An answer that is good to have; nothing where the shop refuses it.
    async fn optional<T: Default + serde::de::DeserializeOwned>(
        &self,
        cx: &Cx,
        request: Request,
    ) -> Result<T> {
        let response = self.send_any(cx, request).await?;
        match response.is_success() {
            true => Ok(serde_json::from_str(&text(&response)).unwrap_or_default()),
            false => Ok(T::default()),
        }
    }

    fn clock_warning(&self, cx: &Cx, response: &Response, report: &mut ProbeReport) {
        let Some(date) = response.header("date").and_then(http_date) else {
            return;
        };
        let apart = date.abs_diff(cx.clock.now().as_secs());
        if apart > CLOCK {
            report.warnings.push(both!(
                "the shop's clock and this machine's are {apart} s apart; signed requests fail beyond 900 s",
                "ショップとこのサーバーの時計が{apart}秒ずれています。900秒を超えると署名付きの呼び出しは失敗します"
            ));
        }
    }

    async fn hook_warning(&self, cx: &Cx, report: &mut ProbeReport) -> Result<()> {
        if self.settings.webhook_secret.is_none() {
            return Ok(());
        }
        match self.hooks(cx, Some("disabled")).await {
            Ok(hooks) => {
                let ours = hooks
                    .iter()
                    .filter(|hook| hook.status.0 == "disabled" && hook.name.0.starts_with("banto "));
                let ours = ours.count();
                if ours > 0 {
                    report.warnings.push(both!(
                        "WooCommerce has switched {ours} of banto's webhooks off after failed deliveries; they are made \
                         anew while the channel runs",
                        "配信の失敗により、WooCommerceがbantoのWebhook {ours}件を無効にしました。チャネルの稼働中に作り直します"
                    ));
                }
                Ok(())
            }
            Err(e) if e.kind.is_temporary() => Err(e),
            Err(e) => {
                let found = both!("webhooks cannot be looked after", "Webhookを確認できません");
                report.warnings.push(found.with(&e.words()));
                Ok(())
            }
        }
    }
}

/// What the key's user may do stands in the `Allow` header of what was read (`rest_send_allow_header` of WordPress).
/// That the key itself is for reading only is told by WooCommerce at the first change that it refuses: a probe changes
/// nothing, because the channel may be one that is only watched.
fn may_not_write(read: &Response) -> bool {
    let post = |method: &str| method.trim().eq_ignore_ascii_case("POST");
    read.header("allow").is_some_and(|allowed| !allowed.split(',').any(post))
}

/// Seconds since 1970 of an HTTP `Date` header.
fn http_date(text: &str) -> Option<i64> {
    let zoned = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(zoned.timestamp().as_second())
}
