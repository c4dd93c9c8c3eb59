//! A channel's credentials: how to get them, a form that writes them where the config names them, and what the
//! marketplace says to them. What was typed is never shown again.

mod guide;

use std::path::{Component, Path as FilePath, PathBuf};
use std::time::Duration;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use banto_channel::{Bilingual, Error, ErrorKind, ProbeReport, both};
use tokio::time::timeout;

use super::super::access::Routes;
use super::super::{Access, Desk, Fault, Page, Section, Visit, html, safe_file};
use super::unknown;
use crate::app::App;
use crate::channels::words::{accepted, lifetime, trouble};
use crate::config::{ChannelConfig, Config};

/// How long a probe may take before the page says that it does.
const PROBE_LIMIT: Duration = Duration::from_secs(8);
/// Longest secret; more than this is the wrong file.
const SECRET_MAX: usize = 64 * 1024;

#[derive(Template)]
#[template(path = "channel_credentials.html", config = "src/web/askama.toml")]
struct CredentialsPage {
    p: Page,
    name: String,
    kind: String,
    steps: Vec<String>,
    fields: Vec<Field>,
    expires: Option<String>,
    said: Option<Said>,
}

/// One secret file that the channel's config names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    /// `connector.license_key_file`, shortened to its last part.
    key: String,
    /// The file, as the config names it.
    file: String,
    /// Whether it is there.
    there: bool,
    /// Why the screen cannot write it.
    fixed: String,
}

/// What a probe said.
struct Said {
    tone: &'static str,
    text: String,
    more: Vec<String>,
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/channels/{name}/credentials", Access::Staff, show)
        .post("/channels/{name}/credentials", Access::Owner, change)
        .post("/channels/{name}/probe", Access::Staff, prove)
}

async fn show(State(desk): State<Desk>, visit: Visit, Path(name): Path<String>) -> Result<Response, Fault> {
    page(&desk, &visit, &name, None).await
}

async fn page(desk: &Desk, visit: &Visit, name: &str, said: Option<Said>) -> Result<Response, Fault> {
    let app = desk.app();
    let config = app.config.channel(name).ok_or_else(unknown)?;
    let p = desk.page(visit, Section::Channels, &both!("Credentials of {name}", "{name}の認証情報"));
    let row = desk.store().channel(name).await.ok();
    let expires = row.and_then(|row| row.credentials_expire);
    html(&CredentialsPage {
        name: name.to_owned(),
        kind: config.kind.clone(),
        steps: guide::steps(&config.kind).iter().map(|(en, ja)| p.t(en, ja).to_owned()).collect(),
        fields: fields(&p, &app.config, config),
        expires: expires.map(|at| p.say(&lifetime(banto_channel::Timestamp(at), p.now, &p.zone))),
        said,
        p,
    })
}

fn fields(p: &Page, config: &Config, channel: &ChannelConfig) -> Vec<Field> {
    let mut named = Vec::new();
    secret_files(&channel.connector, &mut named);
    if let Some(relay) = &channel.mail.relay {
        named.push(("password_file".to_owned(), relay.password_file.clone()));
    }
    let field = |(key, file): (String, String)| {
        let fixed = place(config, &file).err().map(|why| p.say(&why)).unwrap_or_default();
        Field { there: config.secrets.path(&file).is_file(), key, file, fixed }
    };
    named.into_iter().map(field).collect()
}

/// Every `*_file` key of a connector's table with the file that it names; certificates are no secret.
fn secret_files(table: &toml::Table, out: &mut Vec<(String, String)>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => secret_files(inner, out),
            toml::Value::String(file) if key.ends_with("_file") && !key.ends_with("ca_file") => {
                out.push((key.clone(), file.clone()));
            }
            _ => {}
        }
    }
}

/// Where the screen may write a secret: below the config folder, and only what the service manager has not brought.
fn place(config: &Config, file: &str) -> Result<PathBuf, Bilingual> {
    let own = config.dir.join(file);
    let plain = FilePath::new(file).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain {
        return Err(both!(
            "the config names {file}, outside its own folder: write it there by hand",
            "設定が {file}（設定フォルダーの外）を指しています。手作業で書き込んでください"
        ));
    }
    let read = config.secrets.path(file);
    if read != own {
        let read = read.display();
        return Err(both!(
            "the service manager brings it ({read}): change its credential and restart banto",
            "サービスマネージャーの認証情報（{read}）です。そちらを更新して banto を再起動してください"
        ));
    }
    Ok(own)
}

/// Writes the secrets that were typed, asks the marketplace, and takes back what it refuses.
async fn change(
    State(desk): State<Desk>,
    visit: Visit,
    Path(name): Path<String>,
    Form(form): Form<Vec<(String, String)>>,
) -> Result<Response, Fault> {
    let app = desk.app();
    let channel = app.config.channel(&name).ok_or_else(unknown)?;
    let p = desk.page(&visit, Section::Channels, &both!("Credentials", "認証情報"));
    let known = fields(&p, &app.config, channel);
    let mut written = Vec::new();
    for (key, secret) in form.iter().filter(|(key, secret)| key != "csrf" && !secret.trim().is_empty()) {
        let field = known.iter().find(|field| field.file == *key).ok_or_else(unknown)?;
        let path = place(&app.config, &field.file).map_err(Fault::refused)?;
        if secret.len() > SECRET_MAX {
            return Err(Fault::bad_input(both!("That is too long for a secret", "認証情報が長すぎます")));
        }
        written.push((field.key.clone(), path, secret.trim().replace("\r\n", "\n")));
    }
    if written.is_empty() {
        return Err(Fault::bad_input(both!("Nothing was typed", "入力がありません")));
    }
    let before: Vec<Option<Vec<u8>>> = written.iter().map(|(_, path, _)| std::fs::read(path).ok()).collect();
    let mut write = desk.store().write().await?;
    for (key, path, secret) in &written {
        write.audit(&visit.actor(), "credentials_write", &name, key, desk.now()).await?;
        safe_file::replace(path, format!("{secret}\n").as_bytes(), 0o600)
            .map_err(|e| safe_file::fault(path, &e))?;
    }
    write.commit().await?;
    let answer = probe(&app, channel).await;
    let mut said = said(&p, &answer);
    if matches!(&answer, Some(Err(error)) if matches!(error.kind, ErrorKind::Auth | ErrorKind::Config)) {
        let kept =
            both!("The marketplace does not take them", "マーケットプレイスに受け付けられませんでした");
        let taken_back = both!("the credentials before are in force again", "以前の認証情報に戻しました");
        if take_back(&written, &before)? {
            said.more.push(p.say(&kept.with(&taken_back)));
        }
    } else {
        desk.reload();
    }
    page(&desk, &visit, &name, Some(said)).await
}

/// Puts the secrets before back where there were any; whether there were.
fn take_back(written: &[(String, PathBuf, String)], before: &[Option<Vec<u8>>]) -> Result<bool, Fault> {
    let mut any = false;
    for ((_, path, _), old) in written.iter().zip(before) {
        if let Some(old) = old {
            safe_file::replace(path, old, 0o600).map_err(|e| safe_file::fault(path, &e))?;
            any = true;
        }
    }
    Ok(any)
}

async fn prove(State(desk): State<Desk>, visit: Visit, Path(name): Path<String>) -> Result<Response, Fault> {
    let app = desk.app();
    let channel = app.config.channel(&name).ok_or_else(unknown)?;
    let p = desk.page(&visit, Section::Channels, &both!("Credentials", "認証情報"));
    let said = said(&p, &probe(&app, channel).await);
    page(&desk, &visit, &name, Some(said)).await
}

/// Asks the marketplace with the secrets as they are in their files now; `None`: it takes its time.
async fn probe(app: &App, channel: &ChannelConfig) -> Option<Result<ProbeReport, Error>> {
    let probing = async {
        let broken = |e: anyhow::Error| Error::new(ErrorKind::Config, format!("{e:#}"));
        let running = App::channel(&app.config, &app.store, &app.clock, channel).await.map_err(broken)?;
        running.channel.connector.probe(&running.channel.cx).await
    };
    timeout(PROBE_LIMIT, probing).await.ok()
}

fn said(p: &Page, answer: &Option<Result<ProbeReport, Error>>) -> Said {
    match answer {
        None => {
            let text = both!(
                "The marketplace has not answered within 8 seconds; banto goes on trying",
                "8秒以内に応答がありませんでした。banto は引き続き試行します"
            );
            Said { tone: "warn", text: p.say(&text), more: Vec::new() }
        }
        Some(Err(error)) => Said { tone: "bad", text: p.say(&trouble(error)), more: Vec::new() },
        Some(Ok(report)) => {
            let mut more: Vec<String> = report.warnings.iter().map(|warning| p.say(warning)).collect();
            if let Some(expires) = report.credentials_expire {
                more.push(p.say(&lifetime(expires, p.now, &p.zone)));
            }
            let tone = if report.warnings.is_empty() { "ok" } else { "warn" };
            Said { tone, text: p.say(&accepted(&report.server)), more }
        }
    }
}

#[cfg(test)]
mod tests;
