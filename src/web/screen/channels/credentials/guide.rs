//! How to get the credentials of each kind of marketplace, short; connectors/KIND/README.md tells more.

/// A step: English, Japanese.
type Step = (&'static str, &'static str);

/// The way to the credentials of a kind.
pub(super) const fn steps(kind: &str) -> &'static [Step] {
    match kind.as_bytes() {
        b"rakuten" => RAKUTEN,
        b"yahoo" => YAHOO,
        b"amazon" => AMAZON,
        b"shopify" => SHOPIFY,
        b"woocommerce" => WOOCOMMERCE,
        b"vendure" => VENDURE,
        _ => &[],
    }
}

const RAKUTEN: &[Step] = &[
    (
        "R-Login > RMS main menu > 拡張サービス一覧 > WEB APIサービス: apply for it once.",
        "R-Login > RMSメインメニュー > 拡張サービス一覧 > WEB APIサービス で利用申請をします（初回のみ）。",
    ),
    (
        "利用機能編集: switch on 楽天ペイ受注API, 在庫API 2.0, 商品API 2.0 and ライセンス管理API.",
        "利用機能編集で 楽天ペイ受注API・在庫API 2.0・商品API 2.0・ライセンス管理API を有効にします。",
    ),
    (
        "利用設定 shows serviceSecret (SP…) and licenseKey (SL…). Copy each into its field below.",
        "利用設定に表示される serviceSecret（SP…）と licenseKey（SL…）を下の欄に入力します。",
    ),
    (
        "The licence key lives for three months. Issue the next one early; it takes 10 to 30 minutes until Rakuten knows it.",
        "ライセンスキーの有効期間は3か月です。早めに次のキーを発行してください（反映まで10〜30分）。",
    ),
];

const YAHOO: &[Step] = &[
    (
        "Make an application for Yahoo!ショッピング at developer.yahoo.co.jp (server side) with the scope for stores.",
        "developer.yahoo.co.jp で Yahoo!ショッピング用のアプリケーション（サーバーサイド・ストア向けスコープ）を作成します。",
    ),
    (
        "Apply for the order API with this machine's fixed IP address; that takes some days.",
        "注文APIの利用申請フォームで、このサーバーの固定IPアドレスを登録します（数日かかります）。",
    ),
    (
        "Consent with the store's Yahoo! JAPAN ID and exchange the code for a refresh token; the connector's README shows both calls.",
        "ストアの Yahoo! JAPAN ID で同意し、コードをリフレッシュトークンに交換します（手順は connectors/yahoo/README.md）。",
    ),
    (
        "Write the token below, and today's date as consented_at into the channel's file. Repeat this every four weeks.",
        "トークンを下の欄に入力し、チャネルの設定ファイルの consented_at に今日の日付を書きます。4週間ごとに必要です。",
    ),
];

const AMAZON: &[Step] = &[
    (
        "Seller Central > Apps and Services > Develop Apps: register as a private developer with the roles Inventory and Order Tracking, and Product Listing.",
        "セラーセントラル > アプリとサービス > アプリの開発 で、自社用の開発者として登録します（ロール: 在庫と注文の追跡、商品の出品）。",
    ),
    (
        "Add an app client (SP API). LWA credentials > View shows the client identifier and the client secret.",
        "アプリクライアント（SP API）を追加し、「LWA認証情報 > 表示」のクライアントIDとシークレットを控えます。",
    ),
    (
        "Edit App > Authorize app shows the refresh token (Atzr|…) once.",
        "「アプリを編集 > アプリを認証」でリフレッシュトークン（Atzr|…）が一度だけ表示されます。",
    ),
    (
        "The client secret must be rotated every 180 days; write its end into client_secret_expires of the channel's file.",
        "クライアントシークレットは180日ごとに更新が必要です。期限を設定ファイルの client_secret_expires に書きます。",
    ),
];

const SHOPIFY: &[Step] = &[
    (
        "Dev Dashboard > Create app, with the scopes for orders, products, inventory, locations and merchant-managed fulfillment orders.",
        "Dev Dashboard でアプリを作成し、注文・商品・在庫・ロケーション・フルフィルメント注文のスコープを選びます。",
    ),
    (
        "Ask for protected customer data with name, address, email and phone.",
        "保護された顧客データ（氏名・住所・メール・電話）へのアクセスを申請します。",
    ),
    (
        "Release the version and install the app in the shop.",
        "バージョンをリリースし、ショップにアプリをインストールします。",
    ),
    (
        "App > Settings shows the client secret: copy it below. The client ID goes into the channel's file.",
        "アプリの設定に表示されるクライアントシークレットを下の欄に入力します。クライアントIDは設定ファイルに書きます。",
    ),
];

const WOOCOMMERCE: &[Step] = &[
    (
        "In the shop's admin: Settings > Permalinks, anything but Plain.",
        "ショップの管理画面 > 設定 > パーマリンク を「基本」以外にします。",
    ),
    (
        "WooCommerce > Settings > Advanced > REST API > Add key, with Read/Write, for an administrator or shop manager.",
        "WooCommerce > 設定 > 高度な設定 > REST API > キーを追加（権限: 読み書き）で発行します。",
    ),
    (
        "It shows the key (ck_…) and the secret (cs_…) once: copy both below.",
        "キー（ck_…）と秘密鍵（cs_…）が一度だけ表示されます。下の欄に入力します。",
    ),
];

const VENDURE: &[Step] = &[
    (
        "Dashboard > Settings > Roles: a role with ReadOrder, UpdateOrder, ReadCatalog and UpdateCatalog.",
        "ダッシュボード > Settings > Roles で ReadOrder・UpdateOrder・ReadCatalog・UpdateCatalog を持つロールを作成します。",
    ),
    (
        "Settings > Administrators: a new administrator with that role, for banto alone. Write its password below.",
        "Settings > Administrators で banto 専用の管理者を作成し、パスワードを下の欄に入力します。",
    ),
];

#[cfg(test)]
mod tests {
    use banto_channel::has_japanese;

    use super::*;
    use crate::channels::registry::KINDS;

    #[test]
    fn every_kind_with_secrets_has_its_steps_in_both_languages() {
        for kind in KINDS {
            let has_secrets =
                kind.sample.lines().any(|line| line.contains("_file = \"") && !line.starts_with('#'));
            assert_eq!(!steps(kind.name).is_empty(), has_secrets, "{}", kind.name);
            for (en, ja) in steps(kind.name) {
                assert!(has_japanese(ja) && !en.is_empty(), "{en}");
            }
        }
    }
}
