//! What people are told on Japanese pages is Japanese: what the store refuses, what is the matter with a sheet, and what a
//! timeline says. Names, codes and what others said stay as they are.

use std::collections::BTreeSet;
use std::time::Duration;

use banto::domain::deeds::Shipment;
use banto::domain::mail_policy::MailKind;
use banto::domain::people::Role;
use banto::domain::timeline::hold_in_words;
use banto::store::{CustomerAct, MailAct, MailKey, NewToken, StoreError};
use banto_channel::{Bilingual, Money, Payment, Read, RemoteOrder, both, has_japanese};

use super::site::Browser;
use super::stock::{Shop, move_stock};
use crate::stores::{Fresh, each_store};
use crate::trading::raw;

/// Somebody who reads Japanese.
async fn reader_of_japanese(shop: &Shop) -> Browser {
    shop.site.person("owner", Role::Owner).await;
    let browser = shop.site.log_in_as("hanako", Role::Staff).await;
    browser.post("/me/language", &[("language", "ja")]).await.expect(303);
    browser
}

/// Three Latin words in a row, or more, in what a page shows. A fault's page, which may not know who looks, has the English
/// beside the Japanese.
fn english(page: &str) -> Vec<String> {
    let main = page.split_once("<main").unwrap().1.split_once("</main>").unwrap().0;
    let (mut shown, mut in_tag) = (String::new(), true);
    for (at, part) in main.split("<p lang=\"en\">").enumerate() {
        let part = if at == 0 { part } else { part.split_once("</p>").unwrap().1 };
        for c in part.chars() {
            match c {
                '<' => in_tag = true,
                '>' => in_tag = false,
                c if !in_tag => shown.push(c),
                _ => {}
            }
            if c == '<' {
                shown.push('\n');
            }
        }
    }
    shown.lines().flat_map(sentences).collect()
}

fn sentences(line: &str) -> Vec<String> {
    let (mut found, mut run) = (Vec::new(), Vec::new());
    for word in line.split_whitespace().chain([""]) {
        let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
        let is_latin = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_alphabetic());
        if is_latin {
            run.push(word);
        }
        // A list of names is no sentence.
        if !is_latin || word.ends_with(',') {
            if run.len() > 2 {
                found.push(run.join(" "));
            }
            run.clear();
        }
    }
    found
}

#[test]
fn a_sentence_in_english_is_found() {
    let page = "<main id=\"main\"><h1>受注 N-1</h1><p title=\"not shown to them\">the <b>order</b> has no lines.</p>\
                <p>Lone spoon, TEA</p><p lang=\"en\">There is no such order</p><p>12 at main</p></main>";
    assert_eq!(english(page), ["has no lines."]);
    assert_eq!(sentences("code, item code, sku"), [] as [&str; 0]);
    assert_eq!(sentences("TEA: stands in line already"), ["TEA: stands in line already"]);
}

#[tokio::test]
async fn what_the_stock_pages_refuse_is_said_in_japanese_at_the_form() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let hanako = reader_of_japanese(&shop).await;
        let mut told = BTreeSet::new();
        for (what, quantity, status, words) in [
            ("set", "8", 409, "TEA（main）は表示した後に動きました。現在の実在庫は10点です"),
            ("write_off", "99", 409, "TEAを99点減らせません。販売可能は10点、受注への引当は0点です"),
            ("write_off_reserved", "98", 409, "TEAを98点減らせません"),
            ("returned", "5", 409, "TEAの返品保管は0点です"),
            ("write_off_returned", "6", 409, "TEAの返品保管は0点です。6点はありません"),
            ("receive", "0", 409, "0は数量として使えません"),
            ("receive", "many", 422, "「many」は数量として読み取れません"),
            ("juggle", "1", 422, "不明な操作です"),
        ] {
            let form = [("what", what), ("quantity", quantity), ("at", "main"), ("note", "箱 7 より")];
            let page = move_stock(&hanako, "TEA", &form).await.expect(status).body;
            let (before, after) =
                page.split_once("id=\"refused\">").unwrap_or_else(|| panic!("{what}: {page}"));
            assert!(before.contains("id=\"change\""), "{what}: it stands at the form");
            assert!(after.starts_with(words), "{what}: {after}");
            assert!(after.contains(&format!("value=\"{quantity}\"")), "{what}: what was typed stays");
            assert!(after.contains("value=\"箱 7 より\""), "{what}: what was typed stays");
            let chosen = format!("<option value=\"{what}\" selected>");
            assert_eq!(after.contains(&chosen), what != "juggle", "{what}");
            assert_eq!(english(&page), [] as [&str; 0], "{what}");
            told.insert(words);
        }
        let elsewhere = [("what", "receive"), ("quantity", "3"), ("at", "moon")];
        let page = move_stock(&hanako, "TEA", &elsewhere).await.expect(404).body;
        assert!(page.contains("ロケーション「moon」はありません") && page.contains("value=\"3\""), "{page}");
        let set = [("what", "receive"), ("quantity", "1")];
        let page = move_stock(&hanako, "GIFT", &set).await.expect(409).body;
        assert!(page.contains("GIFTはセット商品です") && page.contains("<h1>GIFT"), "{page}");
        let page = move_stock(&hanako, "NONE", &set).await.expect(404).body;
        assert!(page.contains("商品コード「NONE」の商品はありません"), "{page}");
        assert!(
            page.contains("メインメニュー") && page.contains("← 戻る"),
            "a refusal stands in the frame: {page}"
        );
        assert_eq!(english(&page), [] as [&str; 0]);
        assert_eq!(shop.t.level("TEA").await, (10, 0, 0));
        // The number that is there now can be corrected at once.
        let page = move_stock(
            &hanako,
            "TEA",
            &[("what", "set"), ("quantity", "8"), ("at", "main"), ("seen", "1:1")],
        )
        .await
        .expect(409)
        .body;
        let seen =
            page.split_once("name=\"seen\" form=\"change\" value=\"").unwrap().1.split_once('"').unwrap().0;
        let form = [("what", "set"), ("quantity", "8"), ("at", "main"), ("seen", seen)];
        move_stock(&hanako, "TEA", &form).await.expect(303);
        assert_eq!(shop.t.level("TEA").await, (8, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn what_other_pages_refuse_is_said_in_japanese() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        shop.offer(&[("honten", "L1", None, "湯のみ", 9)]).await;
        let order = shop.t.order(shop.t.remote("1", &[("TEA", 1)])).await;
        let hanako = reader_of_japanese(&shop).await;
        let version = shop.t.row(order).await.version.to_string();
        let version = ("version", version.as_str());
        let place = shop.t.facts.locations[0].to_string();
        let place = ("location", place.as_str());
        let deed = |deed: &str| format!("/orders/{order}/{deed}");
        let map =
            |listing, code, per| [("channel", "honten"), ("listing", listing), ("code", code), ("per", per)];
        let paid = format!("{order}/paid/1");
        let posts = [
            (deed("release"), vec![version], 409, "N-1は保留中ではありません"),
            (deed("remind"), vec![version], 409, "N-1は入金待ちではありません"),
            (deed("pay"), vec![version], 409, "N-1はすでに入金済みです"),
            (deed("hold"), vec![("version", "0"), ("reason", "住所確認")], 409, "表示した後に変更されました"),
            (deed("return"), vec![version, ("line", "1"), ("quantity", "1"), place], 409, "0点です"),
            ("/orders/9999/hold".to_owned(), vec![("reason", "住所確認")], 404, "受注 #9999 はありません"),
            ("/listings/map".to_owned(), map("L1", "NONE", "1").to_vec(), 404, "商品コード「NONE」"),
            (
                "/listings/map".to_owned(),
                map("none", "TEA", "1").to_vec(),
                404,
                "hontenに出品「none」はありません",
            ),
            ("/listings/map".to_owned(), map("L1", "TEA", "0").to_vec(), 409, "割り当てることはできません"),
            (
                "/mails/act".to_owned(),
                vec![("act", "send"), ("mail", "9999/paid/1")],
                404,
                "受注 #9999 にそのメール",
            ),
            (
                "/mails/act".to_owned(),
                vec![("act", "arrived"), ("mail", paid.as_str())],
                409,
                "現在の状態は「送信待ち」",
            ),
        ];
        for (path, form, status, words) in posts {
            let page = hanako.post(&path, &form).await.expect(status).body;
            assert!(page.contains(words), "{path} {form:?}: {words}: {page}");
            assert_eq!(english(&page), [] as [&str; 0], "{path} {form:?}");
        }
        for path in
            ["/orders/9999", "/stock/NONE", "/customers/9999", "/quarantine/9999", "/mails/9999/paid/1"]
        {
            let page = hanako.get(path).await.expect(404).body;
            assert_eq!(english(&page), [] as [&str; 0], "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn why_an_order_waits_or_cannot_be_read_is_said_in_japanese() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let hanako = reader_of_japanese(&shop).await;
        let waits = both!("the buyer may still cancel the order", "お客様がキャンセルできる期間です");
        let mut remote = shop.t.remote("1", &[("TEA", 1)]);
        remote.unknowns = vec![both!("payment method \"zap\" is not known", "不明な支払方法「zap」です")];
        remote.wait = Some(waits.clone());
        remote.totals.grand = Money(remote.totals.grand.0 + 7);
        let order = shop.t.order(raw(remote.clone())).await;
        let strange = RemoteOrder { currency: "XQX".to_owned(), ..shop.t.remote("2", &[]) };
        let strange = shop.t.order(raw(strange)).await;
        let order_page = format!("/orders/{order}");
        for (path, words) in [
            (order_page.clone(), "内訳の合計"),
            (order_page.clone(), "不明な支払方法「zap」です; お客様がキャンセルできる期間です"),
            (format!("/orders/{strange}"), "不明な通貨 &#34;XQX&#34;; 明細がありません"),
            ("/orders?tab=all".to_owned(), "不明な支払方法「zap」です"),
        ] {
            let page = hanako.page(&path).await;
            assert!(page.contains(words), "{path}: {words}: {page}");
            assert!(!page.contains('\u{1e}') && english(&page).is_empty(), "{path}: {:?}", english(&page));
        }
        // What it no longer waits for is told in both languages too, and the rest of the hold stays.
        (remote.wait, remote.status) = (None, "paid".to_owned());
        remote.unknowns = Vec::new();
        shop.t.order(raw(remote)).await;
        let hold = hold_in_words(&shop.t.row(order).await.hold.unwrap());
        assert!(!hold.en.contains(&waits.en) && hold.en.contains("\"zap\" is not known"), "{hold:?}");
        assert!(!hold.ja.contains(&waits.ja) && hold.ja.contains("不明な支払方法「zap」です"), "{hold:?}");
        let owner = shop.site.log_in_as("bob", Role::Staff).await;
        let page = owner.page(&order_page).await;
        assert!(page.contains("the buyer may still cancel the order"), "{page}");
        assert!(page.contains("is not known") && !page.contains("不明な支払方法"), "{page}");

        let reason = both!("the total \"abc\" is no amount at all", "合計「abc」は金額ではありません");
        let odd = Read::Unreadable { id: Some("7".into()), reason, raw: "{}".to_owned() };
        let mut minus = shop.t.remote("8", &[("TEA", 1)]);
        minus.lines[0].quantity = -1;
        minus.raw = "[]".to_owned();
        let page = [odd, Read::Order(Box::new(minus))];
        shop.t.store.take_page(&shop.t.facts, &page, None, shop.t.now()).await.unwrap();
        let rows = shop.t.store.quarantined(10).await.unwrap();
        let list = hanako.page("/quarantine").await;
        assert!(list.contains("合計「abc」は金額ではありません"), "{list}");
        assert!(list.contains("の数量 -1 が正しくありません") && english(&list).is_empty(), "{list}");
        for row in rows {
            let page = hanako.page(&format!("/quarantine/{}", row.id)).await;
            assert!(english(&page).is_empty() && !page.contains('\u{1e}'), "{page}");
        }
        let list = owner.page("/quarantine").await;
        assert!(list.contains("is no amount at all") && list.contains("which cannot be right"), "{list}");
        fresh.run("UPDATE quarantine SET reason = 'torn'").await;
        assert!(hanako.page("/quarantine").await.contains("torn"), "stored before there were two languages");
    })
    .await;
}

/// The English is what the command line and the API print.
fn both_languages(error: &StoreError) -> Bilingual {
    let words = error.words();
    assert_eq!(words.en, error.to_string());
    assert!(has_japanese(&words.ja), "{words:?}");
    assert_eq!(sentences(&words.ja), [] as [&str; 0], "{words:?}");
    words
}

#[tokio::test]
async fn a_refusal_of_the_store_has_words_in_both_languages() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let (store, now) = (&shop.t.store, shop.t.now());
        let mail = MailKey { order: 9999, kind: MailKind::Shipped, revision: 2 };
        let token = NewToken { name: "No Name", scopes: "", expires_at: None, actor: "cli:a", now };
        let customer = CustomerAct { customer: 9999, version: 1, actor: "cli:a", now };
        let order = shop.t.order(shop.t.remote("1", &[("TEA", 1)])).await;
        let own = MailKey { order, kind: MailKind::Received, revision: 1 };
        store.hold_order(&shop.t.act(order), "the order has no lines").await.unwrap();
        let errors = [
            store.item("NONE").await.map(drop),
            store.channel("none").await.map(drop),
            store.channel_of(9999).await.map(drop),
            store.find_order("none").await.map(drop),
            store.order_view(9999).await.map(drop),
            store.quarantine_row(9999).await.map(drop),
            store.payload(9999).await.map(drop),
            store.drop_filter(1, 9999).await,
            store.job(9999).await.map(drop),
            store.mail(&mail).await.map(drop),
            store.act_on_mail(&mail, MailAct::Drop, "cli:a", now).await.map(drop),
            store.act_on_mail(&own, MailAct::Arrived, "cli:a", now).await.map(drop),
            store.act_on_mail(&own, MailAct::Resend, "cli:a", now).await.map(drop),
            store.act_on_mail(&own, MailAct::Send, "cli:a", now).await.map(drop),
            store.hold_order(&shop.t.act(order), "twice").await.map(drop),
            store.customer_view(9999, i64::MAX, 1).await.map(drop),
            store.note_customer(&customer, " ").await,
            store.block_customer(&customer, "").await,
            store.unblock_customer(&customer).await,
            store.merge_customers(&customer, (9999, 1)).await,
            store.split_customer(&customer, &BTreeSet::new()).await.map(drop),
            store.erase_customer(&customer).await.map(drop),
            store.add_token(&token).await.map(drop),
            store.revoke_token("none", "cli:a", now).await,
            store.ping_webhook(9999, "cli:a", now).await,
            store.map_listing(("honten", "none"), ("TEA", 0), "cli:a", now).await.map(drop),
        ];
        let mut told = BTreeSet::new();
        for outcome in &errors {
            told.insert(both_languages(outcome.as_ref().unwrap_err()).ja);
        }
        assert!(told.len() > 20, "{told:?}");
        let held = errors[14].as_ref().unwrap_err();
        assert_eq!(held.to_string(), "N-1 is on hold already: the order has no lines");
        assert_eq!(
            held.words().ja,
            "N-1はすでに保留中です（明細がありません）",
            "a reason of ours is translated"
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_the_matter_with_a_sheet_is_said_in_japanese() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let hanako = reader_of_japanese(&shop).await;
        let rows = "code,name,JAN,price,tax,stock,location,components,color\n\
            ,nameless,,,,,,,\nA1,,,,,,,,\nA2,二,123,,,,,,\nA3,三,4901234567890,,,,,,\nA4,四,,x,,,,,\n\
            A5,五,,1.5,,,,,\nA6,六,,-4,,,,,\nA7,七,,,99x,,,,\nA8,八,,,,1.5,,,\nA9,九,,,,-1,,,\nA10,十,,,,many,,,\n\
            A11,十一,,,,1,moon,,\nA12,十二,,,,,,TEA*2++CUP,\nA13,十三,,,,,,*2,\nA14,十四,,,,,,A14,\n\
            A15,十五,,,,,,GIFT,\nA16,十六,,,,,,NEVER,\nA17,十七,,,,5,,CUP,\nTEA,茶,,,,,,CUP,\nA18,十八,#N/A,,,,,,\n\
            A19,十九,,####,,,,,\n4.90123E+12,二十,,,,,,,\nA20,二一,,,,,,,,,,extra\nA21,二二,,,,,,,\nA21,二三,,,,,,,\n\
            te-a,二四,,,,,,,\nA22,二五,4901234567894,,,,,,\nLONE,,,,,7,,,\n";
        let page = uploaded(&hanako, "/stock/import", rows, 200).await;
        for words in [
            "2行目: 商品コードがありません",
            "3行目: A1は新しい商品です",
            "4行目「JAN」: 123: JANコードは8・12・13・14桁ですが、3桁です",
            "チェックデジットが0ですが、正しくは4です",
            "「x」は金額として読み取れません",
            "小数点以下の桁が多すぎます",
            "「-4」は0より小さい数です",
            "税率として読み取れません",
            "「1.5」は整数ではありません",
            "「many」は数量として読み取れません",
            "ロケーション「moon」はありません",
            "区切りの間に構成品がありません",
            "構成品として読み取れません",
            "自分自身の構成品にすることはできません",
            "GIFTはセット商品です",
            "構成品 NEVER は登録済みの商品でも",
            "在庫は構成品から計算されます",
            "TEAはGIFTの構成品のため",
            "表計算ソフトのエラー",
            "列幅が狭いまま",
            "4.90123E+12 に省略",
            "列より多くのセル",
            "A21はすでに25行目にあります",
            "表記だけが異なります",
            "TEAのJANコードでもあります",
            "既存の1行では使いません",
            "使わない列: color",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
    })
    .await;
}

/// A sheet as somebody who reads Japanese uploads it: what the page says, which has no sentence in English.
async fn uploaded(hanako: &Browser, path: &str, rows: &str, status: u16) -> String {
    let page = hanako.upload(path, &[], &[("file", "表.csv", rows.as_bytes())]).await.expect(status).body;
    assert_eq!(english(&page), [] as [&str; 0], "{path}: {rows}");
    page
}

#[tokio::test]
async fn what_is_the_matter_with_a_count_or_a_whole_file_is_said_in_japanese() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let hanako = reader_of_japanese(&shop).await;
        let counted =
            "code,JAN,counted,location\n,,1,\nTEA,,,\nNONE,,1,\nGIFT,,1,\nTEA,,1,moon\nTEA,,1,\nTEA,,2,\n";
        let page = uploaded(&hanako, "/stock/count/sheet", counted, 200).await;
        for words in [
            "2行目: 商品コードもJANコードもありません",
            "3行目: 実棚数がありません",
            "4行目: 商品コードまたはJANコードがNONEの商品はありません",
            "5行目: GIFTはセット商品です。構成品を数えてください",
            "6行目: ロケーション「moon」はありません",
            "8行目: TEAはすでに7行目にあります",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        for (rows, words) in [
            (" ", "ファイルが空です"),
            ("nothing,here\n1,2\n", "いずれかの列がありません"),
            ("code,name,code\nA,a,b\n", "どちらも"),
            ("code,name\nA,\"a\nB,b\nC,c\n", "引用符"),
        ] {
            let page = uploaded(&hanako, "/stock/import", rows, 422).await;
            assert!(page.contains(words), "{words}: {page}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_timeline_is_told_in_japanese() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let t = &shop.t;
        let mut odd = t.remote("1", &[("TEA", 13), ("NEVER", 1)]);
        (odd.totals.grand, odd.buyer.email) = (Money(7), String::new());
        odd.wait = Some(both!("in review at the shop", "審査中"));
        let order = t.order(raw(odd.clone())).await;
        t.pass(Duration::from_secs(60));
        (odd.wait, odd.changed_at) = (None, Some(t.now()));
        (odd.status, odd.payment) = ("completed".to_owned(), Payment::PartlyRefunded);
        t.order(raw(odd)).await;
        t.store.release_order(&t.act(order)).await.unwrap();
        let shipment =
            Shipment { carrier: "ヤマト運輸".into(), lines: vec![(1, 2)], ..Shipment::default() };
        t.store.ship_order(&t.act(order), &shipment).await.unwrap();
        let main = t.facts.locations[0];
        t.store.return_goods(&t.act(order), (1, 1), main, true).await.unwrap();
        t.store.return_goods(&t.act(order), (1, 1), main, false).await.unwrap();
        let hanako = reader_of_japanese(&shop).await;
        let page = hanako.page(&format!("/orders/{order}")).await;
        for words in [
            "3点が足りません",
            "コード「NEVER」の商品がありません",
            "内訳の合計 1400 JPY がチャネルの合計 7 と一致しません; 審査中",
            "「注文受付」を送れません",
            "<b>支払い状況</b> 一部返金",
            "<b>チャネルの状態</b> completed",
            "ヤマト運輸 追跡番号なし",
            "1 × TEA 湯呑み（再販売）",
            "1 × TEA 湯呑み（返品保管）",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert_eq!(english(&page), [] as [&str; 0], "{page}");
        let told = t.view(order).await.timeline;
        assert!(told.iter().any(|e| e.detail == "3 units are not there"), "programs read English: {told:?}");
    })
    .await;
}
