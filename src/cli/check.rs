//! `banto check`: every file, key and credential of the config, before the daemon is started with it.

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Bilingual, Clock, Connector, Cx, MailOwner, MailPolicy, both};
use banto_wire::{Wire, WireConfig};
use clap::Args;
use serde::Serialize;

use super::words::{accepted, lifetime, local, trouble};
use super::{Exit, Failure, Globals, Out, Outcome, left};
use crate::app;
use crate::channels::mail_rules;
use crate::clock::SystemClock;
use crate::config::{ChannelConfig, Config, Mode};
use crate::domain::counted::counted;
use crate::domain::mail_policy::{MailKind, MailRule, MailRules};
use crate::store::Store;

/// Check every file, key and credential of the config
#[derive(Args, Debug)]
pub struct Check {
    /// Ask nothing of marketplaces, mail server and store
    #[arg(long)]
    offline: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    detail: String,
    /// What of the detail is not banto's own words (a key of the config, an error of the system) has no Japanese.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail_ja: Option<String>,
}

impl Finding {
    fn said(&self) -> String {
        let ja = self.detail_ja.as_ref().unwrap_or(&self.detail);
        local(Bilingual { en: self.detail.clone(), ja: ja.clone() })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Wrong,
}

impl State {
    fn word(self) -> String {
        local(match self {
            Self::Ok => both!("ok", "正常"),
            Self::Warning => both!("warning", "注意"),
            Self::Wrong => both!("WRONG", "要対応"),
        })
    }
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: &str, state: State, detail: Bilingual) {
        let Bilingual { en, ja } = detail;
        self.0.push(Finding { what: what.to_owned(), state, detail: en, detail_ja: Some(ja) });
    }

    /// An error that has English words alone.
    fn add_error(&mut self, what: &str, state: State, error: impl ToString) {
        self.0.push(Finding { what: what.to_owned(), state, detail: error.to_string(), detail_ja: None });
    }

    fn take<T>(&mut self, what: &str, outcome: anyhow::Result<T>) -> Option<T> {
        outcome.map_err(|e| self.add_error(what, State::Wrong, format!("{e:#}"))).ok()
    }
}

impl Check {
    /// Looks at everything, and says all of it at once.
    pub(super) async fn run(self, globals: &Globals) -> Outcome {
        let config = match Config::load(&globals.config_dir()) {
            Ok(config) => config,
            Err(errors) if globals.json() => {
                let wrong = |e: &crate::config::ConfigError| Finding {
                    what: "config".to_owned(),
                    state: State::Wrong,
                    detail: e.to_string(),
                    detail_ja: None,
                };
                let findings: Vec<Finding> = errors.iter().map(wrong).collect();
                Out::new(true, jiff::tz::TimeZone::UTC).answer(&findings, |_| {})?;
                return Ok(Exit::Config);
            }
            Err(errors) => return Err(Failure::from(errors)),
        };
        let mut findings = Findings::default();
        let channels = config.enabled_channels().count();
        let detail = both!(
            "{dir} with {enabled}",
            "{dir}（有効なチャネル {channels}件）",
            enabled = counted(channels, "enabled channel", "enabled channels"),
            dir = config.dir.display()
        );
        findings.add("config", State::Ok, detail);
        for warning in &config.warnings {
            findings.add_error("config", State::Warning, warning);
        }
        if let Some(_templates) = findings.take("mails", app::templates(&config)) {
            let detail = both!(
                "every template was read and tried on a sample order",
                "すべてのテンプレートを読み込み、見本の注文で確認しました"
            );
            findings.add("mails", State::Ok, detail);
        }
        self.check_store(&config, &mut findings).await;
        self.check_mail(&config, &mut findings).await;
        for channel in &config.channels {
            self.check_channel(&config, channel, &mut findings).await;
        }
        let wrong = findings.0.iter().any(|f| f.state == State::Wrong);
        Out::new(globals.json(), config.zone.clone()).answer(&findings.0, |text| {
            let row = |f: &Finding| [f.what.clone(), f.state.word(), f.said()];
            let rows: Vec<_> = findings.0.iter().map(row).collect();
            text.table([left("WHAT"), left("STATE"), left("DETAIL")], &rows);
        })?;
        Ok(if wrong { Exit::Config } else { Exit::Ok })
    }

    async fn check_store(&self, config: &Config, findings: &mut Findings) {
        let url = match config.store_url() {
            Ok(url) => url,
            Err(error) => return findings.add_error("store", State::Wrong, error),
        };
        let path = url.expose().strip_prefix("sqlite:").map(|p| p.trim_start_matches("//").to_owned());
        if path.as_ref().is_some_and(|p| !std::path::Path::new(p).exists()) {
            let detail = both!(
                "there is no store yet; the first `banto run` makes it",
                "データベースはまだありません。最初の `banto run` で作成されます"
            );
            return findings.add("store", State::Ok, detail);
        }
        if self.offline && path.is_none() {
            let detail = both!("PostgreSQL, not asked (--offline)", "PostgreSQL（--offline のため未確認）");
            return findings.add("store", State::Ok, detail);
        }
        let opened = async {
            let store = Store::open(url.expose()).await?;
            store.ping().await?;
            anyhow::Ok(store.engine())
        };
        if let Some(engine) = findings.take("store", opened.await) {
            findings.add("store", State::Ok, both!("{engine} answers", "{engine} に接続できました"));
        }
    }

    async fn check_mail(&self, config: &Config, findings: &mut Findings) {
        let Some(smtp) = findings.take("mail", app::smtp(config)) else { return };
        let Some(smtp) = smtp else {
            let detail = both!(
                "no [mail] in banto.toml: no mail is sent to anybody",
                "banto.toml に [mail] がないため、メールは一切送信されません"
            );
            return findings.add("mail", State::Warning, detail);
        };
        if self.offline {
            let detail =
                both!("the server was not asked (--offline)", "メールサーバーは未確認です（--offline）");
            return findings.add("mail", State::Ok, detail);
        }
        match tokio::time::timeout(Duration::from_secs(30), smtp.probe()).await {
            Ok(Ok(())) => {
                let detail = both!("the server took our log-in", "メールサーバーにログインできました");
                findings.add("mail", State::Ok, detail);
            }
            Ok(Err(verdict)) => {
                let detail = both!("{verdict}", "メールサーバーを使えません: {verdict}");
                findings.add("mail", State::Wrong, detail);
            }
            Err(_) => findings.add("mail", State::Wrong, silent("the server", "メールサーバー")),
        }
    }

    /// Whether the marketplace's own mail server, if its buyers are reached through that alone, takes our mails.
    async fn check_relay(
        &self,
        what: &str,
        config: &Config,
        channel: &ChannelConfig,
        connector: &dyn Connector,
        findings: &mut Findings,
    ) {
        let rules = mail_rules(channel, &MailRules::from_policy(&connector.capabilities().mail_policy));
        if MailKind::ALL.iter().all(|kind| rules.of(*kind).owner != MailOwner::Us) {
            return;
        }
        let Some(Some((relay, smtp))) = findings.take(what, app::relay(config, channel, connector)) else {
            return;
        };
        let (domain, host) = (relay.domain, relay.host);
        let (Some(smtp), Some(from)) = (smtp, sender(config, channel)) else {
            let detail = both!(
                "buyers at {domain} are reached through {host} alone, and there is no log-in for it: write [mail.relay] \
                 with username and password_file, and the registered sender as [mail] from ({source})",
                "{domain} の購入者へのメールは {host} 経由でしか届きませんが、そのログイン情報がありません。[mail.relay] に \
                 username と password_file を、[mail] の from に登録済みの送信元アドレスを設定してください（{source}）",
                source = relay.source
            );
            return findings.add(what, State::Wrong, detail);
        };
        if self.offline {
            let detail = both!(
                "the marketplace's mail server was not asked (--offline)",
                "モールのメールサーバーは未確認です（--offline）"
            );
            return findings.add(what, State::Ok, detail);
        }
        let (state, detail) = match tokio::time::timeout(Duration::from_secs(30), smtp.probe_sender(from))
            .await
        {
            Ok(Ok(())) => (
                State::Ok,
                both!(
                    "{host} takes mails of {from} to {domain}",
                    "{host} は {from} から {domain} へのメールを受け付けます"
                ),
            ),
            Ok(Err(verdict)) => (
                State::Wrong,
                both!(
                    "{host} does not take mails of {from}: {verdict}. It must be registered there",
                    "{host} が {from} からのメールを受け付けません: {verdict}。送信元アドレスをモールに登録してください"
                ),
            ),
            Err(_) => (State::Wrong, silent(host, host)),
        };
        findings.add(what, state, detail);
    }

    async fn check_channel(&self, config: &Config, channel: &ChannelConfig, findings: &mut Findings) {
        let what = format!("channel {}", channel.name);
        if !channel.enabled {
            let detail = both!(
                "not enabled; nothing else was looked at",
                "無効（enabled = false）のため確認していません"
            );
            return findings.add(&what, State::Ok, detail);
        }
        let Some(connector) = findings.take(&what, app::connector(config, channel)) else { return };
        if let Some(set) = &channel.mail.templates {
            match app::templates(config) {
                Ok(templates) if templates.has_set(set) => {}
                _ => {
                    let folder = config.dir.join("mails").join(set);
                    let detail = both!(
                        "mail.templates: there is no template in {folder}",
                        "mail.templates: {folder} にテンプレートがありません",
                        folder = folder.display()
                    );
                    findings.add(&what, State::Wrong, detail);
                }
            }
        }
        policy(&what, channel, connector.as_ref(), findings);
        self.check_relay(&what, config, channel, connector.as_ref(), findings).await;
        if channel.mode == Mode::Observe {
            let detail = both!(
                "mode = \"observe\": it is read and never written, and no mail goes out",
                "mode = \"observe\" のため読み取りだけを行い、書き込みもメール送信もしません"
            );
            findings.add(&what, State::Ok, detail);
        }
        if self.offline {
            let detail = both!(
                "the marketplace was not asked (--offline)",
                "マーケットプレイスは未確認です（--offline）"
            );
            return findings.add(&what, State::Ok, detail);
        }
        check_credentials(&what, config, channel, connector.as_ref(), findings).await;
    }
}

async fn check_credentials(
    what: &str,
    config: &Config,
    channel: &ChannelConfig,
    connector: &dyn Connector,
    findings: &mut Findings,
) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
    let report = match probe(channel, connector, &clock).await {
        Ok(report) => report,
        Err(error) => return findings.add(what, State::Wrong, trouble(&error)),
    };
    let server = if report.server.is_empty() { connector.capabilities().title } else { &report.server };
    findings.add(what, State::Ok, accepted(server));
    if let Some(expires) = report.credentials_expire {
        let now = clock.now();
        let state = if expires < now { State::Warning } else { State::Ok };
        findings.add(what, state, lifetime(expires, now, &config.zone));
    }
    for warning in report.warnings {
        findings.add(what, State::Warning, warning);
    }
}

/// That nobody answered for as long as a mail server is waited for.
fn silent(en: &str, ja: &str) -> Bilingual {
    both!("{en} does not answer within 30 s", "{ja} が30秒以内に応答しません")
}

/// The address that a channel's mails come from.
fn sender<'a>(config: &'a Config, channel: &'a ChannelConfig) -> Option<&'a str> {
    channel.mail.from.as_deref().or_else(|| config.mail.as_ref().map(|mail| mail.from.as_str()))
}

async fn probe(
    channel: &ChannelConfig,
    connector: &dyn Connector,
    clock: &Arc<dyn Clock>,
) -> banto_channel::Result<banto_channel::ProbeReport> {
    let wire = WireConfig {
        retry_time_max: Duration::from_secs(10),
        attempts_max: 2,
        ..WireConfig::new(channel.name.clone(), connector.capabilities().quotas)
    };
    let cx = Cx { http: Arc::new(Wire::new(wire, Arc::clone(clock))?), clock: Arc::clone(clock) };
    connector.probe(&cx).await
}

/// Says who mails the buyer and why, and refuses what the marketplace forbids.
fn policy(what: &str, channel: &ChannelConfig, connector: &dyn Connector, findings: &mut Findings) {
    let MailPolicy { may_widen, source, .. } = connector.capabilities().mail_policy;
    let default = MailRules::from_policy(&connector.capabilities().mail_policy);
    let rules = mail_rules(channel, &default);
    let kinds = [MailKind::Received, MailKind::Paid, MailKind::Shipped, MailKind::Cancelled];
    let (en, ja): (Vec<String>, Vec<String>) =
        kinds.iter().map(|kind| sends(*kind, rules.of(*kind))).map(|Bilingual { en, ja }| (en, ja)).unzip();
    let (en, ja) = (en.join("; "), ja.join("、"));
    let widened =
        kinds.iter().any(|k| rules.of(*k).owner == MailOwner::Us && default.of(*k).owner != MailOwner::Us);
    if widened && !may_widen {
        let detail = both!(
            "[mail]: this marketplace does not let us mail its buyers ({source}); remove \"us\"",
            "[mail]: このモールでは購入者に直接メールを送れません（{source}）。\"us\" を外してください"
        );
        findings.add(what, State::Wrong, detail);
    } else if widened {
        let detail = both!(
            "mails: {en}. Where the channel used to mail and the config now says \"us\", switch the channel's own mail \
             off, or the buyer gets two ({source})",
            "メール: {ja}。これまでモール（ショップ）が送っていた種類を \"us\" にした場合は、モール側のメールを止めてください。\
             止めないと購入者に2通届きます（{source}）"
        );
        findings.add(what, State::Warning, detail);
    } else {
        findings.add(what, State::Ok, both!("mails: {en} ({source})", "メール: {ja}（{source}）"));
    }
}

/// Who sends one kind of mail.
fn sends(kind: MailKind, rule: MailRule) -> Bilingual {
    let kind = match kind {
        MailKind::Received => both!("received", "注文受付"),
        MailKind::Reminder => both!("reminder", "入金のお願い"),
        MailKind::Paid => both!("paid", "入金確認"),
        MailKind::Shipped => both!("shipped", "発送"),
        MailKind::Cancelled => both!("cancelled", "キャンセル"),
    };
    let owner = match rule.owner {
        MailOwner::Us => both!("by us", "bantoが送信"),
        MailOwner::Channel => both!("by the channel", "モール（ショップ）が送信"),
        MailOwner::Nobody => both!("by nobody", "送信なし"),
    };
    let (en, ja) = if rule.by_hand { (", by hand", "・手動") } else { ("", "") };
    Bilingual { en: format!("{kind} {owner}{en}"), ja: format!("{}は{}{ja}", kind.ja, owner.ja) }
}
