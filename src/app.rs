//! Where things are joined: config, store, channels, mail, queue, web. The daemon and the demo start here.

mod owner;
mod projected;
mod turn;

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use banto_channel::{Clock, Connector, Http, MailRelay, Timestamp};
use banto_wire::{Wire, WireConfig};
use tokio_util::sync::CancellationToken;

use crate::channels::task::{Signals, Task};
use crate::channels::{Channel, registry};
use crate::config::{ChannelConfig, Config, Tls};
use crate::keys::house::KeyFile;
use crate::lifecycle::Lifecycle;
use crate::mail::{Smtp, SmtpConfig, Templates, TlsMode};
use crate::queue::compose::MailRoom;
use crate::queue::mail_lane::{MailLane, Post, Relay};
use crate::queue::notice_lane::NoticeLane;
use crate::queue::webhook_lane::{self, Switchboard};
use crate::queue::{Lane, QueueCx, run_lane};
use crate::store::{Lease, Store};
use crate::web::Readiness;

pub use projected::follow_orders;
pub use turn::alone;

/// How long a daemon has a channel before it must say again that it lives.
const LEASE: Duration = Duration::from_secs(12);
/// How often it says so.
const LEASE_RENEWAL: Duration = Duration::from_secs(3);

/// One channel with what belongs to its running.
#[derive(Clone, Debug)]
pub struct Running {
    /// The channel.
    pub channel: Arc<Channel>,
    /// What wakes its tasks.
    pub signals: Arc<Signals>,
    /// Its way out, for the counts.
    pub wire: Arc<Wire>,
    /// The way to its buyers, if the marketplace masks their addresses.
    pub relay: Option<Relay>,
}

/// Everything that runs, joined.
#[derive(Clone, Debug)]
pub struct App {
    /// The config in force.
    pub config: Arc<Config>,
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Enabled channels.
    pub channels: Vec<Running>,
    /// The mail server; `None` when the config names none.
    pub smtp: Option<Arc<Smtp>>,
    /// Mail templates.
    pub templates: Arc<Templates>,
    /// The key from which secrets are derived that banto hands out.
    pub key: KeyFile,
    /// Who this process is among several daemons.
    pub owner: String,
}

impl App {
    /// Builds everything from a config and an open, migrated store. Nothing runs yet, and nothing is sent.
    ///
    /// Errors: a connector's config that cannot work, a template that cannot be read, a mail server's set-up.
    pub async fn build(config: Config, store: Store, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let (templates, smtp) = (templates(&config)?, smtp(&config)?);
        // Opening a channel writes its mode: one that cannot work must not leave those before it half changed.
        let ways: anyhow::Result<Vec<_>> = config
            .enabled_channels()
            .map(|channel| Ok((channel, Way::of(&config, channel, &clock)?)))
            .collect();
        let mut channels = Vec::new();
        for (channel, way) in ways? {
            channels.push(way.open(&config, &store, &clock, channel).await?);
        }
        Ok(Self {
            smtp: smtp.map(Arc::new),
            templates: Arc::new(templates),
            key: KeyFile::of(&config),
            owner: owner::this(),
            channels,
            config: Arc::new(config),
            store,
            clock,
        })
    }

    /// Builds one channel of the config.
    ///
    /// Errors: as [`App::build`].
    pub async fn channel(
        config: &Config,
        store: &Store,
        clock: &Arc<dyn Clock>,
        channel: &ChannelConfig,
    ) -> anyhow::Result<Running> {
        Way::of(config, channel, clock)?.open(config, store, clock, channel).await
    }

    /// Has each channel that `before` runs, too, push only when that has ended.
    pub fn follow(&mut self, before: &Self) {
        for running in &mut self.channels {
            if let Some(old) = before.running(&running.channel.name) {
                running.signals = Arc::new(old.signals.next());
            }
        }
    }

    /// The channel of that name.
    #[must_use]
    pub fn running(&self, name: &str) -> Option<&Running> {
        self.channels.iter().find(|r| r.channel.name == name)
    }

    /// Starts the tasks of every channel; they end with `stop`.
    pub fn start_channels(&self, life: &Lifecycle, stop: &CancellationToken) {
        for running in &self.channels {
            let (app, running, stop) = (self.clone(), running.clone(), stop.clone());
            life.keep(format!("channel {}", running.channel.name), move || {
                let task = Task {
                    channel: Arc::clone(&running.channel),
                    store: app.store.clone(),
                    signals: Arc::clone(&running.signals),
                    stop: stop.child_token(),
                };
                app.clone().run_leased(task, stop.clone())
            });
        }
    }

    /// Starts the lanes of the queue: mails, what each channel is told, and webhooks; they end with `stop`.
    pub fn start_lanes(&self, life: &Lifecycle, stop: &CancellationToken) {
        let owner = self.owner.as_str().into();
        let cx = QueueCx { store: self.store.clone(), clock: Arc::clone(&self.clock), owner };
        if let Some(smtp) = &self.smtp {
            let composer = Arc::new(MailRoom::new(Arc::clone(&self.config), Arc::clone(&self.templates)));
            let lane = MailLane::new(composer, Arc::clone(smtp) as Arc<dyn Post>);
            let relays = self.channels.iter().filter_map(|running| running.relay.clone());
            let lane = relays.fold(lane, MailLane::with_relay);
            keep_lane(life, Arc::new(lane), &cx, stop);
        }
        for running in &self.channels {
            let channel = &running.channel;
            let connector = Arc::clone(&channel.connector);
            let lane = NoticeLane::new(&channel.name, connector, channel.cx.clone());
            let lane: Arc<dyn Lane> = Arc::new(lane.waking(Arc::clone(&running.signals)));
            keep_lane(life, lane, &cx, stop);
        }
        let reach = webhook_lane::reach(&self.config.web);
        let (switchboard, stop) = (Switchboard { cx, reach, key: self.key.clone() }, stop.clone());
        life.keep("webhooks", move || switchboard.clone().run(stop.clone()));
    }

    /// Has what daemons that have ended were working on go on now, instead of when their claims run out. Of daemons on
    /// other machines nothing is concluded.
    ///
    /// Errors: the store's.
    pub async fn take_over(&self, now: Timestamp) -> crate::store::Result<()> {
        // Only one daemon has a SQLite file, and here it is.
        let alone = self.store.engine() == "sqlite";
        let is_gone = |other: Option<&str>| match other {
            Some(other) if other == self.owner => false,
            other => alone || other.is_some_and(owner::is_gone),
        };
        let jobs = self.store.release_claims(is_gone, now).await?;
        if jobs > 0 {
            tracing::info!(jobs, "the daemon that had claimed these jobs has ended; they are due again");
        }
        Ok(())
    }

    /// Runs a channel's tasks whenever no other daemon does, until it is stopped.
    async fn run_leased(self, task: Task, stop: CancellationToken) {
        while !stop.is_cancelled() && self.await_lease(&task, &stop).await {
            self.hold_lease(&task).await;
        }
    }

    /// Waits until the channel is ours; `false` when it is time to stop.
    async fn await_lease(&self, task: &Task, stop: &CancellationToken) -> bool {
        let name = task.channel.name.as_str();
        loop {
            match self.lease(task).await {
                Ok(true) => return true,
                Ok(false) => tracing::info!(channel = name, "another daemon runs this channel"),
                Err(error) => tracing::warn!(channel = name, error = %error, "the store does not answer"),
            }
            tokio::select! {
                () = stop.cancelled() => return false,
                () = tokio::time::sleep(LEASE_RENEWAL) => {}
            }
        }
    }

    /// Runs the channel's tasks until they are stopped or another daemon has taken it over.
    async fn hold_lease(&self, task: &Task) {
        let name = task.channel.name.as_str();
        let work = async {
            tokio::join!(
                Box::pin(task.clone().run_pull()),
                Box::pin(task.clone().run_push()),
                Box::pin(task.clone().run_upkeep())
            );
        };
        let keep = async {
            loop {
                tokio::time::sleep(LEASE_RENEWAL).await;
                if matches!(self.lease(task).await, Ok(false)) {
                    return;
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = keep => tracing::warn!(channel = name, "another daemon took this channel over"),
        }
        if task.signals.is_followed() {
            // The next generation has the lease under the same name, and to give it back would take it from that.
            return;
        }
        if let Err(error) = self.store.unlease_channel(task.channel.id, &self.owner).await {
            tracing::debug!(channel = name, error = %error, "the lease will run out by itself");
        }
    }

    async fn lease(&self, task: &Task) -> crate::store::Result<bool> {
        if self.store.engine() == "sqlite" {
            // The lock beside the file keeps other daemons away, and dies with its process.
            return Ok(true);
        }
        let now = self.clock.now();
        let lease = Lease { channel: task.channel.id, owner: &self.owner, until: now.plus(LEASE) };
        if self.store.lease_channel(&lease, now).await? {
            return Ok(true);
        }
        let row = self.store.channel(&task.channel.name).await?;
        let Some(gone) = row.owner.filter(|other| owner::is_gone(other)) else { return Ok(false) };
        tracing::info!(
            channel = row.name,
            gone,
            "the daemon that ran this channel has ended; this one takes over"
        );
        self.store.unlease_channel(row.id, &gone).await?;
        self.store.lease_channel(&lease, now).await
    }
}

/// A channel's way to its marketplace and its buyers, made from the config alone.
struct Way {
    connector: Arc<dyn Connector>,
    wire: Arc<Wire>,
    relay: Option<Relay>,
}

impl Way {
    fn of(config: &Config, channel: &ChannelConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let connector = connector(config, channel)?;
        let wire = Arc::new(wire(channel, connector.as_ref(), clock)?);
        let relay = relay(config, channel, connector.as_ref())?.map(|(relay, smtp)| Relay {
            channel: channel.name.clone(),
            domain: relay.domain.to_owned(),
            post: smtp.map(|smtp| Arc::new(smtp) as Arc<dyn Post>),
        });
        Ok(Self { connector, wire, relay })
    }

    async fn open(
        self,
        config: &Config,
        store: &Store,
        clock: &Arc<dyn Clock>,
        channel: &ChannelConfig,
    ) -> anyhow::Result<Running> {
        let Self { connector, wire, relay } = self;
        let http: Arc<dyn Http> = Arc::clone(&wire) as Arc<dyn Http>;
        let channel = Channel::open(store, config, channel, (connector, http, Arc::clone(clock))).await?;
        Ok(Running { channel: Arc::new(channel), signals: Arc::default(), wire, relay })
    }
}

fn keep_lane(life: &Lifecycle, lane: Arc<dyn Lane>, cx: &QueueCx, stop: &CancellationToken) {
    let (cx, stop) = (cx.clone(), stop.clone());
    life.keep(format!("lane {}", lane.name()), move || run_lane(Arc::clone(&lane), cx.clone(), stop.clone()));
}

/// The connector of a channel.
///
/// Errors: what its config lacks, with the file's name.
pub fn connector(config: &Config, channel: &ChannelConfig) -> anyhow::Result<Arc<dyn Connector>> {
    let secret = |named: &str| config.secrets.for_connector(named);
    registry::build(&channel.kind, &channel.connector, &secret).map_err(|error| {
        let known = registry::KINDS.iter().any(|kind| kind.name == channel.kind);
        let problem = match known {
            true => config.connector_problem(&channel.name, &error.message),
            false => config.problem(Some(&channel.name), "kind", error.message, ""),
        };
        problem.into()
    })
}

fn wire(channel: &ChannelConfig, connector: &dyn Connector, clock: &Arc<dyn Clock>) -> anyhow::Result<Wire> {
    let config = WireConfig {
        quota_percent: channel.limits.percent,
        ..WireConfig::new(channel.name.clone(), connector.capabilities().quotas)
    };
    Wire::new(config, Arc::clone(clock)).with_context(|| format!("channel {}", channel.name))
}

/// The mail templates: the shipped ones, and over them those in the config's folder, if it has any.
///
/// Errors: a template that cannot be read or rendered, with its file and line.
pub fn templates(config: &Config) -> anyhow::Result<Templates> {
    let own = config.dir.join("mails");
    Templates::load(own.is_dir().then_some(own.as_path())).context("mail templates")
}

/// The mail server of the config; `None` when it names none.
///
/// Errors: a password file that cannot be read, a TLS set-up that cannot work.
pub fn smtp(config: &Config) -> anyhow::Result<Option<Smtp>> {
    let Some(mail) = &config.mail else { return Ok(None) };
    let tls = match mail.tls {
        Tls::Implicit => TlsMode::Implicit,
        Tls::Starttls => TlsMode::StartTls,
        Tls::None => TlsMode::None,
    };
    let password = mail.password_file.as_deref().map(|f| config.secrets.read(f)).transpose()?;
    let smtp = SmtpConfig {
        username: mail.username.clone().unwrap_or_default(),
        password,
        connections: usize::from(mail.connections.max(1)),
        ca_file: mail.ca_file.as_deref().map(|f| config.secrets.path(f)),
        ..SmtpConfig::new(&mail.host, mail.port(), tls)
    };
    Ok(Some(Smtp::new(&smtp).context("[mail] in banto.toml")?))
}

/// The mail server of a channel's marketplace, for buyers whose addresses it masks; `None` where it masks none.
///
/// Errors: as [`smtp`].
pub fn relay(
    config: &Config,
    channel: &ChannelConfig,
    connector: &dyn Connector,
) -> anyhow::Result<Option<(MailRelay, Option<Smtp>)>> {
    let Some(relay) = connector.capabilities().mail_relay else { return Ok(None) };
    let Some(login) = &channel.mail.relay else { return Ok(Some((relay, None))) };
    let host = login.host.as_deref().unwrap_or(relay.host);
    let smtp = SmtpConfig {
        username: login.username.clone(),
        password: Some(config.secrets.read(&login.password_file)?),
        // The marketplace does not say how many it takes at once.
        connections: 1,
        ca_file: login.ca_file.as_deref().map(|f| config.secrets.path(f)),
        ..SmtpConfig::new(host, login.port.unwrap_or(relay.port), TlsMode::StartTls)
    };
    let smtp = Smtp::new(&smtp).with_context(|| format!("[mail.relay] of the channel {}", channel.name))?;
    Ok(Some((relay, Some(smtp))))
}

/// Opens the store of a config, and keeps a second daemon from the same SQLite file.
///
/// Errors: the store cannot be reached; another daemon has it.
pub async fn open_store(config: &Config) -> anyhow::Result<(Store, Option<File>)> {
    let lock = turn::daemons_lock(config).await?;
    Ok((Store::open(config.store_url()?.expose()).await?, lock))
}

#[async_trait]
impl Readiness for Store {
    fn name(&self) -> &str {
        "store"
    }

    async fn ready(&self) -> Result<(), String> {
        self.ping().await.map_err(|e| e.to_string())
    }
}
