//! Whether the shop is there and the credentials open what the channel needs.

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ProbeReport, Result, both};
use serde::Deserialize;

use crate::Vendure;
use crate::calls::Question;
use crate::config::Credentials;
use crate::documents::{ADD_NOTE, LOOK, ME, PUSH_STOCK};
use crate::model::{GlobalSettings, List, Location, Locations};
use crate::notify::{HANDLER, Input, NoteInput};

/// What banto does, and the permissions of which one is enough for it.
const NEEDS: [(&str, &str, [&str; 2]); 4] = [
    ("to read orders", "注文の取得", ["ReadOrder", "ReadOrder"]),
    (
        "to tell shipments, cancellations and payments",
        "発送・キャンセル・入金の通知",
        ["UpdateOrder", "UpdateOrder"],
    ),
    ("to read variants and their stock", "商品バリエーションと在庫の取得", ["ReadCatalog", "ReadProduct"]),
    ("to set stock", "在庫の設定", ["UpdateCatalog", "UpdateProduct"]),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    me: Option<Me>,
    active_channel: Here,
}

#[derive(Deserialize)]
struct Here {
    code: String,
}

#[derive(Deserialize)]
struct Me {
    identifier: String,
    channels: Vec<Rights>,
}

#[derive(Deserialize)]
struct Rights {
    code: String,
    permissions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Look {
    active_channel: Channel,
    global_settings: GlobalSettings,
    stock_locations: List<Location>,
    fulfillment_handlers: Vec<Handler>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Channel {
    code: String,
    default_currency_code: String,
}

#[derive(Deserialize)]
struct Handler {
    code: String,
}

impl Vendure {
    pub(crate) async fn look(&self, cx: &Cx) -> Result<ProbeReport> {
        match self.settings.credentials {
            Credentials::Login { .. } => self.check_rights(cx).await?,
            Credentials::ApiKey(_) => self.try_rights(cx).await?,
        }
        let look: Look =
            self.told(cx, Question::safe(LOOK, ("trying the permissions", "権限の確認")), &()).await?;
        self.choose(&Locations { stock_locations: look.stock_locations })?;
        let Channel { code, default_currency_code: currency } = &look.active_channel;
        let mut report =
            ProbeReport { server: format!("Vendure, channel {code}, {currency}"), ..ProbeReport::default() };
        self.warn(&look.global_settings, currency, &look.fulfillment_handlers, &mut report.warnings);
        Ok(report)
    }

    /// Errors: [`ErrorKind::Auth`] that names every permission that is missing.
    async fn check_rights(&self, cx: &Cx) -> Result<()> {
        let who: Who =
            self.told(cx, Question::safe(ME, ("asking who we are", "アカウント情報の取得")), &()).await?;
        let code = who.active_channel.code;
        let Some(me) = who.me else {
            return Err(Error::told(
                ErrorKind::Auth,
                both!(
                    "the shop does not know who we are; check the credentials",
                    "ショップに認証されていません。認証情報を確認してください"
                ),
            ));
        };
        let held =
            me.channels.into_iter().find(|c| c.code == code).map(|c| c.permissions).unwrap_or_default();
        let has = |name: &str| held.iter().any(|held| held == name);
        let missing: Vec<_> = NEEDS.iter().filter(|(_, _, [one, other])| !has(one) && !has(other)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let en: Vec<String> = missing.iter().map(|(why, _, [one, _])| format!("{one} ({why})")).collect();
        let ja: Vec<String> = missing.iter().map(|(_, why, [one, _])| format!("{one}（{why}）")).collect();
        let what = Bilingual {
            en: format!(
                "{:?} may not do everything in the channel {code}: give its role {} under Settings > Roles",
                me.identifier,
                en.join(", ")
            ),
            ja: format!(
                "{:?} にはチャネル {code} での権限が足りません。Settings > Roles でロールに {} を追加してください",
                me.identifier,
                ja.join("、")
            ),
        };
        Err(Error::told(ErrorKind::Auth, what))
    }

    /// An API key cannot ask what it may. It tries to change nothing, and a note at an order that is not there; the
    /// server looks at the permission first.
    ///
    /// Errors: [`ErrorKind::Auth`] where that is refused.
    async fn try_rights(&self, cx: &Cx) -> Result<()> {
        let stock: Input<[(); 0]> = Input { input: [] };
        let note = Input { input: NoteInput { id: "0", note: String::new(), is_public: false } };
        let stock = self
            .ask(cx, Question::safe(PUSH_STOCK, ("trying to set stock", "在庫設定の権限の確認")), &stock)
            .await?;
        let note = self
            .ask(
                cx,
                Question::safe(ADD_NOTE, ("trying to tell something of an order", "注文変更の権限の確認")),
                &note,
            )
            .await?;
        for answer in [stock, note] {
            answer.forbidden()?;
        }
        Ok(())
    }

    fn warn(
        &self,
        shop: &GlobalSettings,
        currency: &str,
        handlers: &[Handler],
        warnings: &mut Vec<Bilingual>,
    ) {
        if self.settings.plain_http() {
            warnings.push(both!(
                "plain http: the password and order data travel readable; use https",
                "httpのため、パスワードや注文データが暗号化されずに流れます。httpsを使ってください"
            ));
        }
        if !shop.track_inventory {
            warnings.push(both!(
                "the shop counts no stock (Settings > Global settings > Track inventory): the numbers that banto sets \
                 keep nobody from buying, except where a variant counts by itself",
                "ショップが在庫を管理していません（Settings > Global settings > Track inventory）。個別に管理する商品以外は、\
                 bantoの在庫数に関係なく購入できてしまいます"
            ));
        }
        if shop.out_of_stock_threshold < 0 {
            warnings.push(both!(
                "the global out-of-stock threshold is {threshold}: buyers can order more than there is",
                "全体の在庫切れしきい値が {threshold} です。在庫より多く注文できてしまいます",
                threshold = shop.out_of_stock_threshold
            ));
        }
        let precision = shop.server_config.money_strategy_precision;
        if self.settings.money_precision.is_some_and(|ours| ours != precision) {
            warnings.push(both!(
                "money_precision says otherwise than the shop ({precision}); make sure that a known order in {currency} \
                 comes with the right price",
                "money_precision がショップの設定（{precision}）と異なります。{currency} の注文の金額が正しく取り込まれるか\
                 確認してください"
            ));
        }
        if !handlers.iter().any(|handler| handler.code == HANDLER) {
            warnings.push(both!(
                "the server has no fulfillment handler {HANDLER:?}: shipments cannot be told",
                "サーバーにフルフィルメントハンドラー {HANDLER:?} がないため、発送を通知できません"
            ));
        }
    }
}
