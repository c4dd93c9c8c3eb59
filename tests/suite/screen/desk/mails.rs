//! Mails: what a person decides, exactly what a buyer got, and the templates.

use banto::domain::people::Role;
use banto::mail::MailKind;
use banto::store::{MailKey, MailPlace};
use banto_channel::Payment;

use super::{NASTY, Shop, field};
use crate::stores::{Fresh, each_store};
use crate::trading::raw;

/// An unpaid order: one mail. Its key.
async fn ordered(shop: &Shop, id: &str) -> i64 {
    let mut order = shop.trading.remote(id, &[("CUP", 1)]);
    order.payment = Payment::Awaiting;
    shop.trading.order(raw(order)).await
}

async fn state(shop: &Shop, order: i64) -> String {
    shop.trading.mail(order, "received").await.unwrap().state
}

#[tokio::test]
async fn an_uncertain_mail_waits_for_a_persons_word() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let (one, two, three) =
            (ordered(&shop, "1").await, ordered(&shop, "2").await, ordered(&shop, "3").await);
        fresh.run("UPDATE mail SET state = 'uncertain'").await;
        let looker = shop.browser(Role::ReadOnly).await;
        let page = looker.page("/mails").await;
        assert!(page.contains("data-href=\"/mails/") && !page.contains("value=\"arrived\""), "{page}");
        let name = |order: i64| format!("{order}/received/1");
        let form = [("act", "arrived"), ("mail", &name(one)), ("mail", &name(two)), ("back", "uncertain")];
        looker.post("/mails/act", &form).await.expect(403);
        let staff = shop.browser(Role::Staff).await;
        let answer = staff.post("/mails/act", &form).await.expect(303);
        assert_eq!(answer.location(), "/mails?tab=uncertain");
        assert_eq!([state(&shop, one).await, state(&shop, two).await], ["sent", "sent"]);
        let form = [("act", "resend"), ("mail", &name(three)), ("back", "mail")];
        let answer = staff.post("/mails/act", &form).await.expect(303);
        assert_eq!(
            (answer.location(), state(&shop, three).await.as_str()),
            (format!("/mails/{}", name(three)).as_str(), "queued")
        );
        // What is not uncertain any more cannot be decided.
        staff.post("/mails/act", &[("act", "arrived"), ("mail", &name(three))]).await.expect(409);
        staff.post("/mails/act", &[("act", "arrived"), ("mail", "1/nothing/1")]).await.expect(422);
        staff.post("/mails/act", &[("act", "arrived")]).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn lists_go_on_where_their_page_ended() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let mut orders = Vec::new();
        for id in ["1", "2", "3", "4", "5"] {
            orders.push(ordered(&shop, id).await);
        }
        orders.reverse();
        let all = async |state: &str| {
            let (mut seen, mut after) = (Vec::new(), MailPlace::start());
            loop {
                let page = shop.trading.store.mail_heads(state, &after, 2).await.unwrap();
                let Some(last) = page.last() else { return seen };
                after = MailPlace::from(last);
                seen.extend(page.iter().map(|mail| mail.order_id));
            }
        };
        assert_eq!(all("queued").await, orders);
        assert_eq!(all("held").await, Vec::<i64>::new());
        // Sent ones in the order in which they went out, two of them at once.
        for (at, order) in [(30, orders[3]), (10, orders[0]), (30, orders[1])] {
            fresh
                .run(&format!("UPDATE mail SET state = 'sent', sent_at = {at} WHERE order_id = {order}"))
                .await;
        }
        assert_eq!(all("sent").await, [orders[1], orders[3], orders[0]]);
        assert_eq!(all("queued").await, [orders[2], orders[4]]);
    })
    .await;
}

#[tokio::test]
async fn a_mail_is_shown_as_it_went_out_and_runs_nothing() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let order = ordered(&shop, "1").await;
        let staff = shop.browser(Role::Staff).await;
        let draft = staff.page(&format!("/mails/{order}/received/1")).await;
        assert!(draft.contains("It was not written yet") && draft.contains("N-1"), "{draft}");
        let html = format!("{NASTY}<p style=\"color:red\">hello</p>");
        fresh
            .run(&format!(
                "UPDATE mail SET state = 'sent', subject = '{NASTY}', body_text = '{NASTY}', body_html = '{html}'"
            ))
            .await;
        let page = staff.page(&format!("/mails/{order}/received/1")).await;
        assert!(!page.contains(NASTY) && page.contains("&#60;script&#62;"), "{page}");
        assert!(page.contains("<iframe") && page.contains(" sandbox "), "{page}");
        let frame = staff.get(&format!("/mails/{order}/received/1/html")).await.expect(200);
        assert_eq!(frame.body, html, "exactly what was sent");
        let policy = frame.header("content-security-policy").unwrap();
        for rule in ["sandbox", "default-src 'none'", "style-src 'unsafe-inline'", "frame-ancestors 'self'"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert_eq!(frame.header("x-frame-options"), Some("SAMEORIGIN"));
        staff.get("/mails/999999/received/1").await.expect(404);
        staff.get(&format!("/mails/{order}/nothing/1")).await.expect(404);
    })
    .await;
}

const EDIT: &str = "/mails/templates/edit?set=&language=ja&stem=received";

#[tokio::test]
async fn a_template_is_tried_on_an_order_saved_and_taken_back() {
    each_store(async |fresh: &Fresh| {
        let shop = Shop::open(fresh).await;
        let order = ordered(&shop, "1").await;
        let staff = shop.browser(Role::Staff).await;
        let list = staff.page("/mails/templates").await;
        assert!(list.contains("stem=received") && !list.contains(">your own<"), "{list}");
        let page = staff.page(EDIT).await;
        let base = field(&page, "base");
        let number = format!("#{order}");
        let form = |act: &'static str, text: &'static str| {
            vec![
                ("act".to_owned(), act.to_owned()),
                ("set".to_owned(), String::new()),
                ("language".to_owned(), "ja".to_owned()),
                ("stem".to_owned(), "received".to_owned()),
                ("base".to_owned(), base.clone()),
                ("kind".to_owned(), "received".to_owned()),
                ("order".to_owned(), number.clone()),
                ("text_subject".to_owned(), "ご注文 {{ number }}".to_owned()),
                ("text_txt".to_owned(), text.to_owned()),
                ("text_html".to_owned(), "<p>{{ number }}</p>".to_owned()),
            ]
        };
        let post = async |form: Vec<(String, String)>| {
            let form: Vec<(&str, &str)> = form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            staff.post("/mails/templates/edit", &form).await
        };
        let shown = post(form("preview", "番号 {{ number }}\n")).await.expect(200).body;
        assert!(shown.contains("ご注文 N-1") && shown.contains("番号 N-1"), "{shown}");
        let frame = shown.split_once("src=\"/mails/templates/preview/").unwrap().1.split('"').next().unwrap();
        let frame = staff.get(&format!("/mails/templates/preview/{frame}")).await.expect(200);
        assert_eq!(frame.body.trim(), "<p>N-1</p>");
        let own = shop.site.app.config.dir.join("mails/ja/received.txt");
        assert!(!own.exists(), "a preview writes nothing");
        let broken = post(form("save", "one\ntwo {{ nobody }}\n")).await.expect(422).body;
        assert!(broken.contains("ja/received.txt:2:"), "{broken}");
        assert!(!own.exists(), "what does not work is not saved");
        post(form("save", "番号 {{ number }}\n")).await.expect(303);
        assert_eq!(std::fs::read_to_string(&own).unwrap(), "番号 {{ number }}\n");
        let audited = "SELECT COUNT(*) FROM audit WHERE action = 'template_save' AND subject = 'mails/ja/received' \
            AND before_state LIKE '%received.txt%' AND after_state LIKE '%番号 {{ number }}%'";
        assert_eq!(fresh.number(audited).await, 1);
        post(form("save", "another {{ number }}\n")).await.expect(409);
        assert_eq!(std::fs::read_to_string(&own).unwrap(), "番号 {{ number }}\n", "the other's text stays");
        post(form("reset", "")).await.expect(303);
        assert!(!own.exists());
        post(form("reset", "")).await.expect(409);
    })
    .await;
}

#[tokio::test]
async fn nobody_writes_outside_the_folder_of_templates() {
    let fresh = Fresh::sqlite().await;
    let shop = Shop::open(&fresh).await;
    let staff = shop.browser(Role::Staff).await;
    for (set, language, stem) in
        [("", "../..", "received"), ("..", "ja", "received"), ("", "ja", "../x"), ("", "xx", "received")]
    {
        let form = [("act", "save"), ("set", set), ("language", language), ("stem", stem), ("text_txt", "x")];
        staff.post("/mails/templates/edit", &form).await.expect(404);
        let path = format!("/mails/templates/edit?set={set}&language={language}&stem={stem}");
        staff.get(&path).await.expect(404);
    }
    let key = MailKey { order: 1, kind: MailKind::Received, revision: 1 };
    assert!(shop.trading.store.mail(&key).await.is_err());
}
