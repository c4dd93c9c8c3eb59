//! `banto check`: every file, key and credential of the config, before the daemon is started with it.

use std::sync::Arc;
use std::time::Duration;

use banto_channel::{Clock, Connector, Cx, MailOwner, MailPolicy};
use banto_wire::{Wire, WireConfig};
use clap::Args;
use serde::Serialize;

use super::words::remedy;
use super::{Exit, Failure, Globals, Out, Outcome, left};
use crate::app;
use crate::channels::mail_rules;
use crate::clock::SystemClock;
use crate::config::{ChannelConfig, Config, Mode};
use crate::domain::mail_policy::{MailKind, MailRules};
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Wrong,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Wrong => "WRONG",
        }
    }
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: impl Into<String>, state: State, detail: impl Into<String>) {
        self.0.push(Finding { what: what.into(), state, detail: detail.into() });
    }

    fn take<T>(&mut self, what: &str, outcome: anyhow::Result<T>) -> Option<T> {
        outcome.map_err(|e| self.add(what, State::Wrong, format!("{e:#}"))).ok()
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
                };
                let findings: Vec<Finding> = errors.iter().map(wrong).collect();
                Out::new(true, jiff::tz::TimeZone::UTC).answer(&findings, |_| {})?;
                return Ok(Exit::Config);
            }
            Err(errors) => return Err(Failure::from(errors)),
        };
        let mut findings = Findings::default();
        let channels = config.enabled_channels().count();
        let detail = format!("{} with {channels} enabled channels", config.dir.display());
        findings.add("config", State::Ok, detail);
        for warning in &config.warnings {
            findings.add("config", State::Warning, warning.to_string());
        }
        if let Some(_templates) = findings.take("mails", app::templates(&config)) {
            findings.add("mails", State::Ok, "every template was read and tried on a sample order");
        }
        self.check_store(&config, &mut findings).await;
        self.check_mail(&config, &mut findings).await;
        for channel in &config.channels {
            self.check_channel(&config, channel, &mut findings).await;
        }
        let wrong = findings.0.iter().any(|f| f.state == State::Wrong);
        Out::new(globals.json(), config.zone.clone()).answer(&findings.0, |text| {
            let row = |f: &Finding| [f.what.clone(), f.state.word().to_owned(), f.detail.clone()];
            let rows: Vec<_> = findings.0.iter().map(row).collect();
            text.table([left("WHAT"), left("STATE"), left("DETAIL")], &rows);
        })?;
        Ok(if wrong { Exit::Config } else { Exit::Ok })
    }

    async fn check_store(&self, config: &Config, findings: &mut Findings) {
        let url = match config.store_url() {
            Ok(url) => url,
            Err(error) => return findings.add("store", State::Wrong, error.to_string()),
        };
        let path = url.expose().strip_prefix("sqlite:").map(|p| p.trim_start_matches("//").to_owned());
        if path.as_ref().is_some_and(|p| !std::path::Path::new(p).exists()) {
            let detail = "there is no store yet; the first `banto run` makes it";
            return findings.add("store", State::Ok, detail);
        }
        if self.offline && path.is_none() {
            return findings.add("store", State::Ok, "PostgreSQL, not asked (--offline)");
        }
        let opened = async {
            let store = Store::open(url.expose()).await?;
            store.ping().await?;
            anyhow::Ok(store.engine())
        };
        if let Some(engine) = findings.take("store", opened.await) {
            findings.add("store", State::Ok, format!("{engine} answers"));
        }
    }

    async fn check_mail(&self, config: &Config, findings: &mut Findings) {
        let Some(smtp) = findings.take("mail", app::smtp(config)) else { return };
        let Some(smtp) = smtp else {
            let detail = "no [mail] in banto.toml: no mail is sent to anybody";
            return findings.add("mail", State::Warning, detail);
        };
        if self.offline {
            return findings.add("mail", State::Ok, "the server was not asked (--offline)");
        }
        match tokio::time::timeout(Duration::from_secs(30), smtp.probe()).await {
            Ok(Ok(())) => findings.add("mail", State::Ok, "the server took our log-in"),
            Ok(Err(verdict)) => findings.add("mail", State::Wrong, verdict.to_string()),
            Err(_) => findings.add("mail", State::Wrong, "the server does not answer within 30 s"),
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
            let detail = format!(
                "buyers at {domain} are reached through {host} alone, and there is no log-in for it: write [mail.relay] \
                 with username and password_file, and the registered sender as [mail] from ({})",
                relay.source
            );
            return findings.add(what, State::Wrong, detail);
        };
        if self.offline {
            return findings.add(what, State::Ok, "the marketplace's mail server was not asked (--offline)");
        }
        match tokio::time::timeout(Duration::from_secs(30), smtp.probe_sender(from)).await {
            Ok(Ok(())) => findings.add(what, State::Ok, format!("{host} takes mails of {from} to {domain}")),
            Ok(Err(verdict)) => {
                let detail =
                    format!("{host} does not take mails of {from}: {verdict}. It must be registered there");
                findings.add(what, State::Wrong, detail);
            }
            Err(_) => findings.add(what, State::Wrong, format!("{host} does not answer within 30 s")),
        }
    }

    async fn check_channel(&self, config: &Config, channel: &ChannelConfig, findings: &mut Findings) {
        let what = format!("channel {}", channel.name);
        if !channel.enabled {
            return findings.add(what, State::Ok, "not enabled; nothing else was looked at");
        }
        let Some(connector) = findings.take(&what, app::connector(config, channel)) else { return };
        if let Some(set) = &channel.mail.templates {
            match app::templates(config) {
                Ok(templates) if templates.has_set(set) => {}
                _ => {
                    let folder = config.dir.join("mails").join(set);
                    let detail = format!("mail.templates: there is no template in {}", folder.display());
                    findings.add(&what, State::Wrong, detail);
                }
            }
        }
        policy(&what, channel, connector.as_ref(), findings);
        self.check_relay(&what, config, channel, connector.as_ref(), findings).await;
        if channel.mode == Mode::Observe {
            findings.add(
                &what,
                State::Ok,
                "mode = \"observe\": it is read and never written, and no mail goes out",
            );
        }
        if self.offline {
            return findings.add(what, State::Ok, "the marketplace was not asked (--offline)");
        }
        match probe(channel, connector.as_ref()).await {
            Ok(report) => {
                let server =
                    if report.server.is_empty() { connector.capabilities().title } else { &report.server };
                findings.add(&what, State::Ok, format!("{server} takes our credentials"));
                for warning in report.warnings {
                    findings.add(&what, State::Warning, warning);
                }
            }
            Err(error) => {
                let detail = format!("{}: {error}", remedy(error.kind));
                findings.add(&what, State::Wrong, detail);
            }
        }
    }
}

/// The address that a channel's mails come from.
fn sender<'a>(config: &'a Config, channel: &'a ChannelConfig) -> Option<&'a str> {
    channel.mail.from.as_deref().or_else(|| config.mail.as_ref().map(|mail| mail.from.as_str()))
}

async fn probe(
    channel: &ChannelConfig,
    connector: &dyn Connector,
) -> banto_channel::Result<banto_channel::ProbeReport> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(Duration::ZERO));
    let wire = WireConfig {
        retry_time_max: Duration::from_secs(10),
        attempts_max: 2,
        ..WireConfig::new(channel.name.clone(), connector.capabilities().quotas)
    };
    let cx = Cx { http: Arc::new(Wire::new(wire, Arc::clone(&clock))?), clock };
    connector.probe(&cx).await
}

/// Says who mails the buyer and why, and refuses what the marketplace forbids.
fn policy(what: &str, channel: &ChannelConfig, connector: &dyn Connector, findings: &mut Findings) {
    let MailPolicy { may_widen, source, .. } = connector.capabilities().mail_policy;
    let default = MailRules::from_policy(&connector.capabilities().mail_policy);
    let rules = mail_rules(channel, &default);
    let kinds = [MailKind::Received, MailKind::Paid, MailKind::Shipped, MailKind::Cancelled];
    let said: Vec<String> = kinds
        .iter()
        .map(|kind| {
            let hand = if rules.of(*kind).by_hand { ", by hand" } else { "" };
            format!("{} {}{hand}", kind.name(), owner(rules.of(*kind).owner))
        })
        .collect();
    let widened =
        kinds.iter().any(|k| rules.of(*k).owner == MailOwner::Us && default.of(*k).owner != MailOwner::Us);
    if widened && !may_widen {
        let detail =
            format!("[mail]: this marketplace does not let us mail its buyers ({source}); remove \"us\"");
        findings.add(what, State::Wrong, detail);
    } else if widened {
        let detail = format!(
            "mails: {}. Where the channel used to mail and the config now says \"us\", switch the channel's own mail \
             off, or the buyer gets two ({source})",
            said.join("; ")
        );
        findings.add(what, State::Warning, detail);
    } else {
        findings.add(what, State::Ok, format!("mails: {} ({source})", said.join("; ")));
    }
}

const fn owner(owner: MailOwner) -> &'static str {
    match owner {
        MailOwner::Us => "by us",
        MailOwner::Channel => "by the channel",
        MailOwner::Nobody => "by nobody",
    }
}
