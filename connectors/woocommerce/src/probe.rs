//! Whether the shop is there and the key opens what the channel needs.

use banto_channel::{Cx, ProbeReport, Request, Response, Result};
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
            report
                .warnings
                .push("plain http: addresses and order data travel readable; use https".to_owned());
        }
        let one = |path: &str, fields: &str| {
            self.get(path).query("per_page", "1").query("_fields", fields.to_owned())
        };
        let orders = self.send(cx, one("orders", "id,version"), "reading orders").await?;
        self.clock_warning(cx, &orders, &mut report);
        let body = text(&orders);
        let rows: Vec<Row> = json(&orders, &body)?;
        let products = self.send(cx, one("products", "id"), "reading products").await?;
        let body = text(&products);
        json::<Vec<Row>>(&products, &body)?;

        may_write(&products, "products", "stock cannot be pushed", &mut report);
        may_write(&orders, "orders", "shipments and cancellations cannot be told", &mut report);
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
            report.warnings.push(format!(
                "the shop's clock and this machine's are {apart} s apart; signed requests fail beyond 900 s"
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
                    report.warnings.push(format!(
                        "WooCommerce has switched {ours} of banto's webhooks off after failed deliveries; they are made \
                         anew while the channel runs"
                    ));
                }
                Ok(())
            }
            Err(e) if e.kind.is_temporary() => Err(e),
            Err(e) => {
                report.warnings.push(format!("webhooks cannot be looked after: {}", e.message));
                Ok(())
            }
        }
    }
}

/// What the key's user may do stands in the `Allow` header of what was read (`rest_send_allow_header` of WordPress).
/// That the key itself is for reading only is told by WooCommerce at the first change that it refuses: a probe changes
/// nothing, because the channel may be one that is only watched.
fn may_write(read: &Response, what: &str, consequence: &str, report: &mut ProbeReport) {
    let Some(allowed) = read.header("allow") else { return };
    if !allowed.split(',').any(|method| method.trim().eq_ignore_ascii_case("POST")) {
        report.warnings.push(format!(
            "the user of the key may not change {what}: {consequence}. Make the key for an administrator or shop manager"
        ));
    }
}

/// Seconds since 1970 of an HTTP `Date` header.
fn http_date(text: &str) -> Option<i64> {
    let zoned = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(zoned.timestamp().as_second())
}
