//! The frame around every page.

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum_extra::extract::cookie::{Cookie, SameSite};
use banto_channel::{Bilingual, Timestamp};
use jiff::tz::TimeZone;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Desk, Fault, Language, Visit, format};
use crate::domain::people::actor_in_words;

/// Where in the menu a page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What needs a person now.
    Today,
    /// Orders.
    Orders,
    /// Items and their stock.
    Stock,
    /// Listings and their items.
    Listings,
    /// Mails to buyers.
    Mails,
    /// Channels.
    Channels,
    /// Customers.
    Customers,
    /// Reports.
    Reports,
    /// Users, tokens, audit.
    House,
}

/// What the frame shows, and how its page writes numbers and times. A template knows it as `p`.
#[derive(Clone, Debug)]
pub struct Page {
    /// Who looks.
    pub visit: Visit,
    /// Where in the menu.
    pub section: Section,
    /// The window's title.
    pub title: String,
    /// The shop's name.
    pub shop: String,
    /// The shop's time zone.
    pub zone: TimeZone,
    /// When the page was made.
    pub now: Timestamp,
}

/// Cookie with what the last request did, said by the next page.
pub(super) const TOLD: &str = "banto_told";

impl Desk {
    /// The frame of a page.
    #[must_use]
    pub fn page(&self, visit: &Visit, section: Section, title: &Bilingual) -> Page {
        let app = self.app();
        Page {
            section,
            title: visit.say(title),
            shop: app.config.shop.name.clone(),
            zone: app.config.zone.clone(),
            now: app.clock.now(),
            visit: visit.clone(),
        }
    }
}

impl Page {
    /// The text in the visitor's language: English, then Japanese.
    #[must_use]
    pub fn t<'a>(&self, en: &'a str, ja: &'a str) -> &'a str {
        if self.is_ja() { ja } else { en }
    }

    /// A text in the visitor's language.
    #[must_use]
    pub fn say(&self, text: &Bilingual) -> String {
        self.visit.say(text)
    }

    /// A text that the store keeps in both languages, in the visitor's.
    #[must_use]
    pub fn kept(&self, text: &str) -> String {
        self.say(&Bilingual::unpacked(text))
    }

    /// Whether the visitor reads Japanese.
    #[must_use]
    pub fn is_ja(&self) -> bool {
        self.visit.language == Language::Ja
    }

    /// The page's language tag.
    #[must_use]
    pub fn lang(&self) -> &'static str {
        if self.is_ja() { "ja" } else { "en" }
    }

    /// Who did something, as the store keeps it, for the visitor: `Aki`, `honten (channel)`.
    #[must_use]
    pub fn who(&self, actor: &str) -> String {
        self.say(&actor_in_words(actor))
    }

    /// An amount of minor units with its currency: `¥1,080`, `$10.80`.
    #[must_use]
    pub fn money(&self, amount: &i64, currency: &str) -> String {
        format::money(*amount, currency)
    }

    /// A number with its thousands apart: `12,345`.
    #[must_use]
    pub fn number(&self, n: &i64) -> String {
        format::number(*n)
    }

    /// A number beside a tab: nobody counts further than a person looks, `999+`.
    #[must_use]
    pub fn count(&self, n: &i64) -> String {
        format::count(*n)
    }

    /// A time (microseconds since 1970) in the shop's zone, as short as can be: today `14:05`, this year `11/22 14:05`.
    #[must_use]
    pub fn time(&self, at: &i64) -> String {
        format::time(*at, self.now, &self.zone)
    }

    /// A time in full, with its zone, for a title.
    #[must_use]
    pub fn time_full(&self, at: &i64) -> String {
        format::time_full(*at, &self.zone)
    }

    /// How long ago, or how soon: `3 min ago`, `3分前`.
    #[must_use]
    pub fn ago(&self, at: &i64) -> String {
        format::ago(*at, self.now, self.visit.language)
    }

    /// `current` where the menu's entry is this page's.
    #[must_use]
    pub fn here(&self, section: &Section) -> bool {
        self.section == *section
    }
}

/// A page as an answer.
///
/// Errors: the template's.
pub fn html(page: &impl Template) -> Result<Response, Fault> {
    Ok(Html(page.render()?).into_response())
}

/// Goes on to `path` and has the page there say what was done.
#[must_use]
pub fn done(visit: &Visit, path: &str, what: &Bilingual) -> Response {
    let mut cookie = Cookie::new(TOLD, utf8_percent_encode(&visit.say(what), NON_ALPHANUMERIC).to_string());
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Strict);
    let mut answer = Redirect::to(path).into_response();
    if let Ok(value) = cookie.to_string().parse() {
        answer.headers_mut().append(axum::http::header::SET_COOKIE, value);
    }
    answer
}
