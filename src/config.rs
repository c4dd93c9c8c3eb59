//! The config: `banto.toml` and one file a channel, typed, with every problem named at once.
//!
//! Nothing is guessed and nothing is ignored: an unknown key is an error with its line. Secrets are not in these
//! files; keys that end in `_file` name the files that hold them.

mod channel;
mod check;
mod daemon;
mod diff;
mod error;
pub mod new_channel;
mod secrets;
mod sheet;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use banto_channel::{Secret, Timestamp};
use jiff::tz::TimeZone;

pub use channel::{
    ChannelConfig, ChannelMailConfig, ChannelRetention, Confirm, GuardOverrides, LimitsConfig, MailKind,
    Mailer, Mode, OrdersConfig, RelayConfig, Returns, StockConfig, StockRule, UnpaidRule,
};
pub use daemon::{
    AlertsConfig, GuardConfig, LocationConfig, LogConfig, LogFormat, MailConfig, RetentionConfig, ShopConfig,
    StoreConfig, Tls, Uncertain, WebConfig,
};
pub use diff::{Change, Effect};
pub use error::ConfigError;
pub use secrets::Secrets;

use check::{Findings, House};
use daemon::DaemonFile;
use sheet::Sheet;

/// The store's address where the config names none.
const STORE_URL: &str = "sqlite:banto.db";

/// What the service manager says about folders; a parameter, so that tests bring their own.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Where relative paths of the store begin (`StateDirectory=`); the config folder if absent.
    pub state_directory: Option<PathBuf>,
    /// Where secret files are looked for first (`LoadCredential=`).
    pub credentials_directory: Option<PathBuf>,
}

impl Surroundings {
    /// Reads `$STATE_DIRECTORY` and `$CREDENTIALS_DIRECTORY` (systemd.exec(5)).
    #[must_use]
    pub fn from_env() -> Self {
        // STATE_DIRECTORY may list several folders; the first is ours.
        let first = |name| env::split_paths(&env::var_os(name)?).find(|p| !p.as_os_str().is_empty());
        Self {
            state_directory: first("STATE_DIRECTORY"),
            credentials_directory: env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from),
        }
    }
}

/// The whole config, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder it was read from.
    pub dir: PathBuf,
    /// Where relative paths of the store begin.
    pub state_dir: PathBuf,
    /// `[store]`.
    pub store: StoreConfig,
    /// `[shop]`.
    pub shop: ShopConfig,
    /// The zone that `shop.timezone` names.
    pub zone: TimeZone,
    /// `[web]`.
    pub web: WebConfig,
    /// `[mail]`; without it banto mails nobody.
    pub mail: Option<MailConfig>,
    /// `[log]`.
    pub log: LogConfig,
    /// `[alerts]`.
    pub alerts: AlertsConfig,
    /// `[guard]`.
    pub guard: GuardConfig,
    /// `[retention]`.
    pub retention: RetentionConfig,
    /// Every channel, switched on or off, by name.
    pub channels: Vec<ChannelConfig>,
    /// Reads the files that `*_file` keys name.
    pub secrets: Secrets,
    /// What works but should be looked at.
    pub warnings: Vec<ConfigError>,
    house_sheet: Sheet,
    channel_sheets: BTreeMap<String, Sheet>,
    /// SHA-256 of each secret file's content, by the path of the key that names it.
    prints: BTreeMap<String, [u8; 32]>,
}

/// A config file's path and text.
struct Source {
    path: PathBuf,
    text: String,
}

impl Config {
    /// Reads `dir/banto.toml` and every `dir/channels/*.toml`.
    ///
    /// Errors: every problem that was found, by file and line.
    pub fn load(dir: &Path) -> Result<Self, Vec<ConfigError>> {
        Self::load_in(dir, &Surroundings::from_env())
    }

    /// As [`Config::load`], with the service manager's folders given.
    ///
    /// Errors: every problem that was found, by file and line.
    pub fn load_in(dir: &Path, around: &Surroundings) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Vec::new();
        let house = read_text(&dir.join("banto.toml"), &mut problems);
        let mut channels = Vec::new();
        for path in channel_files(&dir.join("channels"), &mut problems) {
            channels.extend(read_text(&path, &mut problems).map(|text| Source { path, text }));
        }
        Self::assemble(dir, around, house, channels, problems)
    }

    /// As [`Config::load`], from texts: `banto.toml`'s and (file stem, text) for each channel.
    ///
    /// Errors: every problem that was found, by file and line.
    pub fn from_texts(
        dir: &Path,
        around: &Surroundings,
        house: &str,
        channels: &[(&str, &str)],
    ) -> Result<Self, Vec<ConfigError>> {
        let source = |(stem, text): &(&str, &str)| Source {
            path: dir.join("channels").join(format!("{stem}.toml")),
            text: (*text).to_owned(),
        };
        let channels = channels.iter().map(source).collect();
        Self::assemble(dir, around, Some(house.to_owned()), channels, Vec::new())
    }

    /// The channel of that name, switched on or off.
    #[must_use]
    pub fn channel(&self, name: &str) -> Option<&ChannelConfig> {
        self.channels.iter().find(|c| c.name == name)
    }

    /// The channels that are switched on.
    pub fn enabled_channels(&self) -> impl Iterator<Item = &ChannelConfig> {
        self.channels.iter().filter(|c| c.enabled)
    }

    /// The guards of one channel: its own keys over the house's.
    #[must_use]
    pub fn guard_of(&self, channel: &ChannelConfig) -> GuardConfig {
        channel.guard.over(&self.guard)
    }

    /// Before when this channel's orders are not taken.
    #[must_use]
    pub fn since(&self, channel: &ChannelConfig) -> Option<Timestamp> {
        // Loading refused what has no moment.
        channel.orders.since(&self.zone).ok().flatten()
    }

    /// The store's address with an absolute path or, from `url_file`, with its password.
    ///
    /// Errors: the secret file cannot be read.
    pub fn store_url(&self) -> Result<Secret, ConfigError> {
        if let Some(file) = &self.store.url_file {
            return self.secrets.read(file);
        }
        let url = self.store.url.as_deref().unwrap_or(STORE_URL);
        Ok(Secret::new(&match url.strip_prefix("sqlite:") {
            Some(":memory:") | None => url.to_owned(),
            Some(path) => {
                // `sqlite:///a` and `sqlite:/a` are absolute, `sqlite://a` and `sqlite:a` relative.
                let path = path.strip_prefix("//").unwrap_or(path);
                format!("sqlite:{}", self.state_dir.join(path).display())
            }
        }))
    }

    /// The folder of what belongs to the store and must not be in it: SQLite's own, else the state folder.
    #[must_use]
    pub fn beside_store(&self) -> PathBuf {
        let file = self.store_url().ok().and_then(|url| {
            let file = url.expose().strip_prefix("sqlite:").filter(|path| *path != ":memory:")?;
            Path::new(file).parent().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_owned)
        });
        file.unwrap_or_else(|| self.state_dir.clone())
    }

    /// A problem that another part found (a template, a connector's own key), with the line of its key.
    ///
    /// `channel` says in whose file; `None` means `banto.toml`. `key` is the path in that file.
    #[must_use]
    pub fn problem(
        &self,
        channel: Option<&str>,
        key: &str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> ConfigError {
        let sheet = channel.and_then(|c| self.channel_sheets.get(c)).unwrap_or(&self.house_sheet);
        sheet.problem(key, message, remedy)
    }

    /// What a connector said about its own table (`url: must begin with https://`), at the line of the key that it
    /// names first, or of its table.
    #[must_use]
    pub fn connector_problem(&self, channel: &str, said: &str) -> ConfigError {
        let named = said.split_once(": ").map(|(key, rest)| (format!("connector.{key}"), rest));
        let sheet = self.channel_sheets.get(channel);
        match named {
            Some((key, rest)) if sheet.is_some_and(|s| s.has(&key)) => {
                self.problem(Some(channel), &key, rest, "")
            }
            _ => self.problem(Some(channel), "connector", said, ""),
        }
    }

    fn assemble(
        dir: &Path,
        around: &Surroundings,
        house: Option<String>,
        channels: Vec<Source>,
        mut problems: Vec<ConfigError>,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut warnings = Vec::new();
        let readable = house.is_some();
        let text = house.unwrap_or_default();
        let before = problems.len();
        let (house_sheet, file) = sheet::parse::<DaemonFile>(&dir.join("banto.toml"), &text, &mut problems);
        let file = file.unwrap_or_default();
        let whole = readable && problems.len() == before;
        let mut findings =
            Findings { sheet: &house_sheet, problems: &mut problems, warnings: &mut warnings, whole };
        let zone = check::house(&file, &mut findings).unwrap_or(TimeZone::UTC);
        let house = House { file: &file, zone: &zone, whole };
        let (channels, channel_sheets) = read_channels(channels, &house, &mut problems, &mut warnings);
        let mut config = Self {
            dir: dir.to_owned(),
            state_dir: around.state_directory.clone().unwrap_or_else(|| dir.to_owned()),
            store: file.store,
            shop: file.shop,
            zone,
            web: file.web,
            mail: file.mail,
            log: file.log,
            alerts: file.alerts,
            guard: file.guard,
            retention: file.retention,
            channels,
            secrets: Secrets::new(dir, around.credentials_directory.as_deref()),
            warnings,
            house_sheet,
            channel_sheets,
            prints: BTreeMap::new(),
        };
        config.check_secret_files(&mut problems);
        problems.sort();
        config.warnings.sort();
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    /// Reads every file that a key of a running part names, so that a missing one is known before the start.
    fn check_secret_files(&mut self, problems: &mut Vec<ConfigError>) {
        for (channel, key, named) in self.secret_keys() {
            let found = match self.secrets.find(&named) {
                Ok(found) => found,
                Err((message, remedy)) => {
                    problems.push(self.problem(channel.as_deref(), &key, message, remedy));
                    continue;
                }
            };
            // Certificates are no secret; everybody may read them.
            if found.everybody_may_read && !key.ends_with("ca_file") {
                let shown = found.path.display();
                let message = format!("every user of this machine may read {shown}");
                let remedy = format!("chmod 600 {shown}");
                self.warnings.push(self.problem(channel.as_deref(), &key, message, remedy));
            }
            let name = channel.map_or(key.clone(), |c| format!("channels.{c}.{key}"));
            self.prints.insert(name, found.print);
        }
    }

    /// (channel or the house, path of the key, its value) of every `*_file` key of a part that is switched on.
    fn secret_keys(&self) -> Vec<(Option<String>, String, String)> {
        let mail = self.mail.as_ref();
        let house = [
            ("store.url_file", self.store.url_file.as_ref()),
            ("mail.password_file", mail.and_then(|m| m.password_file.as_ref())),
            ("mail.ca_file", mail.and_then(|m| m.ca_file.as_ref())),
        ];
        let mut keys: Vec<_> = house
            .into_iter()
            .filter_map(|(key, named)| Some((None, key.to_owned(), named?.clone())))
            .collect();
        for channel in self.enabled_channels() {
            let mut named = Vec::new();
            file_keys(&channel.connector, "connector", &mut named);
            keys.extend(named.into_iter().map(|(key, value)| (Some(channel.name.clone()), key, value)));
        }
        keys
    }
}

fn file_keys(table: &toml::Table, section: &str, out: &mut Vec<(String, String)>) {
    for (key, value) in table {
        let path = format!("{section}.{}", sheet::quoted(key));
        match value {
            toml::Value::Table(inner) => file_keys(inner, &path, out),
            toml::Value::String(named) if key.ends_with("_file") => out.push((path, named.clone())),
            _ => {}
        }
    }
}

fn read_channels(
    sources: Vec<Source>,
    house: &House<'_>,
    problems: &mut Vec<ConfigError>,
    warnings: &mut Vec<ConfigError>,
) -> (Vec<ChannelConfig>, BTreeMap<String, Sheet>) {
    let mut channels = Vec::new();
    let mut sheets: BTreeMap<String, Sheet> = BTreeMap::new();
    for source in sources {
        let before = problems.len();
        let (sheet, channel) = sheet::parse::<ChannelConfig>(&source.path, &source.text, problems);
        let Some(mut channel) = channel else { continue };
        if !sheet.has("name") {
            let stem = source.path.file_stem().unwrap_or_default();
            channel.name = stem.to_string_lossy().into_owned();
        }
        let whole = problems.len() == before;
        let mut findings = Findings { sheet: &sheet, problems, warnings, whole };
        check::channel(&channel, house, &mut findings);
        if let Some(other) = sheets.get(&channel.name) {
            let message = format!("{} already has the name {:?}", other.path.display(), channel.name);
            findings.refuse("name", message, "give one of them another name");
            continue;
        }
        sheets.insert(channel.name.clone(), sheet);
        channels.push(channel);
    }
    channels.sort_by(|a, b| a.name.cmp(&b.name));
    (channels, sheets)
}

/// The `*.toml` files of the channels' folder, in the order of their names; none if there is no such folder.
fn channel_files(dir: &Path, problems: &mut Vec<ConfigError>) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(e) => {
            problems.push(unreadable(dir, &e));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .filter(|path| path.file_name().is_some_and(|n| !n.to_string_lossy().starts_with('.')))
        .collect();
    files.sort();
    files
}

fn read_text(path: &Path, problems: &mut Vec<ConfigError>) -> Option<String> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) => {
            problems.push(unreadable(path, &e));
            return None;
        }
    };
    String::from_utf8(bytes)
        .map_err(|e| {
            let sound = String::from_utf8_lossy(&e.as_bytes()[..e.utf8_error().valid_up_to()]).into_owned();
            problems.push(ConfigError {
                file: path.to_owned(),
                line: Some(sheet::line_at(&sound, sound.len())),
                key: String::new(),
                message: "is not UTF-8 text".into(),
                remedy: "save it as UTF-8 (it may be Shift_JIS)".into(),
            });
        })
        .ok()
}

fn unreadable(path: &Path, e: &std::io::Error) -> ConfigError {
    let remedy = match e.kind() {
        std::io::ErrorKind::NotFound => {
            "copy the sample of that name, or name the folder with --config".into()
        }
        _ => format!("let the daemon's user read it: chgrp banto {0} && chmod 640 {0}", path.display()),
    };
    ConfigError {
        file: path.to_owned(),
        line: None,
        key: String::new(),
        message: format!("cannot be read ({e})"),
        remedy,
    }
}
