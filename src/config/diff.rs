//! What a reload would change, key by key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::sheet::quoted;
use super::{ChannelConfig, Config};

/// Sections and keys that are read once, at the start.
const READ_AT_START: [&str; 6] =
    ["store.", "shop.", "web.listen", "web.allow_remote", "log.format", "guard.clock_back_seconds"];

/// When a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// With this reload.
    Now,
    /// With the next start.
    Restart,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now => "now",
            Self::Restart => "restart",
        })
    }
}

/// One key that differs. Secrets show only that they changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `web.listen`, or `channels.honten.stock.buffer`.
    pub path: String,
    /// As TOML; `None` where the key was not set.
    pub before: Option<String>,
    /// As TOML; `None` where the key is not set any more.
    pub after: Option<String>,
    /// When it takes effect.
    pub effect: Effect,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) =
            (self.before.as_deref().unwrap_or("nothing"), self.after.as_deref().unwrap_or("nothing"));
        write!(f, "{}: {before} -> {after}", self.path)?;
        if self.effect == Effect::Restart { f.write_str(" (takes effect at the next start)") } else { Ok(()) }
    }
}

impl Config {
    /// What differs in `new`, in the order of the keys. A channel that came or went is one change.
    #[must_use]
    pub fn diff(&self, new: &Self) -> Vec<Change> {
        let (before, after) = (self.shown(), new.shown());
        let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let mut changes: Vec<Change> = paths
            .into_iter()
            .filter(|path| before.get(*path) != after.get(*path))
            .map(|path| Change {
                path: path.clone(),
                before: before.get(path).cloned(),
                after: after.get(path).cloned(),
                effect: effect_of(path),
            })
            .collect();
        for (name, print) in &new.prints {
            if self.prints.get(name).is_some_and(|old| old != print) {
                changes.push(Change {
                    path: name.clone(),
                    before: Some("(the file's content)".into()),
                    after: Some("(changed)".into()),
                    effect: effect_of(name),
                });
            }
        }
        let gone = only_in(&self.channels, new).map(|c| came_or_went(c, true));
        let came = only_in(&new.channels, self).map(|c| came_or_went(c, false));
        let whole: Vec<Change> = gone.chain(came).collect();
        changes.retain(|c| !whole.iter().any(|w| c.path.starts_with(&format!("{}.", w.path))));
        changes.extend(whole);
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        changes
    }

    /// Every key with its value as TOML. No secret is among them: the text that was read holds none.
    fn shown(&self) -> BTreeMap<String, String> {
        #[derive(Serialize)]
        struct Shown<'a> {
            store: &'a super::StoreConfig,
            shop: &'a super::ShopConfig,
            web: &'a super::WebConfig,
            mail: &'a Option<super::MailConfig>,
            log: &'a super::LogConfig,
            alerts: &'a super::AlertsConfig,
            guard: &'a super::GuardConfig,
            retention: &'a super::RetentionConfig,
            channels: BTreeMap<&'a str, &'a ChannelConfig>,
        }
        let shown = Shown {
            store: &self.store,
            shop: &self.shop,
            web: &self.web,
            mail: &self.mail,
            log: &self.log,
            alerts: &self.alerts,
            guard: &self.guard,
            retention: &self.retention,
            channels: self.channels.iter().map(|c| (c.name.as_str(), c)).collect(),
        };
        let mut flat = BTreeMap::new();
        // What came from TOML can be written as TOML again.
        flatten(&toml::Table::try_from(shown).unwrap_or_default(), "", &mut flat);
        flat
    }
}

fn only_in<'a>(channels: &'a [ChannelConfig], other: &Config) -> impl Iterator<Item = &'a ChannelConfig> {
    channels.iter().filter(|c| other.channel(&c.name).is_none())
}

fn came_or_went(channel: &ChannelConfig, went: bool) -> Change {
    let words = Some(format!("({} channel)", channel.kind));
    let (before, after) = if went { (words, None) } else { (None, words) };
    Change { path: format!("channels.{}", channel.name), before, after, effect: Effect::Now }
}

fn flatten(table: &toml::Table, above: &str, flat: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = if above.is_empty() { quoted(key) } else { format!("{above}.{}", quoted(key)) };
        match value {
            toml::Value::Table(inner) => flatten(inner, &path, flat),
            other => {
                flat.insert(path, other.to_string());
            }
        }
    }
}

fn effect_of(path: &str) -> Effect {
    if READ_AT_START.iter().any(|start| path.starts_with(start)) { Effect::Restart } else { Effect::Now }
}
