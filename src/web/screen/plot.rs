//! Plots as SVG: lines over days, bars side by side. Ink is `currentColor`, so that they fit light and dark, and the
//! series are told apart by a legend and by how they are drawn, not by colour alone.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use plotters::coord::Shift;
use plotters::coord::types::{RangedCoordf64, RangedCoordi64};
use plotters::prelude::*;

use super::format;

/// One line over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// What the legend calls it.
    pub name: &'a str,
    /// Microseconds since 1970 and the value from then on, oldest first.
    pub points: &'a [(i64, i64)],
    /// The value holds until the next point: stock. Otherwise the points are joined: sales by day.
    pub stepped: bool,
}

/// One series of bars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bars<'a> {
    /// What the legend calls it.
    pub name: &'a str,
    /// One value a label.
    pub values: &'a [i64],
}

/// Size of the picture; a browser scales it to the page. Small enough that its texts can be read 330 px wide.
const SIZE: (u32, u32) = (440, 220);
/// `plotters` divides it by 1.24.
const FONT: f64 = 15.0;
/// Width of a narrow character at that size; a wide one is twice as wide.
const CHAR: u32 = 7;
const LEGEND_HEIGHT: u32 = 20;
/// Stands for `currentColor`, which `plotters` cannot say.
const INK: RGBColor = RGBColor(1, 2, 3);
/// At least 3:1 on white and on near-black.
const SERIES: [RGBColor; 5] = [
    RGBColor(0x3b, 0x82, 0xc4),
    RGBColor(0xc4, 0x6a, 0x1f),
    RGBColor(0x2e, 0x8f, 0x6b),
    RGBColor(0x9a, 0x66, 0xc8),
    RGBColor(0x9a, 0x7d, 0x1c),
];
const DAY: i64 = 86_400_000_000;
/// Beyond this the axes cannot count.
const MOST: i64 = 1 << 50;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordi64>>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Lines over days, as an `<svg>` element whose name is `title`. Days are the zone's. Empty when there is nothing to
/// draw.
pub(crate) fn lines(
    title: &str,
    lines: &[Line<'_>],
    zone: &TimeZone,
    value: &dyn Fn(i64) -> String,
) -> String {
    let times = || lines.iter().flat_map(|l| l.points).map(|p| p.0);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return String::new() };
    let names: Vec<&str> = lines.iter().map(|l| l.name).collect();
    // A week at least: the history of an hour is a line at the end, not a picture with one day written three times.
    let first = midnight(first, zone).min(midnight(last, zone) - 6 * DAY);
    picture(title, &names, |area| draw_lines(area, lines, (first, last), zone, value))
}

/// Bars side by side, as an `<svg>` element whose name is `title`: one group a label. Empty when there is nothing to
/// draw.
pub(crate) fn bars(
    title: &str,
    labels: &[String],
    series: &[Bars<'_>],
    value: &dyn Fn(i64) -> String,
) -> String {
    if labels.is_empty() || series.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = series.iter().map(|s| s.name).collect();
    picture(title, &names, |area| draw_bars(area, labels, series, value))
}

fn draw_lines(
    area: &Area<'_>,
    lines: &[Line<'_>],
    (first, last): (i64, i64),
    zone: &TimeZone,
    value: &dyn Fn(i64) -> String,
) -> Drawn {
    let days = |at: i64| (at - first) as f64 / DAY as f64;
    let values = lines.iter().flat_map(|l| l.points).map(|p| p.1);
    let (low, high) = span(values);
    let mut chart = ChartBuilder::on(area)
        .margin_top(6)
        .margin_right(22) // half of the last day's label
        .x_label_area_size(24)
        .y_label_area_size(label_width(low, high, value))
        .build_cartesian_2d(0.0..days(last).max(1.0), low..high)?;
    let day = |at: &f64| day_label(first + (at * DAY as f64) as i64, zone);
    axes(&mut chart, (5, &day), value)?;
    for (at, line) in lines.iter().enumerate() {
        let points = line.points.iter().map(|(at, v)| (days(*at), (*v).clamp(-MOST, MOST)));
        let points: Vec<(f64, i64)> = if line.stepped { steps(points) } else { points.collect() };
        if at == 0 && line.stepped {
            chart.draw_series(AreaSeries::new(points.iter().copied(), low.max(0), color(at).mix(0.15)))?;
        }
        // Where a line ends is marked: the history of an hour would not be seen otherwise.
        let end = points.last().map(|end| Circle::new(*end, 4, color(at).filled()));
        chart.draw_series(end)?;
        chart.draw_series(LineSeries::new(points, color(at).stroke_width(stroke(at))))?;
    }
    Ok(())
}

fn draw_bars(
    area: &Area<'_>,
    labels: &[String],
    series: &[Bars<'_>],
    value: &dyn Fn(i64) -> String,
) -> Drawn {
    let (low, high) = span(series.iter().flat_map(|s| s.values).copied());
    let many = labels.len();
    let mut chart = ChartBuilder::on(area)
        .margin_top(6)
        .margin_right(10)
        .x_label_area_size(24)
        .y_label_area_size(label_width(low, high, value))
        .build_cartesian_2d(-0.5..many as f64 - 0.5, low..high)?;
    let longest = labels.iter().map(|l| text_width(l)).max().unwrap_or(0) + CHAR;
    let fit = (SIZE.0 / longest.max(1)).clamp(1, 12) as usize;
    let label = |at: &f64| match at.fract().abs() < 0.01 {
        true => labels.get(at.round() as usize).cloned().unwrap_or_default(),
        false => String::new(),
    };
    axes(&mut chart, (fit, &label), value)?;
    let width = 0.8 / series.len() as f64;
    for (nth, one) in series.iter().enumerate() {
        let left = |at: usize| at as f64 - 0.4 + width * nth as f64;
        let bar = |(at, v): (usize, &i64)| {
            let corners = [(left(at), 0_i64.max(low)), (left(at) + width * 0.94, (*v).clamp(-MOST, MOST))];
            Rectangle::new(corners, color(nth).filled())
        };
        chart.draw_series(one.values.iter().take(many).enumerate().map(bar))?;
    }
    Ok(())
}

fn axes(
    chart: &mut Chart<'_, '_>,
    (x_labels, x_label): (usize, &dyn Fn(&f64) -> String),
    value: &dyn Fn(i64) -> String,
) -> Drawn {
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(INK.mix(0.15))
        .axis_style(INK.mix(0.5))
        .label_style(("sans-serif", FONT, &INK))
        .x_labels(x_labels)
        .y_labels(5)
        .x_label_formatter(x_label)
        .y_label_formatter(&|v| value(*v))
        .draw()?;
    Ok(())
}

/// Draws a picture with its legend, and makes its element one that a page can hold.
fn picture(title: &str, names: &[&str], draw: impl Fn(&Area<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let (top, rest) = area.split_vertically(LEGEND_HEIGHT);
        legend(&top, names).and_then(|()| draw(&rest)).and_then(|()| Ok(area.present()?))
    };
    if let Err(error) = drawn {
        tracing::error!(error = %error, "a plot could not be drawn");
        return String::new();
    }
    let inner = svg.split_once('>').map_or("", |(_, inner)| inner);
    let (width, height) = SIZE;
    let mut out = String::with_capacity(svg.len() + 200);
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"100%\" role=\"img\" \
         aria-label=\"{}\">",
        escaped(title)
    );
    // A text cannot hold a quote, so only attributes are found.
    out.push_str(&inner.replace("\"#010203\"", "\"currentColor\""));
    out
}

fn legend(area: &Area<'_>, names: &[&str]) -> Drawn {
    let mut x = 8;
    for (at, name) in names.iter().enumerate() {
        let sample = vec![(x, 11), (x + 18, 11)];
        area.draw(&PathElement::new(sample, color(at).stroke_width(stroke(at) + 1)))?;
        area.draw(&Text::new((*name).to_owned(), (x + 23, 4), ("sans-serif", FONT).into_font().color(&INK)))?;
        x += 37 + i32::try_from(text_width(name)).unwrap_or(0);
    }
    Ok(())
}

const fn color(at: usize) -> RGBColor {
    SERIES[at % SERIES.len()]
}

/// The first line is the thickest.
const fn stroke(at: usize) -> u32 {
    if at == 0 { 3 } else { 2 }
}

/// Zero and everything drawn, with a little air above.
fn span(values: impl Iterator<Item = i64>) -> (i64, i64) {
    let (low, high) = values.fold((0, 1), |(low, high), v| (v.min(low).max(-MOST), v.max(high).min(MOST)));
    (low, high.saturating_add((high / 20).max(1)))
}

/// The corners of a line that holds each value until the next.
fn steps(points: impl Iterator<Item = (f64, i64)>) -> Vec<(f64, i64)> {
    let mut corners: Vec<(f64, i64)> = Vec::new();
    for (at, value) in points {
        if let Some((_, before)) = corners.last().copied().filter(|(_, before)| *before != value) {
            corners.push((at, before));
        }
        corners.push((at, value));
    }
    corners
}

fn label_width(low: i64, high: i64, value: &dyn Fn(i64) -> String) -> u32 {
    text_width(&value(high)).max(text_width(&value(low))) + 14
}

fn text_width(text: &str) -> u32 {
    u32::try_from(unicode_width::UnicodeWidthStr::width(text)).unwrap_or(0) * CHAR
}

fn midnight(at: i64, zone: &TimeZone) -> i64 {
    let day =
        jiff::Timestamp::from_microsecond(at).ok().and_then(|t| t.to_zoned(zone.clone()).start_of_day().ok());
    day.map_or(at, |day| day.timestamp().as_microsecond())
}

fn day_label(at: i64, zone: &TimeZone) -> String {
    let day = jiff::Timestamp::from_microsecond(at).map(|t| t.to_zoned(zone.clone()));
    day.map_or_else(|_| String::new(), |day| day.strftime("%-m/%-d").to_string())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A number as an axis has it.
pub(crate) fn plain(n: i64) -> String {
    format::number(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "<script>alert(\"1\")</script>'&";
    const NOW: i64 = 1_795_311_000_000_000;

    fn stock() -> String {
        let points: Vec<(i64, i64)> = (0..90).map(|d| (NOW + d * DAY, (d * 37) % 60)).collect();
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        let line = |name| Line { name, points: &points, stepped: true };
        lines(NASTY, &[line(NASTY), line("自由在庫")], &zone, &plain)
    }

    #[test]
    fn ink_follows_the_page_and_texts_are_texts() {
        let svg = stock();
        assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains("style=") && !svg.contains("#010203"), "{svg}");
        assert!(
            svg.contains("fill=\"currentColor\"")
                && svg.contains("&lt;script&gt;")
                && svg.contains("自由在庫")
        );
        // 2026-11-22 in Tokyo is the first day, and a label.
        assert!(svg.contains("11/22"), "{svg}");
        assert!(svg.len() < 20_000, "{} bytes", svg.len());
    }

    #[test]
    fn bars_stand_beside_each_other_at_their_labels() {
        let labels: Vec<String> = (1..=7).map(|d| format!("11/{d}")).collect();
        let (this, last) = ([5, 0, 7, 12, 3, 9, 1], [4, 4, 4, 0, 4, 4, 4]);
        let svg = bars(
            "売上",
            &labels,
            &[Bars { name: "今週", values: &this }, Bars { name: "先週", values: &last }],
            &plain,
        );
        assert_eq!(svg.matches("<rect").count(), 14, "{svg}");
        assert!(labels.iter().all(|l| svg.contains(&format!("{l}\n"))), "{svg}");
    }

    #[test]
    fn nothing_and_a_single_point_draw_without_harm() {
        let zone = TimeZone::UTC;
        assert_eq!(lines("x", &[], &zone, &plain), "");
        assert_eq!(bars("x", &[], &[], &plain), "");
        let one = [(NOW, 0)];
        assert!(
            lines("x", &[Line { name: "n", points: &one, stepped: false }], &zone, &plain).contains("<svg")
        );
        let most = [(NOW, i64::MAX), (NOW + DAY, i64::MIN)];
        assert!(
            lines("x", &[Line { name: "n", points: &most, stepped: true }], &zone, &plain).contains("<svg")
        );
    }

    #[test]
    fn a_level_holds_until_the_next() {
        assert_eq!(
            steps([(0.0, 5), (2.0, 3), (4.0, 3)].into_iter()),
            [(0.0, 5), (2.0, 5), (2.0, 3), (4.0, 3)]
        );
    }
}
