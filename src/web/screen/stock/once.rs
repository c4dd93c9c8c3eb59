//! Forms that book something, each booked once however often it is sent: a lost answer, an impatient second press and a
//! page that was gone back to all send the same form again. A form carries the key that was made when it was opened, and
//! the booking's own transaction remembers it (`store/api.rs`, as for the requests of the HTTP API).

use banto_channel::{Bilingual, both};

use crate::keys::{Token, digest};
use crate::store::{RequestTry, Reserved};
use crate::web::screen::{Desk, Fault};

/// Longest key that a form may send.
const KEY_MAX: usize = 128;

/// A key for a form that is opened.
pub(super) fn new_key() -> String {
    Token::new().0
}

/// The key that a form sent, if it can be one.
pub(super) fn sent_key(text: &str) -> Option<String> {
    let fits = (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| text.to_owned())
}

/// Whether a form may book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may, by a store that is told so ([`crate::store::Store::once`]).
    First(RequestTry),
    /// It was booked before.
    Again,
    /// The same form is being booked just now.
    Busy,
    /// Under its key something else was sent before.
    Other,
}

impl Turn {
    /// Why nothing was booked now, of a form that may not.
    pub(super) fn words(self) -> Bilingual {
        match self {
            Self::First(_) | Self::Busy => both!(
                "This is being booked just now: nothing was booked a second time; look again in a moment",
                "登録処理中です。二重には登録していません。少し待ってから確認してください"
            ),
            Self::Again => both!(
                "This was booked already: nothing was booked a second time",
                "すでに登録済みです。二重には登録していません"
            ),
            Self::Other => both!(
                "This was sent before with something else in it, and nothing was booked now. Look at the stock, then \
                 book on a new page what is missing",
                "別の内容ですでに送信されているため、今回は何も登録していません。在庫を確認し、不足分は新しい画面で登録してください"
            ),
        }
    }
}

/// Takes a form's turn; `said` is all that it is to do.
pub(super) async fn turn(desk: &Desk, key: &str, said: &[&str]) -> Result<Turn, Fault> {
    let store = desk.store();
    let said = digest(&said.join("\n"));
    Ok(match store.reserve_form(key, &said, desk.now()).await? {
        Reserved::Fresh(this) => Turn::First(this),
        Reserved::Done(this) => {
            end(desk, this).await;
            Turn::Again
        }
        Reserved::Answered { .. } => Turn::Again,
        Reserved::Running => Turn::Busy,
        Reserved::Other => Turn::Other,
    })
}

/// Ends a turn. What was refused leaves the key to be used again; should this fail, what was booked stays so all the same.
pub(super) async fn end(desk: &Desk, this: RequestTry) {
    const SEE_OTHER: u16 = 303;
    if let Err(error) = desk.store().end_request(this, SEE_OTHER, "").await {
        tracing::error!(error = %error, "the end of a booking could not be noted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_a_form_was_given() {
        let key = new_key();
        assert_eq!(sent_key(&key).as_deref(), Some(key.as_str()));
        for odd in ["", "a b", "茶", "a\n", &"x".repeat(129)] {
            assert_eq!(sent_key(odd), None, "{odd:?}");
        }
    }
}
