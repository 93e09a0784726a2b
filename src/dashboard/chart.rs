//! Charts as SVG: a measure of drills over time, with its limit. Color is never the only sign.

use std::fmt::Write as _;

use crate::clock::Timestamp;
use crate::wire::event::Verdict;
use crate::wire::history::Point;

/// A measure of a drill.
pub(super) type Measure = fn(&Point) -> Option<f64>;

/// Size of a chart in its own units, and its margins.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 8.0;
/// Size of a sparkline.
const SPARK: (f64, f64) = (120.0, 24.0);
/// How many drills a sparkline shows.
const SPARK_POINTS: usize = 30;

pub(super) fn rto(point: &Point) -> Option<f64> {
    point.rto_seconds
}

pub(super) fn rpo(point: &Point) -> Option<f64> {
    point.rpo_minutes
}

pub(super) fn size(point: &Point) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "it is drawn")]
    point.backup_bytes.map(|bytes| bytes as f64)
}

/// A point that can be drawn: when, how much, and how the drill ended.
type Drawn = (f64, f64, Verdict);

fn drawn(points: &[Point], measure: Measure) -> Vec<Drawn> {
    let each = points.iter().filter_map(|point| {
        #[expect(clippy::cast_precision_loss, reason = "it is drawn")]
        let at = point.started_at.parse::<Timestamp>().ok()?.unix() as f64;
        Some((at, measure(point)?, point.verdict))
    });
    each.collect()
}

/// A measure over time. Drills that passed are dots, those that failed crosses, what could not be told is a
/// triangle; the limit is a dashed line.
pub(super) fn line(
    title: &str,
    unit: &str,
    points: &[Point],
    measure: Measure,
    limit: Option<f64>,
) -> String {
    let drawn = drawn(points, measure);
    let (Some(first), Some(last)) = (drawn.first(), drawn.last()) else { return String::new() };
    let highest = drawn.iter().map(|(_, value, _)| *value).fold(0.0, f64::max);
    // A limit far above would press the line flat: it is then named, not drawn.
    let shown = limit.filter(|limit| *limit <= highest * 4.0);
    let top = shown.unwrap_or(0.0).max(highest).max(f64::MIN_POSITIVE);
    let span = (last.0 - first.0).max(1.0);
    let x = |at: f64| LEFT + (at - first.0) / span * (WIDTH - 2.0 * LEFT);
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title} of {} drills, at most {highest:.3} {unit}{}\">",
        drawn.len(),
        limit.map(|limit| format!(", limit {limit}")).unwrap_or_default()
    );
    let floor = y(0.0);
    let _ = write!(svg, "<path class=\"axis\" d=\"M{LEFT} {floor:.1}H{:.1}\"/>", WIDTH - LEFT);
    let path: String = (0..)
        .zip(&drawn)
        .map(|(index, (at, value, _))| {
            format!("{}{:.1} {:.1}", if index == 0 { 'M' } else { 'L' }, x(*at), y(*value))
        })
        .collect();
    let _ = write!(svg, "<path class=\"line\" d=\"{path}\"/>");
    if let Some(limit) = shown {
        let level = y(limit);
        let _ = write!(svg, "<path class=\"limit\" d=\"M{LEFT} {level:.1}H{:.1}\"/>", WIDTH - LEFT);
    }
    for (at, value, verdict) in &drawn {
        svg.push_str(&sign(*verdict, x(*at), y(*value)));
    }
    svg.push_str("</svg>");
    svg
}

fn sign(verdict: Verdict, x: f64, y: f64) -> String {
    match verdict {
        Verdict::Passed => format!("<circle class=\"good\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"),
        Verdict::Failed => {
            format!("<path class=\"bad\" d=\"M{x:.1} {y:.1}m-4-4l8 8m0-8l-8 8\"/>")
        }
        Verdict::Inconclusive => {
            format!("<path class=\"open\" d=\"M{x:.1} {y:.1}m-4 3h8l-4-7z\"/>")
        }
    }
}

/// The newest RTOs as a line without words, for a table that has them.
pub(super) fn sparkline(points: &[Point]) -> String {
    let drawn = drawn(&points[points.len().saturating_sub(SPARK_POINTS)..], rto);
    let highest = drawn.iter().map(|(_, value, _)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let (width, height) = SPARK;
    #[expect(clippy::cast_precision_loss, reason = "there are few")]
    let step = width / (drawn.len().max(2) - 1) as f64;
    let mut path = String::new();
    let mut x = 0.0;
    for (_, value, _) in &drawn {
        let command = if path.is_empty() { 'M' } else { 'L' };
        let _ =
            write!(path, "{command}{x:.1} {:.1}", height - 2.0 - value / highest * (height - 4.0));
        x += step;
    }
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\"><path class=\"line\" \
         d=\"{path}\"/></svg>"
    )
}
