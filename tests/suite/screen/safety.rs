//! Who gets in, who may do what, and that nobody else changes anything. Every route is tried as the router itself
//! names it, so that a new one cannot be forgotten.

use std::time::Duration;

use axum::http::Method;
use banto::domain::people::{Language, PersonFault, Role};
use banto::keys::{self, OneTime};
use banto::store::{AuditFilter, AuditRow, PersonAt, PersonChange, StoreError};
use banto::web::screen::{Access, Route};
use banto_channel::Clock as _;
use banto_sim::SimClock;

use super::api::keys::offered;
use super::site::{Answer, Browser, PASSWORD, Plan, Site, each_site};
use crate::stores::Fresh;

/// A route's path with something in every place that has a name.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// Whether a request was let through to the handler; what that makes of it is not asked here.
fn was_let_in(answer: &Answer) -> bool {
    !matches!(answer.status, 401 | 403) && !answer.location().starts_with("/login")
}

/// Every change that the audit knows of.
async fn audit(site: &Site) -> Vec<AuditRow> {
    site.store.audit_page(AuditFilter::default(), i64::MAX, 1000).await.unwrap().rows
}

async fn call(browser: &Browser, route: &Route) -> Answer {
    let path = filled(route.path);
    if route.method == Method::POST { browser.post(&path, &[]).await } else { browser.get(&path).await }
}

/// Streams never end by themselves: only who is refused can be asked for one.
fn streams(route: &Route) -> bool {
    route.path == "/live"
}

#[tokio::test]
async fn no_route_lets_a_stranger_in() {
    each_site(async |site| {
        site.person("owner", Role::Owner).await;
        let (stranger, before) = (site.stranger(), audit(site).await);
        assert!(site.routes.len() > 20, "{:?}", site.routes);
        for route in site.routes.iter().filter(|route| route.access != Access::Public) {
            let answer = call(&stranger, route).await;
            let at = format!("{} {}", route.method, route.path);
            if route.method == Method::GET {
                assert!(
                    answer.location().starts_with("/login"),
                    "{at}: {} {}",
                    answer.status,
                    answer.location()
                );
                let fetched = stranger.ask("GET", &filled(route.path), &[("x-live", "1")], b"").await;
                assert_eq!(fetched.status, 401, "{at}: a script is not led to a form");
            } else {
                assert_eq!(answer.status, 401, "{at}");
            }
        }
        for forged in ["", "x", "../../etc", "' OR 1=1 --"] {
            stranger.set_cookie("banto_session", forged);
            assert_eq!(stranger.get("/").await.location(), "/login", "{forged:?}");
        }
        assert_eq!(audit(site).await, before, "nothing was changed");
    })
    .await;
}

#[tokio::test]
async fn no_route_lets_the_wrong_role_in() {
    each_site(async |site| {
        let browsers = [
            (Role::ReadOnly, site.log_in(Role::ReadOnly).await),
            (Role::Staff, site.log_in(Role::Staff).await),
        ];
        let before = audit(site).await;
        let mut refused = 0;
        for route in &site.routes {
            for (role, browser) in browsers.iter().filter(|(role, _)| !route.access.allows(*role)) {
                let answer = call(browser, route).await;
                assert_eq!(answer.status, 403, "{role:?} at {} {}", route.method, route.path);
                refused += 1;
            }
        }
        assert!(refused >= 10, "{refused}");
        assert_eq!(audit(site).await, before, "nothing was changed");
    })
    .await;
}

#[tokio::test]
async fn no_form_is_taken_without_its_token() {
    each_site(async |site| {
        let (owner, other) = (site.log_in(Role::Owner).await, site.log_in(Role::Staff).await);
        let before = audit(site).await;
        let posts = site.routes.iter().filter(|r| r.method == Method::POST && r.access != Access::Public);
        let mut tried = 0;
        for route in posts {
            let path = filled(route.path);
            let at = format!("POST {path}");
            let kind = [("content-type", "application/x-www-form-urlencoded")];
            let both = format!("csrf={0}&csrf={0}", owner.csrf);
            for body in ["", "csrf=", "csrf=x", &format!("csrf={}", other.csrf), &both] {
                assert_eq!(owner.ask("POST", &path, &kind, body.as_bytes()).await.status, 403, "{at} {body}");
            }
            let json = format!("{{\"csrf\":\"{}\"}}", owner.csrf);
            let kind = [("content-type", "application/json")];
            assert_eq!(owner.ask("POST", &path, &kind, json.as_bytes()).await.status, 403, "{at} JSON");
            let header = [("x-csrf-token", other.csrf.as_str())];
            assert_eq!(owner.ask("POST", &path, &header, b"").await.status, 403, "{at} header");
            for (name, value) in [
                ("origin", "https://evil.test"),
                ("origin", "null"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
            ] {
                let headers = [(name, value), ("x-csrf-token", owner.csrf.as_str())];
                assert_eq!(owner.ask("POST", &path, &headers, b"").await.status, 403, "{at} {name}: {value}");
            }
            tried += 1;
        }
        assert!(tried >= 15, "{tried}");
        assert_eq!(audit(site).await, before, "nothing was changed");
    })
    .await;
}

#[tokio::test]
async fn a_form_with_its_token_is_taken_however_it_is_sent() {
    each_site(async |site| {
        let owner = site.log_in(Role::Owner).await;
        let origin = format!("http://{}", site.at);
        let header = [("x-csrf-token", owner.csrf.as_str()), ("origin", origin.as_str())];
        let body = b"language=ja";
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let answer = owner.ask("POST", "/me/language", &[header[0], header[1], kind], body).await;
        assert_eq!((answer.status, answer.location()), (303, "/me"), "{}", answer.body);
        let page = owner.page("/me").await;
        assert!(page.contains("表示言語を変更しました"), "{page}");
        assert!(!owner.page("/me").await.contains("表示言語を変更しました"), "it is said once");
        owner.post("/me/language", &[("language", "en")]).await.expect(303);
        // A fetched region must not take away what the next page is to say.
        owner.ask("GET", "/me", &[("x-live", "1")], b"").await.expect(200);
        assert!(owner.page("/me").await.contains("The language is changed"));
        let large = vec![b'x'; 8 << 20];
        let answer = owner.upload("/me/language", &[("language", "en")], &[("file", "a", &large)]).await;
        assert_eq!(answer.status, 413);
        let (small, form) = (vec![b'x'; 3 << 20], [("language", "en")]);
        let answer = owner.upload("/me/language", &form, &[("file", "a", &small)]).await;
        assert!(was_let_in(&answer), "a form of several parts carries the token, too: {}", answer.status);
        let stripped =
            owner.ask("POST", "/me/language", &[("content-type", "multipart/form-data")], b"").await;
        assert_eq!(stripped.status, 403);
    })
    .await;
}

fn setup_form(code: &str) -> Vec<(&'static str, &str)> {
    vec![
        ("code", code),
        ("name", "Hanako"),
        ("full_name", "<script>alert(1)</script>"),
        ("password", PASSWORD),
        ("again", PASSWORD),
        ("language", "en"),
    ]
}

#[tokio::test]
async fn the_first_run_makes_one_owner() {
    each_site(async |site| {
        let browser = site.stranger();
        for path in ["/", "/audit?about=1", "/login", "/users"] {
            assert_eq!(browser.get(path).await.location(), "/setup", "{path}");
        }
        let code = keys::readable_code();
        site.store.add_setup_code(&keys::digest(&code), site.clock.now()).await.unwrap();
        let page = browser.page(&format!("/setup?code={code}")).await;
        assert!(page.contains(&format!("value=\"{code}\"")), "{page}");
        let wrong = browser.post("/setup", &setup_form("wrong")).await.expect(422);
        assert!(
            !wrong.body.contains("<script>alert") && wrong.body.contains("&#60;script&#62;"),
            "{}",
            wrong.body
        );
        let short: Vec<_> =
            setup_form("x").into_iter().map(|(k, v)| (k, if v == PASSWORD { "short" } else { v })).collect();
        assert!(browser.post("/setup", &short).await.expect(422).body.contains("10"));
        assert!(!site.store.has_people().await.unwrap());
        let right = setup_form(&code);
        assert_eq!(browser.post("/setup", &right).await.expect(303).location(), "/");
        let page = browser.page("/users").await;
        assert!(page.contains("hanako") && !page.contains("<script>alert"), "{page}");
        // It happens once, with whatever code.
        assert_eq!(site.stranger().get("/setup").await.location(), "/login");
        site.stranger().post("/setup", &right).await.expect(409);
        assert_eq!(site.store.people().await.unwrap().len(), 1);
        let again = site.store.add_setup_code("x", site.clock.now()).await.unwrap_err();
        assert!(matches!(again, StoreError::Person(PersonFault::SetUpAlready)), "{again}");
    })
    .await;
}

async fn log_in(browser: &Browser, name: &str, password: &str, code: &str) -> Answer {
    browser.post_bare("/login", &[("name", name), ("password", password), ("code", code)]).await
}

#[tokio::test]
async fn a_login_gives_a_new_session_and_ends_with_it() {
    each_site(async |site| {
        site.person("owner", Role::Owner).await;
        let mut browser = site.stranger();
        let page = browser.page("/login?next=%2Fusers%3Fa%3D1").await;
        assert!(page.contains("value=\"/users?a=1\""), "{page}");
        browser.set_cookie("banto_session", "chosen-by-somebody-else");
        let form = [("name", "ＯＷＮＥＲ"), ("password", PASSWORD), ("next", "/users?a=1")];
        let answer = browser.post_bare("/login", &form).await.expect(303);
        assert_eq!(answer.location(), "/users?a=1");
        let cookie = answer.header("set-cookie").unwrap();
        for part in ["banto_session=", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        assert!(!cookie.contains("Secure"), "over plain HTTP a browser would drop it: {cookie}");
        assert_eq!(browser.cookie("banto_session").unwrap().len(), 43);
        assert_eq!(browser.get("/").await.header("referrer-policy"), Some("same-origin"));
        let first = browser.cookie("banto_session").unwrap();
        log_in(&browser, "owner", PASSWORD, "").await.expect(303);
        let second = browser.cookie("banto_session").unwrap();
        assert_ne!(first, second);
        browser.set_cookie("banto_session", &first);
        assert_eq!(browser.get("/").await.location(), "/login", "the session before has ended");
        browser.set_cookie("banto_session", &second);
        browser.learn_csrf("/me").await;
        browser.post("/logout", &[]).await.expect(303);
        assert_eq!(browser.cookie("banto_session"), None);
        browser.set_cookie("banto_session", &second);
        assert_eq!(browser.get("/").await.location(), "/login", "the token is worth nothing any more");
        for elsewhere in ["https://evil.test", "//evil.test", "/\\evil.test", "javascript:alert(1)"] {
            let form = [("name", "owner"), ("password", PASSWORD), ("next", elsewhere)];
            assert_eq!(
                site.stranger().post_bare("/login", &form).await.expect(303).location(),
                "/",
                "{elsewhere}"
            );
        }
        let foreign = site.stranger().with("origin", "https://evil.test");
        log_in(&foreign, "owner", PASSWORD, "").await.expect(403);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    each_site(async |site| {
        let hour = Duration::from_secs(3600);
        let (idle, busy) = (site.log_in(Role::Owner).await, site.log_in(Role::Staff).await);
        for _ in 0..4 {
            site.clock.advance(hour * 4);
            busy.get("/me").await.expect(200);
            // The last use is written beside the request.
            for _ in 0..200 {
                let key = busy.session.as_deref().unwrap();
                let visitor = site.store.visitor(key, site.clock.now()).await.unwrap().unwrap();
                if visitor.seen_at == site.clock.now().0 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert_eq!(idle.get("/me").await.location(), "/login?next=%2Fme");
        assert_eq!(idle.ask("GET", "/me", &[("sec-fetch-mode", "cors")], b"").await.status, 401);
        busy.get("/me").await.expect(200);
        let key = busy.session.as_deref().unwrap();
        site.clock.advance(hour * 24 * 29 + hour * 8);
        site.store.seen(key, site.clock.now()).await.unwrap();
        assert_eq!(busy.get("/me").await.location(), "/login?next=%2Fme", "thirty days are enough");
    })
    .await;
}

#[tokio::test]
async fn passwords_cannot_be_guessed() {
    let fresh = Fresh::sqlite().await;
    let site = Site::on(&fresh).await;
    site.person("owner", Role::Owner).await;
    let from = |address: &str| site.stranger().with("x-forwarded-for", address);
    let guesser = from("192.0.2.66");
    let mut said = None;
    for _ in 0..6 {
        let answer = log_in(&guesser, "owner", "wrong password", "").await.expect(401);
        assert!(answer.header("set-cookie").is_none(), "{:?}", answer.headers);
        said = Some(answer.body);
    }
    let unknown = log_in(&from("192.0.2.67"), "owner2", "wrong password", "").await.expect(401);
    assert_eq!(
        unknown.body.replace("owner2", "owner"),
        said.unwrap(),
        "an unknown name is answered the same"
    );
    let held = log_in(&guesser, "owner", PASSWORD, "").await.expect(429);
    let wait: u64 = held.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait) && held.body.contains("秒後"), "{wait} {}", held.body);
    log_in(&from("192.0.2.68"), "owner", PASSWORD, "").await.expect(429);
    site.clock.advance(Duration::from_secs(wait));
    log_in(&from("192.0.2.68"), "owner", PASSWORD, "").await.expect(303);
    log_in(&guesser, "owner", PASSWORD, "").await.expect(303);
    // One address that tries many names.
    let sprayer = from("192.0.2.99");
    let mut refused = 0;
    for n in 0..24 {
        let answer = log_in(&sprayer, &format!("name{n}"), "wrong password", "").await;
        refused += u32::from(answer.status == 429);
    }
    assert_eq!(refused, 3);
    log_in(&from("192.0.2.100"), "owner", PASSWORD, "").await.expect(303);
}

#[tokio::test]
async fn a_one_time_code_is_taken_once() {
    each_site(async |site| {
        let mut owner = site.log_in(Role::Owner).await;
        let page = owner.page("/me/totp").await;
        assert!(page.contains("<svg ") && !page.contains("<?xml"), "{page}");
        let (salt, secret) = offered(&page);
        let codes = OneTime::typed(&secret, "", "owner").unwrap();
        let now = || site.clock.now();
        let form = |code: &str, password: &str| {
            [("salt", salt.clone()), ("code", code.to_owned()), ("password", password.to_owned())]
        };
        let turn_on = async |code: &str, password: &str| {
            let form = form(code, password);
            let form: Vec<_> = form.iter().map(|(k, v)| (*k, v.as_str())).collect();
            owner.post("/me/totp", &form).await.status
        };
        assert_eq!(turn_on(&codes.code(now()), "not the password").await, 422);
        assert_eq!(turn_on("000000", PASSWORD).await, 422);
        assert_eq!(turn_on(&codes.code(now()), PASSWORD).await, 303);
        let browser = site.stranger();
        log_in(&browser, "owner", PASSWORD, "").await.expect(401);
        log_in(&browser, "owner", PASSWORD, "123456").await.expect(401);
        log_in(&browser, "owner", PASSWORD, &codes.code(now())).await.expect(401);
        let before = codes.code(now().minus(Duration::from_secs(30)));
        log_in(&browser, "owner", PASSWORD, &before).await.expect(401);
        let used = site.store.person_called("owner").await.unwrap().unwrap().totp_step;
        assert_eq!(used, Some(now().as_secs() / 30), "the code that switched codes on is used up");
        site.clock.advance(Duration::from_secs(30));
        let code = codes.code(now());
        log_in(&browser, "owner", PASSWORD, &code).await.expect(303);
        log_in(&site.stranger(), "owner", PASSWORD, &code).await.expect(401);
        let old = codes.code(now().minus(Duration::from_secs(30)));
        log_in(&site.stranger(), "owner", PASSWORD, &old).await.expect(401);
        site.clock.advance(Duration::from_secs(30));
        log_in(&site.stranger(), "owner", PASSWORD, &codes.code(now())).await.expect(303);
        assert_eq!(turn_on(&codes.code(now()), PASSWORD).await, 303, "another phone");
        owner.learn_csrf("/me").await;
        owner.post("/me/totp/off", &[("password", PASSWORD)]).await.expect(303);
        log_in(&site.stranger(), "owner", PASSWORD, "").await.expect(303);
        let secret_is_told = audit(site).await.iter().any(|row| format!("{row:?}").contains(&secret));
        assert!(!secret_is_told);
    })
    .await;
}

#[tokio::test]
async fn somebody_ends_their_own_sessions_alone() {
    each_site(async |site| {
        let (here, there) = (site.log_in(Role::Owner).await, site.log_in(Role::Owner).await);
        let (other, third) = (site.log_in(Role::Staff).await, site.log_in(Role::Owner).await);
        let key = |browser: &Browser| browser.session.clone().unwrap();
        here.post("/me/sessions/end", &[("session", &key(&other))]).await.expect(303);
        other.get("/me").await.expect(200);
        here.post("/me/sessions/end", &[("session", &key(&there))]).await.expect(303);
        assert_eq!(there.get("/me").await.status, 303);
        third.get("/me").await.expect(200);
        here.post("/me/sessions/end-others", &[]).await.expect(303);
        assert_eq!(third.get("/me").await.status, 303);
        here.get("/me").await.expect(200);
        other.get("/me").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    each_site(async |site| {
        let (here, there) = (site.log_in(Role::Owner).await, site.log_in(Role::Owner).await);
        let new = "another horse 34";
        let form = |old, new, again| [("old", old), ("new", new), ("again", again)];
        here.post("/me/password", &form("wrong", new, new)).await.expect(422);
        here.post("/me/password", &form(PASSWORD, new, "typing error")).await.expect(422);
        here.post("/me/password", &form(PASSWORD, "short", "short")).await.expect(422);
        there.get("/me").await.expect(200);
        here.post("/me/password", &form(PASSWORD, new, new)).await.expect(303);
        here.get("/me").await.expect(200);
        assert_eq!(there.get("/me").await.status, 303);
        log_in(&site.stranger(), "owner", PASSWORD, "").await.expect(401);
        log_in(&site.stranger(), "owner", new, "").await.expect(303);
    })
    .await;
}

#[tokio::test]
async fn the_owner_decides_who_comes_in() {
    each_site(async |site| {
        let owner = site.log_in(Role::Owner).await;
        let name = "<script>alert(1)</script>";
        let add = |login: &'static str| {
            [
                ("name", login),
                ("full_name", name),
                ("password", PASSWORD),
                ("role", "staff"),
                ("language", "ja"),
            ]
        };
        owner.post("/users", &add("aki")).await.expect(303);
        assert_eq!(owner.post("/users", &add("AKI")).await.status, 409, "the name is taken");
        assert_eq!(owner.post("/users", &add("<b>")).await.status, 422);
        let aki = site.store.person_called("aki").await.unwrap().unwrap();
        for path in ["/users".to_owned(), format!("/users/{}", aki.id), "/audit".to_owned()] {
            let page = owner.page(&path).await;
            assert!(
                !page.contains("<script>alert") && page.contains("&#60;script&#62;alert(1)"),
                "{path} {page}"
            );
        }
        let browser = site.stranger();
        log_in(&browser, "aki", PASSWORD, "").await.expect(303);
        browser.get("/users").await.expect(403);
        let path = |what: &str| format!("/users/{}/{what}", aki.id);
        let change = |role, version| [("full_name", "秋"), ("role", role), ("version", version)];
        owner.post(&path("change"), &change("owner", "1")).await.expect(303);
        browser.get("/users").await.expect(200);
        assert_eq!(
            owner.post(&path("change"), &change("staff", "1")).await.status,
            409,
            "the version is old"
        );
        assert_eq!(owner.post(&path("change"), &change("root", "2")).await.status, 422);
        owner.post(&path("disable"), &[("version", "2")]).await.expect(303);
        assert_eq!(browser.get("/").await.location(), "/login", "at once");
        log_in(&browser, "aki", PASSWORD, "").await.expect(401);
        owner.post(&path("enable"), &[("version", "3")]).await.expect(303);
        let form = [("version", "4"), ("password", "a third horse 56")];
        owner.post(&path("password"), &form).await.expect(303);
        log_in(&browser, "aki", PASSWORD, "").await.expect(401);
        log_in(&browser, "aki", "a third horse 56", "").await.expect(303);
        owner.post(&path("end-sessions"), &[]).await.expect(303);
        assert_eq!(browser.get("/").await.location(), "/login");
        assert_eq!(owner.get("/users/999999").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn the_last_owner_stays() {
    each_site(async |site| {
        let owner = site.log_in(Role::Owner).await;
        let me = site.store.person_called("owner").await.unwrap().unwrap();
        let path = |what: &str| format!("/users/{}/{what}", me.id);
        let demote = [("full_name", "x"), ("role", "staff"), ("version", "1")];
        assert_eq!(owner.post(&path("change"), &demote).await.status, 409);
        assert_eq!(owner.post(&path("disable"), &[("version", "1")]).await.status, 409);
        let second = site.person("second", Role::Owner).await;
        let now = site.clock.now();
        let disable = |id| PersonAt { id, version: None };
        site.store.change_person(disable(second.id), &PersonChange::Disable, "test", now).await.unwrap();
        assert_eq!(
            owner.post(&path("disable"), &[("version", "1")]).await.status,
            409,
            "the other is disabled"
        );
        site.store.change_person(disable(second.id), &PersonChange::Enable, "test", now).await.unwrap();
        owner.post(&path("disable"), &[("version", "1")]).await.expect(303);
        assert_eq!(owner.get("/").await.location(), "/login");
    })
    .await;
}

#[tokio::test]
async fn every_change_is_in_the_audit_with_before_and_after() {
    each_site(async |site| {
        let owner = site.log_in(Role::Owner).await;
        let aki = site.person("aki", Role::Staff).await;
        let path = format!("/users/{}/change", aki.id);
        let form = [("full_name", "秋子"), ("role", "read_only"), ("version", "1")];
        owner.post(&path, &form).await.expect(303);
        let rows = audit(site).await;
        let row = rows.iter().find(|row| row.action == "user_change").unwrap();
        assert_eq!((row.actor.as_str(), row.subject.as_str()), ("user:owner", "aki"));
        assert!(row.before_state.as_deref().unwrap().contains("\"role\":\"staff\""), "{row:?}");
        assert!(row.after_state.as_deref().unwrap().contains("\"role\":\"read_only\""), "{row:?}");
        let shown = owner.page("/audit?person=user%3Aowner&action=user_change&about=AKI").await;
        for text in ["<del>staff</del>", "<ins>read-only</ins>", "<ins>秋子</ins>", "user:owner"] {
            assert!(shown.contains(text), "{text}: {shown}");
        }
        assert!(!owner.page("/audit?person=cli%3Anobody").await.contains("<del>"));
        assert!(!owner.page("/audit?about=%25").await.contains("<del>"), "a percent sign is no wildcard");
        let reader = site.log_in(Role::ReadOnly).await;
        reader.get("/audit").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn behind_tls_the_cookie_is_for_tls_alone() {
    let fresh = Fresh::sqlite().await;
    let house = "[shop]\nname = \"x\"\n[web]\npublic_url = \"https://banto.test\"\n";
    let site = Site::planned(&fresh, Plan { house, ..Plan::default() }, SimClock::usual()).await;
    site.person("owner", Role::Owner).await;
    let browser = site.stranger().with("origin", "https://banto.test");
    let answer = log_in(&browser, "owner", PASSWORD, "").await.expect(303);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-banto_session=") && cookie.ends_with("; Secure"), "{cookie}");
    browser.get("/me").await.expect(200);
    let stranger = site.stranger();
    stranger.set_cookie("banto_session", &browser.cookie("__Host-banto_session").unwrap());
    assert_eq!(
        stranger.get("/me").await.status,
        303,
        "a cookie that plain HTTP could have set is not looked at"
    );
}

#[tokio::test]
async fn a_backup_logs_nobody_in() {
    each_site(async |site| {
        let owner = site.log_in(Role::Owner).await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.backup");
        site.store.backup(&file, &mut |_, _| ()).await.unwrap();
        let token = owner.cookie("banto_session").unwrap();
        let bytes = std::fs::read(&file).unwrap();
        let digest = keys::digest(&token);
        let is_in = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(is_in("$argon2id$") && !is_in(&token));
        let copy = Fresh::sqlite().await;
        copy.store.restore(&file, &mut |_, _| ()).await.unwrap();
        assert_eq!(copy.store.visitor(&digest, site.clock.now()).await.unwrap(), None);
        assert_eq!(copy.store.people().await.unwrap(), site.store.people().await.unwrap());
        // The file itself, put in the store's place.
        let opened = banto::store::Store::open(&format!("sqlite:{}", file.display())).await.unwrap();
        assert_eq!(opened.visitor(&digest, site.clock.now()).await.unwrap(), None);
        opened.close().await;
    })
    .await;
}

#[tokio::test]
async fn languages_are_those_of_the_browser_and_the_user() {
    let fresh = Fresh::sqlite().await;
    let site = Site::on(&fresh).await;
    site.person("owner", Role::Owner).await;
    let english = site.stranger().with("accept-language", "en-GB,en;q=0.9");
    assert!(english.page("/login").await.contains("<h1>Log in</h1>"));
    let page = site.stranger().page("/login").await;
    assert!(page.contains("<h1>ログイン</h1>") && page.contains("茶屋 &#60;本店&#62;"), "{page}");
    let owner = site.log_in(Role::Owner).await;
    let id = site.store.person_called("owner").await.unwrap().unwrap().id;
    let who = PersonAt { id, version: None };
    for (language, word) in [(Language::Ja, "ログイン中の端末"), (Language::En, "Where you are logged in")]
    {
        let change = PersonChange::Language(language);
        site.store.change_person(who, &change, "test", site.clock.now()).await.unwrap();
        assert!(owner.page("/me").await.contains(word), "{word}");
    }
}

#[tokio::test]
async fn every_page_is_seen_by_whoever_may_read() {
    each_site(async |site| {
        let reader = site.log_in(Role::ReadOnly).await;
        let pages = site.routes.iter().filter(|r| r.method == Method::GET && r.access == Access::Read);
        for route in pages.filter(|route| !streams(route)) {
            let answer = reader.get(&filled(route.path)).await;
            assert!(was_let_in(&answer) && answer.status < 500, "{}: {}", route.path, answer.status);
        }
    })
    .await;
}

#[tokio::test]
async fn the_address_of_a_form_says_how_it_is_sent() {
    each_site(async |site| {
        let owner = site.log_in(Role::Owner).await;
        let opened = owner.ask("GET", "/orders/bulk", &[], b"").await.expect(405);
        assert_eq!(opened.header("allow"), Some("POST"), "RFC 9110 §15.5.6");
    })
    .await;
}
