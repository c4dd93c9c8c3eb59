//! The work list: each kind of trouble with its count, its oldest, and the next action on it.

use banto_channel::{Bilingual, both};

use super::super::Page;
use super::super::channels::state::{silence, span};
use crate::config::Config;
use crate::domain::counted::{by_number, counted};
use crate::domain::guard::reason_in_words;
use crate::store::{AlertRow, COUNT_MAX, Count, OrderTab, Pace, Work};

/// One line of the work list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    /// Names it among the others; its row's id.
    pub(super) key: String,
    /// A class of `.chip`.
    pub(super) tone: &'static str,
    /// How many; empty where it is one thing.
    pub(super) count: String,
    /// What it is.
    pub(super) what: String,
    /// More about it, as it was said; may be empty.
    pub(super) detail: String,
    /// Since when, microseconds since 1970.
    pub(super) since: Option<i64>,
    /// Where the next action is.
    pub(super) href: String,
    /// The next action.
    pub(super) go: String,
}

/// Everything that waits for a person, the most urgent first.
pub(super) fn needs(p: &Page, work: &Work, paces: &[Pace], config: &Config) -> Vec<Need> {
    let mut list = List { p, needs: Vec::new() };
    for pace in paces.iter().filter(|pace| config.channel(&pace.row.name).is_some_and(|c| c.enabled)) {
        list.channel(pace, config);
    }
    list.orders(work);
    list.mails(work);
    list.rest(work);
    for alert in &work.alerts {
        list.alert(alert, paces);
    }
    list.needs.sort_by_key(|need| match need.tone {
        "bad" => 0,
        "warn" => 1,
        _ => 2,
    });
    list.needs
}

/// Where the next action is, and what it is.
type Action = (String, Bilingual);

struct List<'a> {
    p: &'a Page,
    needs: Vec<Need>,
}

impl List<'_> {
    fn channel(&mut self, pace: &Pace, config: &Config) {
        let (row, name) = (&pace.row, &pace.row.name);
        if let Some(why) = row.stopped.as_ref().filter(|_| !row.approved) {
            let what = both!("Pushes to {name} wait for your word", "{name}への在庫送信が確認待ちです");
            self.one(
                "bad",
                format!("guard-{name}"),
                &what,
                &self.p.say(&reason_in_words(why)),
                None,
                (format!("/channels/{name}/diff"), both!("Look at it", "内容を見る")),
            );
        }
        if let Some(why) = &row.pull_error {
            let what = both!("Orders of {name} cannot be read", "{name}の受注を取得できません");
            self.one(
                "bad",
                format!("pull-{name}"),
                &what,
                &self.p.kept(why),
                row.pull_failed_since,
                (format!("/channels/{name}"), both!("See why", "原因を見る")),
            );
        }
        self.warnings(pace, config);
    }

    /// What will be trouble, or may be.
    fn warnings(&mut self, pace: &Pace, config: &Config) {
        let (row, name) = (&pace.row, &pace.row.name);
        let steps = &config.alerts.credential_days;
        let left = row.credentials_expire.map(|at| at - self.p.now.0);
        let warned = i64::from(steps.iter().copied().max().unwrap_or(0)) * 86_400_000_000;
        if let Some(left) = left.filter(|left| *left < warned) {
            let days = left.div_euclid(86_400_000_000);
            let what = if left < 0 {
                both!("The credentials of {name} have run out", "{name}の認証情報の有効期限が切れました")
            } else {
                both!(
                    "The credentials of {name} run out in {left}",
                    "{name}の認証情報はあと{days}日で期限切れです",
                    left = counted(days, "day", "days")
                )
            };
            self.one(
                if days < 3 { "bad" } else { "warn" },
                format!("expiry-{name}"),
                &what,
                "",
                None,
                (format!("/channels/{name}/credentials"), both!("Renew them", "更新する")),
            );
        }
        let alerts = &config.alerts;
        if let Some((last, gap)) = silence(row, alerts.silent_factor, alerts.silent_min_minutes, self.p.now) {
            let usual = span(gap);
            let what = both!(
                "No order from {name}; normally one comes every {usual}",
                "{name}から受注がありません（通常は{ja}に1件）",
                ja = usual.ja
            );
            self.one(
                "warn",
                format!("silent-{name}"),
                &what,
                "",
                Some(last.0),
                (format!("/channels/{name}"), both!("Check the channel", "チャネルを確認")),
            );
        }
        if pace.failed.n > 0 {
            let what = said(
                pace.failed,
                &format!("listing of {name} does not take its stock"),
                &format!("listings of {name} do not take their stock"),
                &format!("件の出品で在庫を更新できません（{name}）"),
            );
            self.many(
                "warn",
                &format!("failed-{name}"),
                pace.failed,
                &what,
                (format!("/listings?tab=errors&channel={name}"), both!("See why", "原因を見る")),
            );
        }
    }

    fn orders(&mut self, work: &Work) {
        self.many(
            "bad",
            "late",
            work.late,
            &said(
                work.late,
                "order should have left already",
                "orders should have left already",
                "件の受注が出荷期限を過ぎています",
            ),
            (orders(OrderTab::Late), both!("Ship them", "出荷する")),
        );
        self.many(
            "warn",
            "due",
            work.due,
            &said(
                work.due,
                "order has to leave today",
                "orders have to leave today",
                "件の受注が本日出荷期限です",
            ),
            (orders(OrderTab::ToShip), both!("Ship them", "出荷する")),
        );
        self.many(
            "bad",
            "short",
            work.short,
            &said(work.short, "order waits for goods", "orders wait for goods", "件の受注が在庫不足です"),
            (orders(OrderTab::Short), both!("Find goods", "不足を確認")),
        );
        self.waiting(work);
    }

    /// Orders that somebody must decide on.
    fn waiting(&mut self, work: &Work) {
        self.many(
            "warn",
            "held",
            work.held,
            &said(work.held, "order is on hold", "orders are on hold", "件の受注が保留中です"),
            (orders(OrderTab::Held), both!("Look and release", "確認して解除")),
        );
        self.many(
            "warn",
            "unpaid",
            work.unpaid,
            &said(
                work.unpaid,
                "order is unpaid past its day",
                "orders are unpaid past their day",
                "件の受注が入金期限を過ぎています",
            ),
            (orders(OrderTab::Unpaid), both!("Check payments", "入金を確認")),
        );
        self.many(
            "warn",
            "lines",
            work.lines,
            &said(
                work.lines,
                "order line has no item",
                "order lines have no item",
                "件の受注明細が商品に紐付いていません",
            ),
            (orders(OrderTab::Unmatched), both!("Map them", "紐付ける")),
        );
        self.many(
            "bad",
            "quarantine",
            work.quarantine,
            &said(
                work.quarantine,
                "order could not be understood",
                "orders could not be understood",
                "件の受注を取り込めませんでした",
            ),
            ("/quarantine".to_owned(), both!("Read them", "内容を見る")),
        );
    }

    fn mails(&mut self, work: &Work) {
        let uncertain = said(
            work.uncertain,
            "mail may or may not have arrived",
            "mails may or may not have arrived",
            "件のメールが届いたか不明です",
        );
        self.many(
            "bad",
            "uncertain",
            work.uncertain,
            &uncertain,
            ("/mails?tab=uncertain".to_owned(), both!("Decide", "判断する")),
        );
        self.many(
            "bad",
            "refused",
            work.refused,
            &said(work.refused, "mail was refused", "mails were refused", "件のメールが拒否されました"),
            ("/mails?tab=refused".to_owned(), both!("See why", "原因を見る")),
        );
        self.many(
            "info",
            "by-hand",
            work.by_hand,
            &said(
                work.by_hand,
                "mail waits for you to send it",
                "mails wait for you to send them",
                "件のメールが手動送信待ちです",
            ),
            ("/mails?tab=by_hand".to_owned(), both!("Read and send", "確認して送信")),
        );
    }

    fn rest(&mut self, work: &Work) {
        self.many(
            "info",
            "listings",
            work.listings,
            &said(
                work.listings,
                "listing has no item",
                "listings have no item",
                "件の出品が商品に紐付いていません",
            ),
            ("/listings".to_owned(), both!("Map them", "紐付ける")),
        );
        self.many(
            "bad",
            "dead",
            work.dead,
            &said(work.dead, "job was given up", "jobs were given up", "件の処理を断念しました"),
            ("/queue?tab=dead".to_owned(), both!("Retry or drop", "再試行・破棄")),
        );
    }

    /// A problem that none of the lines above tells of.
    fn alert(&mut self, alert: &AlertRow, paces: &[Pace]) {
        let channel = alert.channel_id.and_then(|id| paces.iter().find(|p| p.row.id == id));
        let name = channel.map(|p| p.row.name.clone()).unwrap_or_default();
        let what = match alert.kind.as_str() {
            "guard" | "pull_failed" | "silent" | "quarantine" | "job_dead" | "mail_uncertain" => return,
            "credentials" if alert.key.starts_with("expiry:") => return,
            "credentials" => both!("{name} refuses our credentials", "{name}の認証情報が拒否されました"),
            "push_failed" => both!("Stock cannot be sent to {name}", "{name}へ在庫を送信できません"),
            "mail_stopped" => both!("Mails do not go out", "メールを送信できません"),
            "drift" => both!("{name} shows other numbers than ours", "{name}の在庫数が一致しません"),
            "clock" => both!("This machine's clock is wrong", "サーバーの時計がずれています"),
            "disk_full" => both!("The disk is full", "ディスクの空き容量がありません"),
            _ => both!("Something needs a look", "確認が必要です"),
        };
        let action = match (alert.kind.as_str(), name.as_str()) {
            ("mail_stopped", _) => ("/mails".to_owned(), both!("See what waits", "送信待ちを見る")),
            ("credentials", name) if !name.is_empty() => {
                (format!("/channels/{name}/credentials"), both!("Mend them", "認証情報を直す"))
            }
            (_, "") => ("/channels".to_owned(), both!("Look", "見る")),
            (_, name) => (format!("/channels/{name}"), both!("See why", "原因を見る")),
        };
        let detail = self.p.kept(&alert.detail);
        self.one("bad", format!("alert-{}", alert.id), &what, &detail, Some(alert.since), action);
    }

    fn many(&mut self, tone: &'static str, key: &str, count: Count, what: &Bilingual, action: Action) {
        if count.n == 0 {
            return;
        }
        let number = self.p.number(&count.n);
        self.needs.push(Need {
            count: if count.n >= COUNT_MAX { format!("{number}+") } else { number },
            since: count.oldest,
            ..self.need(tone, key.to_owned(), what, action)
        });
    }

    fn one(
        &mut self,
        tone: &'static str,
        key: String,
        what: &Bilingual,
        detail: &str,
        since: Option<i64>,
        action: Action,
    ) {
        self.needs.push(Need { detail: detail.to_owned(), since, ..self.need(tone, key, what, action) });
    }

    fn need(&self, tone: &'static str, key: String, what: &Bilingual, (href, go): Action) -> Need {
        Need {
            key,
            tone,
            count: String::new(),
            what: self.p.say(what),
            detail: String::new(),
            since: None,
            href,
            go: self.p.say(&go),
        }
    }
}

fn orders(tab: OrderTab) -> String {
    format!("/orders?tab={}", tab.name())
}

/// What so many of it need, without their number: for one, for many, and in Japanese.
fn said(count: Count, one: &str, many: &str, ja: &str) -> Bilingual {
    Bilingual { en: by_number(count.n, one, many).to_owned(), ja: ja.to_owned() }
}
