//! The cheapest calls that prove the credentials.

use banto_channel::{Bilingual, Cx, Error, ErrorKind, ProbeReport, Result, Timestamp, both};

use crate::Yahoo;
use crate::calls::{Body, ITEM_LIST, ORDER_LIST};
use crate::time;
use crate::xml::{element, group};

const DAY: i64 = 86_400;
/// Warn so long before a key ends: issuing one is a matter of minutes.
const KEY_WARNING: i64 = 30 * DAY;
/// Warn so long before a consent ends, which a person must give anew each four weeks.
const CONSENT_WARNING: i64 = 7 * DAY;

impl Yahoo {
    /// One row of the order list (the token, the approval, the address, the key) and one of the item list (the scope).
    pub(crate) async fn look(&self, cx: &Cx) -> Result<ProbeReport> {
        let now = cx.clock.now().as_secs();
        let condition =
            [element("OrderTimeFrom", &time::stamp(now - 3600)), element("OrderTimeTo", &time::stamp(now))];
        let search = [
            element("Result", "1"),
            element("Start", "1"),
            group("Condition", &condition),
            element("Field", "OrderId"),
        ];
        let orders = Body::Xml(group("Req", &[group("Search", &search), self.seller()]));
        let orders =
            self.send(cx, ORDER_LIST, orders, ("reading orders", "注文の検索")).await.map_err(settled)?;

        let one = [("query", "a"), ("type", "item_code"), ("start", "1"), ("results", "1")];
        let mut query = vec![("seller_id", self.settings.seller_id.clone())];
        query.extend(one.map(|(name, value)| (name, value.to_owned())));
        self.send(cx, ITEM_LIST, Body::Query(query), ("listing products", "商品一覧の取得"))
            .await
            .map_err(settled)?;

        let ends = [self.settings.consent_ends(), self.settings.key_ends()];
        Ok(ProbeReport {
            server: format!("Yahoo!ショッピング, store {}", self.settings.seller_id),
            credentials_expire: ends.into_iter().flatten().min().map(Timestamp::from_secs),
            warnings: self.warnings(now, orders.key_accepted),
        })
    }

    fn warnings(&self, now: i64, key_accepted: bool) -> Vec<Bilingual> {
        let s = &self.settings;
        let days = |left: i64| (left / DAY).max(0);
        let mut warnings = Vec::new();
        if s.is_test() {
            warnings.push(both!("this is Yahoo!'s test environment", "Yahoo!のテスト環境に接続しています"));
        }
        match (&s.public_key, key_accepted) {
            (None, _) => warnings.push(both!(
                "there is no public key, so the order APIs stop twelve hours after each consent: issue one under ストアクリエイター\
                 Pro > 設定 > 暗号鍵管理 and set public_key_file and public_key_version",
                "公開鍵がないため、注文APIは同意のたびに12時間で使えなくなります。ストアクリエイターPro > 設定 > 暗号鍵管理 で\
                 公開鍵を発行し、public_key_file と public_key_version を設定してください"
            )),
            (Some(_), false) => warnings.push(both!(
                "Yahoo! does not accept the public key: under ストアクリエイターPro > 設定 > 暗号鍵管理 it must be 有効 and not older than \
                 a year, and public_key_version must be its version. Until then the order APIs stop twelve hours after each \
                 consent",
                "公開鍵が認証されません。ストアクリエイターPro > 設定 > 暗号鍵管理 で、公開鍵が「有効」で発行から1年以内であること、\
                 public_key_version がその鍵のバージョンであることを確認してください。それまで注文APIは同意から12時間で\
                 使えなくなります"
            )),
            (Some(_), true) => {}
        }
        match s.consent_ends() {
            None => warnings.push(both!(
                "consented_at is not set, so nobody is warned before the refresh token ends, four weeks after the consent",
                "consented_at（同意した日）が未設定のため、リフレッシュトークンの期限（同意から4週間）の前に警告できません"
            )),
            Some(ends) if ends - now < CONSENT_WARNING => warnings.push(both!(
                "the consent ends in {left} days: consent anew and put the new token into refresh_token_file",
                "同意の有効期限まであと{left}日です。もう一度同意し、新しいリフレッシュトークンを refresh_token_file に\
                 保存してください",
                left = days(ends - now)
            )),
            Some(_) => {}
        }
        if let Some(ends) = s.key_ends().filter(|ends| ends - now < KEY_WARNING) {
            warnings.push(both!(
                "the public key ends in {left} days: issue the next one under 暗号鍵管理 (two may be 有効 at a time)",
                "公開鍵の有効期限まであと{left}日です。ストアクリエイターPro > 設定 > 暗号鍵管理 で次の鍵を発行してください\
                 （同時に2つまで「有効」にできます）",
                left = days(ends - now)
            ));
        }
        warnings
    }
}

/// A person is looking, and "Your Request was Forbidden" is more likely a wrong client_id than a spent allowance.
fn settled(error: Error) -> Error {
    match error.kind {
        ErrorKind::RateLimited if error.message.contains("Forbidden") => {
            Error::told(ErrorKind::Auth, error.words())
        }
        _ => error,
    }
}
