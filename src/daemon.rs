//! The daemon: start, run, reload, stop.
//!
//! What depends on the config runs as one generation of tasks; a reload ends that generation and starts the next
//! from the new config, on the same open store.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use banto_channel::{Clock, Webhook};
use tokio_util::sync::CancellationToken;

use crate::app::{self, App, Running};
use crate::clock::SystemClock;
use crate::config::{Config, Effect};
use crate::domain::counted::counted;
use crate::lifecycle::{ExitReason, Lifecycle, Reload};
use crate::log::LogHandle;
use crate::store::Store;
use crate::watch::{Told, Watchman};
use crate::web::screen::Desk;
use crate::web::{self, HookAnswer, HookSink, Metrics, Readiness, WebState};

/// The generation that runs now, for those who outlive it.
#[derive(Clone, Debug)]
pub struct Current {
    app: Arc<RwLock<App>>,
    life: Lifecycle,
}

impl Current {
    /// The generation that runs now.
    #[must_use]
    pub fn app(&self) -> App {
        self.app.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn replace(&self, app: App) {
        *self.app.write().unwrap_or_else(PoisonError::into_inner) = app;
    }
}

/// A channel that is away is its own affair; a store that takes no order in is everybody's.
#[async_trait]
impl Readiness for Current {
    fn name(&self) -> &str {
        "intake"
    }

    async fn ready(&self) -> Result<(), String> {
        let still = |r: &Running| Some(format!("{}: {}", r.channel.name, r.signals.stands_still()?));
        let still: Vec<String> = self.app().channels.iter().filter_map(still).collect();
        if still.is_empty() { Ok(()) } else { Err(still.join("; ")) }
    }
}

impl web::screen::House for Current {
    fn app(&self) -> App {
        Self::app(self)
    }

    fn reload(&self) {
        self.life.reload();
    }
}

#[async_trait]
impl HookSink for Current {
    async fn receive(&self, channel: &str, hook: &Webhook<'_>) -> HookAnswer {
        let app = self.app();
        let Some(running) = app.running(channel).filter(|r| r.channel.connector.capabilities().webhooks)
        else {
            return HookAnswer::UnknownChannel;
        };
        match running.channel.connector.verify_webhook(hook) {
            Ok(()) if hook.body.starts_with(b"webhook_id=") => HookAnswer::Ignored,
            Ok(()) => {
                running.signals.pull_now();
                HookAnswer::Accepted
            }
            Err(error) => {
                tracing::warn!(channel, error = %error, "webhook refused");
                HookAnswer::Forged
            }
        }
    }
}

/// A daemon that has been started.
#[derive(Debug)]
pub struct Daemon {
    life: Lifecycle,
    current: Current,
    generation: CancellationToken,
    clock: Arc<SystemClock>,
    address: std::net::SocketAddr,
    told: Told,
}

impl Daemon {
    /// Starts everything on an open store whose schema is this program's.
    ///
    /// Errors: a config that cannot work, an address that cannot be listened on.
    pub async fn start(
        config: Config,
        store: Store,
        life: Lifecycle,
        metrics: Metrics,
    ) -> anyhow::Result<Self> {
        let tolerance = Duration::from_secs(u64::from(config.guard.clock_back_seconds));
        let clock = Arc::new(SystemClock::new(tolerance));
        let listener = web::bind(config.web.listen).await?;
        let address = listener.local_addr()?;
        let app = App::build(config, store.clone(), Arc::clone(&clock) as Arc<dyn Clock>).await?;
        app.take_over(clock.now()).await?;
        if let Err(fault) = app.key.suits(&store).await {
            tracing::error!(error = %fault, "one-time codes cannot be checked, and webhooks wait");
        }
        web::screen::announce(&store, address, clock.now()).await?;
        let current = Current { app: Arc::new(RwLock::new(app)), life: life.clone() };
        let state = WebState {
            checks: vec![Arc::new(store.clone()), Arc::new(current.clone())],
            hooks: Arc::new(current.clone()),
            metrics,
            desk: Some(Desk::new(Arc::new(current.clone()), life.soft())),
        };
        let (router, stop) = (web::router(state), life.soft());
        life.spawn("web", async move {
            if let Err(error) = web::serve(listener, router, stop).await {
                tracing::error!(error = %error, "web stopped");
            }
        });
        let (followed, time, stop) = (store.clone(), Arc::clone(&clock) as Arc<dyn Clock>, life.soft());
        life.keep("projection", move || {
            app::follow_orders(followed.clone(), Arc::clone(&time), stop.clone())
        });
        life.run_watchdog(move || {
            let store = store.clone();
            async move { store.ping().await }
        });
        let (generation, told) = (CancellationToken::new(), Told::default());
        let mut daemon = Self { life, current, generation, clock, address, told };
        daemon.begin();
        Ok(daemon)
    }

    /// Where the web listens.
    #[must_use]
    pub const fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// The generation that runs now.
    #[must_use]
    pub const fn current(&self) -> &Current {
        &self.current
    }

    fn begin(&mut self) {
        self.generation = self.life.soft().child_token();
        let app = self.current.app();
        app.start_channels(&self.life, &self.generation);
        app.start_lanes(&self.life, &self.generation);
        let watchman = Watchman::new(app, Arc::clone(&self.clock), self.told.clone());
        let stop = self.generation.clone();
        self.life.keep("watchman", move || watchman.clone().run(stop.clone()));
    }

    fn status(&self) -> String {
        let app = self.current.app();
        let live = app.channels.iter().filter(|r| r.channel.live).count();
        format!("{}, {live} of them live", counted(app.channels.len(), "channel", "channels"))
    }

    /// Reads the config again and goes on with it; with the old one if the new one is wrong.
    async fn reload(&mut self, dir: &Path, log: Option<&LogHandle>, reload: Reload) {
        let outcome = self.try_reload(dir, log).await;
        match outcome {
            Ok(()) => reload.done(&self.status()),
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the config was not reloaded; the old one stays in force"
                );
                reload.done(&format!("{}; the last reload failed, see the log", self.status()));
            }
        }
    }

    async fn try_reload(&mut self, dir: &Path, log: Option<&LogHandle>) -> anyhow::Result<()> {
        let config = load(dir)?;
        let old = self.current.app();
        let changes = old.config.diff(&config);
        if changes.is_empty() && app::templates(&config)?.same_as(&old.templates) {
            tracing::info!("config reloaded: nothing changed");
            return Ok(());
        }
        // Built before the old generation ends: a config that cannot work changes nothing.
        let level = config.log.level.clone();
        let mut app = App::build(config, old.store.clone(), Arc::clone(&old.clock)).await?;
        app.follow(&old);
        for change in &changes {
            let later = change.effect == Effect::Restart;
            tracing::info!(change = %change, at_next_start = later, "config changed");
        }
        if let Some(log) = log {
            log.set_level(&level)?;
        }
        self.generation.cancel();
        self.current.replace(app);
        self.begin();
        Ok(())
    }

    /// Runs until a signal or `Lifecycle::stop` ends it. Every hop then has ten seconds.
    pub async fn run(mut self, dir: &Path, log: Option<&LogHandle>) -> ExitReason {
        let mut reloads = self.life.reloads();
        let soft = self.life.soft();
        self.life.ready(&self.status());
        tracing::info!(version = env!("CARGO_PKG_VERSION"), status = self.status(), "banto is up");
        loop {
            tokio::select! {
                () = soft.cancelled() => break,
                Some(reload) = reloads.recv() => self.reload(dir, log, reload).await,
            }
        }
        let app = self.current.app();
        let reason = self.life.wait().await;
        if let Some(smtp) = &app.smtp {
            // A server that does not answer the goodbye must not hold up the end.
            let _ = tokio::time::timeout(Duration::from_secs(1), smtp.close()).await;
        }
        app.store.close().await;
        reason
    }
}

fn load(dir: &Path) -> anyhow::Result<Config> {
    Config::load(dir).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{}", lines.join("\n"))
    })
}

/// Runs the daemon of a config folder until it is told to stop. The config has been loaded once, so that its errors
/// came out before anything started.
///
/// Errors: whatever keeps it from starting.
pub async fn run(config: Config) -> anyhow::Result<ExitReason> {
    let log = crate::log::init(&config.log.level, config.log.format).context("log")?;
    let metrics = Metrics::install().context("metrics")?;
    let dir: PathBuf = config.dir.clone();
    let life = Lifecycle::new();
    life.catch_signals()?;
    let (store, _lock) = app::open_store(&config).await?;
    store.migrate().await?;
    let daemon = Daemon::start(config, store, life, metrics).await?;
    Ok(daemon.run(&dir, Some(&log)).await)
}
