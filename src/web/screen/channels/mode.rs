//! Switched on, live, and back: one key of a channel's file is changed; `mode` after somebody has seen what would be
//! pushed.

use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use banto_channel::both;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::super::access::Routes;
use super::super::{Access, Desk, Fault, Page, Section, Visit, done, html, safe_file};
use super::diff::Counts;
use super::survey::Found;
use super::unknown;
use crate::app::App;
use crate::channels::diff::{Action, survey};
use crate::config::{Config, Mode};
use crate::domain::guard::reason_in_words;

/// How long the config may take to be read again before the next page goes on without it.
const RELOADED: Duration = Duration::from_secs(3);

#[derive(Template)]
#[template(path = "channel_mode.html", config = "src/web/askama.toml")]
struct ModePage {
    p: Page,
    name: String,
    live: bool,
    file: String,
    /// The line as it is, and as it should be.
    line: String,
    new_line: String,
    /// What would be done with the listings.
    counts: Counts,
    why_stopped: Option<String>,
    /// Not everything was looked at yet; nobody goes live before that.
    counting: bool,
}

#[derive(Debug, Deserialize)]
struct ModeForm {
    mode: String,
    /// How many listings the person saw that would be pushed.
    #[serde(default)]
    seen: String,
    #[serde(default)]
    sure: String,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/channels/{name}/mode", Access::Read, show)
        .post("/channels/{name}/mode", Access::Owner, change)
        .post("/channels/{name}/enable", Access::Owner, enable)
}

async fn show(State(desk): State<Desk>, visit: Visit, Path(name): Path<String>) -> Result<Response, Fault> {
    let app = desk.app();
    let config = app.config.channel(&name).ok_or_else(unknown)?;
    let running = app.running(&name).ok_or_else(unknown)?;
    let live = config.mode == Mode::Live;
    // Of a live channel nothing is asked here.
    let found = if live { Found::default() } else { desk.survey(&running.channel, false).await? };
    let p = desk.page(&visit, Section::Channels, &both!("Mode of {name}", "{name}の動作モード"));
    let line = |live: bool| format!("mode = \"{}\"", word(live));
    html(&ModePage {
        file: file_of(&app.config, &name)?.display().to_string(),
        line: line(live),
        new_line: line(!live),
        counts: Counts::of(&found.survey),
        why_stopped: found.survey.verdict.reason.as_deref().map(|why| p.say(&reason_in_words(why))),
        counting: !live && !found.survey.is_whole(),
        live,
        name,
        p,
    })
}

const fn word(live: bool) -> &'static str {
    if live { "live" } else { "observe" }
}

async fn change(
    State(desk): State<Desk>,
    visit: Visit,
    Path(name): Path<String>,
    Form(form): Form<ModeForm>,
) -> Result<Response, Fault> {
    let app = desk.app();
    let config = app.config.channel(&name).ok_or_else(unknown)?;
    let live = match form.mode.as_str() {
        "live" => true,
        "observe" => false,
        _ => return Err(Fault::bad_input(both!("There is no such mode", "このモードはありません"))),
    };
    if (config.mode == Mode::Live) == live {
        return Err(Fault::refused(both!(
            "Somebody else has done that already",
            "すでに他の人が操作しました"
        )));
    }
    if live {
        let running = app.running(&name).ok_or_else(unknown)?;
        // Every listing is looked at once more: what was seen may be some minutes old.
        let push = survey(&running.channel, desk.store()).await?.count(Action::Push);
        if form.sure != "yes" || form.seen != push.to_string() {
            desk.forget_survey(&running.channel);
            return Err(Fault::refused(both!(
                "What would be pushed has changed since you looked, or you did not say that you have looked. Look again",
                "確認後に送信内容が変わったか、確認のチェックがありません。もう一度確認してください"
            )));
        }
    }
    let path = file_of(&app.config, &name)?;
    let mut write = desk.store().write().await?;
    let state = |live: bool| format!("{{\"mode\":\"{}\"}}", word(live));
    let states = (state(!live), state(live));
    write.audit_change(&visit.actor(), "channel_mode", &name, "", (&states.0, &states.1), desk.now()).await?;
    set(&path, &Setting::mode(live))?;
    write.commit().await?;
    desk.reload();
    let is_so =
        reloaded(&desk, |config| config.channel(&name).is_some_and(|c| (c.mode == Mode::Live) == live)).await;
    let told = if !is_so {
        both!(
            "It is written in the config, and holds as soon as that has been read again; if it does not, the log says why",
            "設定に書き込みました。再読み込みが終わると切り替わります（切り替わらない場合は、理由がログに出ています）"
        )
    } else if live {
        both!(
            "{name} is live: stock goes out, buyers get mails",
            "{name}を本番運用に切り替えました。在庫の送信とメールの送信が始まります"
        )
    } else {
        both!("{name} is only read from now on", "{name}を観察モードに切り替えました。今後は読み取りのみです")
    };
    Ok(done(&visit, &format!("/channels/{name}"), &told))
}

/// Switches a channel on, if it can run: its credentials are there, and its connector takes its keys.
async fn enable(State(desk): State<Desk>, visit: Visit, Path(name): Path<String>) -> Result<Response, Fault> {
    let app = desk.app();
    let config = app.config.channel(&name).ok_or_else(unknown)?;
    if config.enabled {
        return Err(Fault::refused(both!(
            "Somebody else has done that already",
            "すでに他の人が操作しました"
        )));
    }
    let path = file_of(&app.config, &name)?;
    if let Err(error) = App::channel(&app.config, &app.store, &app.clock, config).await {
        return Err(Fault::refused(both!(
            "{name} cannot run yet: {error:#}",
            "{name}はまだ稼働できません: {error:#}"
        )));
    }
    let mut write = desk.store().write().await?;
    write.audit(&visit.actor(), "channel_enable", &name, "", desk.now()).await?;
    set(&path, &Setting::ENABLED)?;
    write.commit().await?;
    desk.reload();
    let told = if reloaded(&desk, |config| config.channel(&name).is_some_and(|c| c.enabled)).await {
        both!(
            "{name} is switched on: orders and listings are being read",
            "{name}を有効にしました。受注と出品の取得を始めます"
        )
    } else {
        both!(
            "{name} is switched on, and runs as soon as the config has been read again",
            "{name}を有効にしました。設定の再読み込みが終わると稼働します"
        )
    };
    Ok(done(&visit, &format!("/channels/{name}"), &told))
}

/// Waits until the config that is being read again says so; whether it does by then.
pub(super) async fn reloaded(desk: &Desk, says: impl Fn(&Config) -> bool + Send + Sync) -> bool {
    let waiting = async {
        while !says(&desk.app().config) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(RELOADED, waiting).await.is_ok()
}

/// Whether the file of a channel that does not run yet switches it on: the config is still being read again.
pub(super) fn is_being_switched_on(config: &Config, name: &str) -> bool {
    let table =
        || file_of(config, name).ok().and_then(|path| std::fs::read_to_string(path).ok()?.parse().ok());
    table()
        .is_some_and(|table: toml::Table| table.get("enabled").and_then(toml::Value::as_bool) == Some(true))
}

/// One key of a channel's file, and what it should say.
struct Setting {
    key: &'static str,
    /// As TOML.
    value: toml::Value,
}

impl Setting {
    const ENABLED: Self = Self { key: "enabled", value: toml::Value::Boolean(true) };

    fn mode(live: bool) -> Self {
        Self { key: "mode", value: word(live).into() }
    }

    fn line(&self) -> String {
        format!("{} = {}", self.key, self.value)
    }
}

/// The file of a channel: the one whose stem is its name, else the one that says `name = "…"`.
fn file_of(config: &Config, name: &str) -> Result<PathBuf, Fault> {
    let folder = config.dir.join("channels");
    let usual = folder.join(format!("{name}.toml"));
    let says = |path: &FilePath| {
        let text = std::fs::read_to_string(path).ok()?;
        let table: toml::Table = text.parse().ok()?;
        let own = table.get("name").and_then(toml::Value::as_str).map(str::to_owned);
        own.or_else(|| Some(path.file_stem()?.to_string_lossy().into_owned()))
    };
    let files = std::fs::read_dir(&folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut files = files.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    if says(&usual).as_deref() == Some(name) {
        return Ok(usual);
    }
    files.find(|path| says(path).as_deref() == Some(name)).ok_or_else(|| {
        let shown = folder.display();
        Fault::refused(both!(
            "No file in {shown} is this channel's",
            "{shown} にこのチャネルの設定ファイルがありません"
        ))
    })
}

/// Changes the one key of the file, keeps the file before it beside it, and takes it back if the config would not load.
fn set(path: &FilePath, setting: &Setting) -> Result<(), Fault> {
    let text = std::fs::read_to_string(path).map_err(|e| safe_file::fault(path, &e))?;
    let new = with(&text, setting).ok_or_else(|| by_hand(path, setting))?;
    let kept = path.with_extension("toml.before");
    let write = |path: &FilePath, text: &str| {
        safe_file::replace(path, text.as_bytes(), 0o640).map_err(|e| safe_file::fault(path, &e))
    };
    write(&kept, &text)?;
    write(path, &new)?;
    let dir = path.parent().and_then(FilePath::parent).unwrap_or(path);
    if let Err(errors) = Config::load(dir) {
        write(path, &text)?;
        let why: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let why = why.join("\n");
        return Err(Fault::refused(both!(
            "The config cannot be read so, and the file is as it was: {why}",
            "この内容では設定を読み込めないため、ファイルを元に戻しました: {why}"
        )));
    }
    Ok(())
}

fn by_hand(path: &FilePath, setting: &Setting) -> Fault {
    let (shown, line) = (path.display(), setting.line());
    Fault::refused(both!(
        "{shown} is written in a way that cannot be changed safely; write {line} there and reload banto",
        "{shown} を自動では安全に変更できません。{line} と書き、banto を再読み込みしてください"
    ))
}

/// The text with another value for a key, everything else as it was; `None` where that would change anything else.
fn with(text: &str, setting: &Setting) -> Option<String> {
    let before: toml::Table = text.parse().ok()?;
    let line = setting.line();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let top = lines.iter().position(|l| l.trim_start().starts_with('[')).unwrap_or(lines.len());
    let is_key = |l: &String, key: &str| {
        l.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let head = lines.get(..top)?;
    if let Some(at) = head.iter().position(|l| is_key(l, setting.key)) {
        let old = lines.get(at)?;
        // A remark behind the value stays.
        let remark = old.split_once('#').map(|(_, remark)| format!("  #{remark}")).unwrap_or_default();
        *lines.get_mut(at)? = format!("{line}{remark}");
    } else {
        let at = head.iter().position(|l| is_key(l, "kind")).map_or(0, |at| at + 1);
        lines.insert(at, line);
    }
    let new = lines.join("\n");
    let mut wanted = before;
    wanted.insert(setting.key.to_owned(), setting.value.clone());
    (new.parse::<toml::Table>().ok()? == wanted).then_some(new)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop here")]

    use super::*;

    #[test]
    fn only_the_mode_is_changed() {
        let text =
            "# The shop\nkind = \"woocommerce\"\nmode = \"observe\" # for now\n\n[connector]\nmode = \"x\"\n";
        let live = with(text, &Setting::mode(true)).unwrap();
        assert_eq!(live, text.replace("mode = \"observe\" # for now", "mode = \"live\"  # for now"));
        assert_eq!(
            with(&live, &Setting::mode(false)).unwrap().parse::<toml::Table>().unwrap()["mode"].as_str(),
            Some("observe")
        );
        let absent = "kind = \"sim\"\n[connector]\nurl = \"x\"\n";
        assert_eq!(
            with(absent, &Setting::mode(true)).unwrap(),
            "kind = \"sim\"\nmode = \"live\"\n[connector]\nurl = \"x\"\n"
        );
    }

    #[test]
    fn a_channel_is_switched_on_by_one_line() {
        let text = "kind = \"sim\"\n# Not yet.\nenabled = false\n[connector]\nenabled = false\n";
        let on = with(text, &Setting::ENABLED).unwrap();
        assert_eq!(on, "kind = \"sim\"\n# Not yet.\nenabled = true\n[connector]\nenabled = false\n");
    }

    #[test]
    fn a_file_that_cannot_be_changed_safely_is_left_alone() {
        let hidden = "kind = \"sim\"\nnote = \"\"\"\nmode = \"observe\"\n\"\"\"\n";
        assert_eq!(with(hidden, &Setting::mode(true)), None, "that line is a text's");
        assert_eq!(with("kind = ", &Setting::mode(true)), None);
    }

    #[test]
    fn the_file_before_is_kept_and_comes_back_when_the_config_would_not_load() {
        let dir = tempfile::tempdir().unwrap();
        let channels = dir.path().join("channels");
        std::fs::create_dir(&channels).unwrap();
        std::fs::write(dir.path().join("banto.toml"), "[shop]\nname = \"x\"\n").unwrap();
        let path = channels.join("honten.toml");
        let text = "kind = \"sim\"\nmode = \"observe\"\n";
        std::fs::write(&path, text).unwrap();
        set(&path, &Setting::mode(true)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kind = \"sim\"\nmode = \"live\"\n");
        assert_eq!(std::fs::read_to_string(channels.join("honten.toml.before")).unwrap(), text);
        assert!(Config::load(dir.path()).is_ok(), "the kept file is no channel");
        std::fs::write(channels.join("other.toml"), "kind = 7\n").unwrap();
        assert!(set(&path, &Setting::mode(false)).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kind = \"sim\"\nmode = \"live\"\n");
    }
}
