//! Whether the shop is there, and whether the app may do what the channel needs.

use banto_channel::{Cx, Error, ErrorKind, ProbeReport, Result, both};
use serde::Deserialize;
use serde_json::json;

use crate::calls::{Connection, Told};
use crate::documents::{LOCATIONS, NEWEST_ORDER, WHO_AM_I};
use crate::{API_VERSION, Shopify, id, time};

/// A version lives for at least twelve months after its first day.
const VERSION_ENDS: &str = "2027-10-01";

/// From so many seconds before its end on a version is worth a word.
const WARN_BEFORE: i64 = 90 * 86_400;

/// Scopes without which nothing works.
const NEEDED: [&str; 5] = [
    "read_orders",
    "read_products",
    "read_inventory",
    "read_locations",
    "read_merchant_managed_fulfillment_orders",
];

/// Scopes of single deeds, with what is missed without them.
const WANTED: [(&str, &str, &str); 3] = [
    ("write_inventory", "stock cannot be pushed", "在庫を送信できません"),
    ("write_merchant_managed_fulfillment_orders", "shipments cannot be told", "発送を通知できません"),
    (
        "write_orders",
        "cancellations, payments and notes cannot be told",
        "キャンセル・入金・メモを通知できません",
    ),
];

/// Without read_all_orders Shopify shows orders of so many seconds only.
const HISTORY: i64 = 60 * 86_400;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    shop: Shop,
    current_app_installation: Installation,
    public_api_versions: Vec<Version>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shop {
    name: String,
    myshopify_domain: String,
    plan: Option<Plan>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    public_display_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Installation {
    access_scopes: Vec<Scope>,
}

#[derive(Deserialize)]
struct Scope {
    handle: String,
}

#[derive(Deserialize)]
struct Version {
    handle: String,
    supported: bool,
}

#[derive(Deserialize)]
struct LocationsAnswer {
    locations: Connection<Location>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    id: String,
    name: String,
    is_active: bool,
    fulfills_online_orders: bool,
}

impl Shopify {
    pub(crate) async fn look(&self, cx: &Cx) -> Result<ProbeReport> {
        let told = self.ask(cx, WHO_AM_I, &json!({}), ("asking who we are", "アプリ情報の取得")).await?;
        let who: Who = told.data()?;
        let plan = who.shop.plan.map(|plan| format!(", {}", plan.public_display_name)).unwrap_or_default();
        let mut report = ProbeReport {
            server: format!("Shopify {API_VERSION}, {} ({}{plan})", who.shop.name, who.shop.myshopify_domain),
            ..ProbeReport::default()
        };
        version_warning(cx, &told, &who.public_api_versions, &mut report);
        self.scopes(cx, &who.current_app_installation.access_scopes, &mut report)?;
        self.location_warnings(cx, &mut report).await?;
        let newest =
            self.ask_with_gaps(cx, NEWEST_ORDER, &json!({}), ("reading an order", "注文の取得")).await?;
        if let Some((_, message)) = newest.gaps.first() {
            report.warnings.push(both!(
                "buyers' names and addresses are withheld, and orders will be held: {said} Ask for access to protected \
                 customer data (name, address, email, phone) in the Dev Dashboard",
                "購入者の氏名と住所が渡されないため、注文は保留になります: {said} Dev Dashboardで、保護された顧客データ\
                 （氏名・住所・メール・電話）へのアクセスを申請してください",
                said = message.trim()
            ));
        }
        if self.settings.client_secret.is_none() {
            report.warnings.push(both!(
                "client_secret_file is not set, so there are no webhooks; orders are found by polling alone",
                "client_secret_file が未設定のためWebhookは使えません。注文は定期的な取得だけで見つけます"
            ));
        }
        Ok(report)
    }

    /// Whether the app was given what the channel needs.
    ///
    /// Errors: [`ErrorKind::Auth`] that names every scope without which nothing works.
    fn scopes(&self, cx: &Cx, given: &[Scope], report: &mut ProbeReport) -> Result<()> {
        // The right to write something includes the right to read it.
        let has = |scope: &str| {
            let write = scope.replacen("read_", "write_", 1);
            given.iter().any(|given| given.handle == scope || given.handle == write)
        };
        let missing: Vec<&str> = NEEDED.into_iter().filter(|scope| !has(scope)).collect();
        if !missing.is_empty() {
            return Err(Error::told(
                ErrorKind::Auth,
                both!(
                    "the app lacks the access scopes {scopes}: add them in the Dev Dashboard (app > Versions), release \
                     the version, and accept it in the shop",
                    "アプリにアクセススコープ {scopes} がありません。Dev Dashboard（アプリ > バージョン）で追加し、バージョンを\
                     リリースして、ストアで承認してください",
                    scopes = missing.join(", ")
                ),
            ));
        }
        for (scope, en, ja) in WANTED {
            if !has(scope) {
                report.warnings.push(both!(
                    "the app lacks the access scope {scope}: {en}",
                    "アプリにアクセススコープ {scope} がありません: {ja}"
                ));
            }
        }
        let oldest = cx.clock.now().as_secs() - HISTORY;
        if self.settings.since.is_some_and(|since| since < oldest) && !has("read_all_orders") {
            report.warnings.push(both!(
                "since lies more than 60 days back: Shopify shows older orders only to an app with read_all_orders",
                "since が60日より前です。それより古い注文を取得できるのは、アクセススコープ read_all_orders のあるアプリだけです"
            ));
        }
        Ok(())
    }

    async fn location_warnings(&self, cx: &Cx, report: &mut ProbeReport) -> Result<()> {
        let mut all: Connection<Location> = Connection::unread();
        while all.page_info.has_next_page {
            let variables = json!({ "after": all.page_info.end_cursor });
            let told =
                self.ask(cx, LOCATIONS, &variables, ("reading locations", "ロケーションの取得")).await?;
            all.extend(told.data::<LocationsAnswer>()?.locations)?;
        }
        let known: Vec<(u64, &Location)> =
            all.nodes.iter().filter_map(|location| Some((id::number(&location.id)?, location))).collect();
        for ours in &self.settings.locations {
            if !known.iter().any(|(number, location)| number == ours && location.is_active) {
                let names: Vec<String> =
                    known.iter().map(|(number, location)| format!("{number} ({})", location.name)).collect();
                return Err(Error::told(
                    ErrorKind::Config,
                    both!(
                        "location_ids: {ours} is no active location of the shop; it has {all}",
                        "location_ids: {ours} はこのストアの有効なロケーションではありません。あるのは {all} です",
                        all = names.join(", ")
                    ),
                ));
            }
        }
        let others = known.iter().filter(|(number, location)| {
            location.is_active && location.fulfills_online_orders && !self.settings.locations.contains(number)
        });
        for (number, location) in others {
            report.warnings.push(both!(
                "location {number} ({name}) fulfils online orders and is not in location_ids: what it holds is sold on \
                 top of the numbers from here",
                "ロケーション {number}（{name}）はオンライン注文の出荷元ですが location_ids にありません。そこの在庫は、bantoの\
                 在庫数に上乗せして販売されます",
                name = location.name
            ));
        }
        if let [_, more @ ..] = &self.settings.locations[..]
            && !more.is_empty()
        {
            report.warnings.push(both!(
                "quantities are written to the first of location_ids alone; what the others hold is sold on top of them",
                "在庫数は location_ids の先頭のロケーションにだけ書き込みます。ほかのロケーションの在庫は上乗せして販売されます"
            ));
        }
        Ok(())
    }
}

/// Shopify falls forward to the oldest version that it still has when one has ended, and says which one it used.
fn version_warning(cx: &Cx, told: &Told, versions: &[Version], report: &mut ProbeReport) {
    let served = told.response.header("x-shopify-api-version").unwrap_or(API_VERSION);
    let ended = !versions.iter().any(|version| version.handle == API_VERSION && version.supported);
    if served != API_VERSION {
        report.warnings.push(both!(
            "Shopify answers with API version {served} and not {API_VERSION}, which has ended: update banto",
            "APIバージョン {API_VERSION} は終了し、Shopifyは {served} で応答しています。bantoを更新してください"
        ));
    } else if ended {
        report.warnings.push(both!(
            "Shopify no longer supports API version {API_VERSION}: update banto",
            "APIバージョン {API_VERSION} のサポートは終了しました。bantoを更新してください"
        ));
    } else if let Some(end) = time::seconds(VERSION_ENDS)
        && cx.clock.now().as_secs() > end - WARN_BEFORE
    {
        report.warnings.push(both!(
            "API version {API_VERSION} may end on {VERSION_ENDS}: update banto before that day",
            "APIバージョン {API_VERSION} は {VERSION_ENDS} に終了する可能性があります。その日までにbantoを更新してください"
        ));
    }
}
