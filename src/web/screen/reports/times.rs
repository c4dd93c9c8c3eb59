//! Days, weeks and months, and what they are compared with.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use crate::store::day_number;

/// How long one period is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Step {
    /// A day.
    #[default]
    Day,
    /// From Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

/// What the periods are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Against {
    /// As many periods right before.
    #[default]
    Before,
    /// The same periods a year earlier; days and weeks 52 weeks earlier, so that weekdays meet.
    LastYear,
}

/// Some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    /// Its first day.
    pub first: Date,
    /// The day after its last.
    pub end: Date,
}

impl Step {
    pub(super) fn from_name(name: &str) -> Self {
        match name {
            "week" => Self::Week,
            "month" => Self::Month,
            _ => Self::Day,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// How many of them one report shows.
    pub(super) const fn many(self) -> i32 {
        match self {
            Self::Day => 30,
            Self::Week => 13,
            Self::Month => 12,
        }
    }

    fn span(self, n: i32) -> Span {
        match self {
            Self::Day => n.days(),
            Self::Week => n.weeks(),
            Self::Month => n.months(),
        }
    }

    /// The period that a day is in.
    pub(super) fn around(self, day: Date) -> Period {
        let first = match self {
            Self::Day => day,
            Self::Week => moved(day, -i32::from(day.weekday().since(Weekday::Monday)), Self::Day),
            Self::Month => day.first_of_month(),
        };
        Period { first, end: moved(first, 1, self) }
    }

    /// The periods of a report that ends with the one around `until`, oldest first.
    pub(super) fn up_to(self, until: Date) -> Vec<Period> {
        let last = self.around(until);
        (1 - self.many()..=0).map(|n| self.shifted(last, n)).collect()
    }

    /// The period `n` later.
    pub(super) fn shifted(self, period: Period, n: i32) -> Period {
        let first = moved(period.first, n, self);
        Period { first, end: moved(first, 1, self) }
    }

    /// What a period of a report of `many` is compared with.
    pub(super) fn compared(self, period: Period, against: Against, many: i32) -> Period {
        let back = match (against, self) {
            (Against::Before, _) => many,
            (Against::LastYear, Self::Day) => 364,
            (Against::LastYear, Self::Week) => 52,
            (Against::LastYear, Self::Month) => 12,
        };
        self.shifted(period, -back)
    }

    /// A period as a table has it.
    pub(super) fn label(self, period: Period) -> String {
        let shape = match self {
            Self::Day => "%Y-%m-%d",
            Self::Week => "%Y-%m-%d –",
            Self::Month => "%Y-%m",
        };
        period.first.strftime(shape).to_string()
    }

    /// A period as a plot has it.
    pub(super) fn short(self, period: Period) -> String {
        let shape = if self == Self::Month { "%-m" } else { "%-m/%-d" };
        period.first.strftime(shape).to_string()
    }
}

impl Against {
    pub(super) fn from_name(name: &str) -> Self {
        if name == "year" { Self::LastYear } else { Self::Before }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::LastYear => "year",
        }
    }
}

impl Period {
    /// Its days by number: the first, and the one after the last.
    pub(super) fn days(self) -> (i64, i64) {
        (day_number(self.first), day_number(self.end))
    }
}

/// A date moved by periods; the calendar's end stays where it is.
fn moved(date: Date, n: i32, step: Step) -> Date {
    date.saturating_add(step.span(n))
}

/// A date as it is typed.
pub(super) fn date_from(text: &str) -> Option<Date> {
    let date: Date = text.trim().parse().ok()?;
    (1970..=9000).contains(&date.year()).then_some(date)
}
