//! How a channel does, in plain words.

use banto_channel::{Bilingual, Timestamp, both};

use crate::config::{ChannelConfig, Mode};
use crate::domain::counted::counted;
use crate::store::{ChannelRow, Pace};

/// How a channel does: the tone of its label and the words on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web::screen) struct State {
    /// A class of `.chip`.
    pub(in crate::web::screen) tone: &'static str,
    /// The label.
    pub(in crate::web::screen) label: Bilingual,
}

impl State {
    const fn new(tone: &'static str, label: Bilingual) -> Self {
        Self { tone, label }
    }

    /// Of a channel of the config; the worst that is true of it.
    pub(in crate::web::screen) fn of(pace: Option<&Pace>, config: Option<&ChannelConfig>) -> Self {
        let Some(config) = config else {
            return Self::new("quiet", both!("no longer configured", "設定ファイルなし"));
        };
        if !config.enabled {
            return Self::new("quiet", both!("switched off", "無効"));
        }
        let Some(pace) = pace else {
            return Self::new("quiet", both!("not started yet", "未起動"));
        };
        let row = &pace.row;
        if row.stopped.is_some() && row.approved {
            return Self::new("info", both!("goes on in a moment", "まもなく再開"));
        }
        if row.stopped.is_some() {
            return Self::new("bad", both!("waits for your word", "確認待ちで停止中"));
        }
        if row.pull_error.is_some() {
            return Self::new("bad", both!("orders cannot be read", "受注を取得できません"));
        }
        if row.paused {
            return Self::new("warn", both!("paused", "一時停止中"));
        }
        if row.pulled_at.is_none() {
            return Self::new("quiet", both!("never read yet", "未取得"));
        }
        if pace.failed.n > 0 {
            let n = pace.failed.n;
            let listings = counted(n, "listing", "listings");
            let what = both!("{listings} not taken", "{n}件の出品で在庫を更新できません");
            return Self::new("warn", what);
        }
        match config.mode {
            Mode::Live => Self::new("ok", both!("runs", "稼働中")),
            Mode::Observe => Self::new("info", both!("only read", "観察中（書き込みなし）")),
        }
    }
}

/// How long something took, as short as can be: `0.4 s`, `12 min`.
pub(in crate::web::screen) fn span(micros: i64) -> Bilingual {
    let tenths = micros.max(0) / 100_000;
    match tenths {
        0..100 => {
            let (whole, part) = (tenths / 10, tenths % 10);
            both!("{whole}.{part} s", "{whole}.{part}秒")
        }
        100..1200 => {
            let n = tenths / 10;
            both!("{n} s", "{n}秒")
        }
        1200..72_000 => {
            let n = tenths / 600;
            both!("{n} min", "{n}分")
        }
        72_000..1_728_000 => {
            let n = tenths / 36_000;
            both!("{n} h", "{n}時間")
        }
        _ => {
            let n = tenths / 864_000;
            both!("{n} d", "{n}日")
        }
    }
}

/// Since when a channel is silent, if longer than its own pace explains, and that pace.
pub(in crate::web::screen) fn silence(
    row: &ChannelRow,
    factor: u32,
    least_minutes: u32,
    now: Timestamp,
) -> Option<(Timestamp, i64)> {
    let (last, gap) = (row.last_order_at?, row.order_gap?);
    let limit = gap.saturating_mul(i64::from(factor)).max(i64::from(least_minutes) * 60_000_000);
    (now.0 - last > limit).then_some((Timestamp(last), gap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_in_the_unit_that_fits() {
        let said = |seconds: i64| span(seconds * 1_000_000).en;
        assert_eq!(span(440_000).en, "0.4 s");
        assert_eq!(span(440_000).ja, "0.4秒");
        assert_eq!(
            [said(9), said(10), said(119), said(120), said(7200), said(172_800), said(-1)],
            ["9.0 s", "10 s", "119 s", "2 min", "2 h", "2 d", "0.0 s"]
        );
    }
}
