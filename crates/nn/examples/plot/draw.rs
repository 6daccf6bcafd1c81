//! From plots to SVG.

use std::fmt::Write;

use super::mark::{Mark, Shape};
use super::{BLACK, Figure, Plot};

const LEFT: f64 = 58.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 46.0;

/// Writes to a string, which cannot fail.
macro_rules! put {
    ($svg:expr, $($arg:tt)*) => { writeln!($svg, $($arg)*).expect("a string takes all") };
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

pub(super) fn figure(figure: &Figure) -> String {
    let head = if figure.title.is_empty() { 0.0 } else { 30.0 };
    let rows = figure.plots.len().div_ceil(figure.columns).max(1);
    let width = figure.width * figure.columns as f64;
    let height = head + figure.height * rows as f64;
    let mut svg = String::new();
    put!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif" font-size="11" fill="{BLACK}" role="img">"#
    );
    let title = if head > 0.0 {
        &figure.title
    } else {
        figure.plots.first().map_or(&figure.title, |p| &p.title)
    };
    put!(svg, "<title>{}</title>", escape(title));
    put!(svg, r#"<rect width="{width}" height="{height}" fill="white"/>"#);
    if head > 0.0 {
        let x = width / 2.0;
        let title = escape(&figure.title);
        put!(svg, r#"<text x="{x}" y="21" font-size="15" text-anchor="middle">{title}</text>"#);
    }
    for (i, plot) in figure.plots.iter().enumerate() {
        let at = (
            figure.width * (i % figure.columns) as f64,
            head + figure.height * (i / figure.columns) as f64,
        );
        Panel::new(plot, i, at, (figure.width, figure.height)).draw(&mut svg);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A plot with its ranges settled, and the rectangle of pixels between its axes.
struct Panel {
    plot: Plot,
    id: usize,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Panel {
    fn new(plot: &Plot, id: usize, (x, y): (f64, f64), (width, height): (f64, f64)) -> Self {
        let mut plot = plot.clone();
        let points: Vec<(f64, f64)> = plot.marks.iter().flat_map(Mark::points).collect();
        let shown: Vec<_> =
            points.into_iter().filter(|&(x, y)| plot.x.shows(x) && plot.y.shows(y)).collect();
        plot.x.fit(shown.iter().map(|p| p.0));
        plot.y.fit(shown.iter().map(|p| p.1));
        let (left, right, bottom) = if plot.bare { (6.0, 6.0, 6.0) } else { (LEFT, RIGHT, BOTTOM) };
        let (width, height) = (width - left - right, height - TOP - bottom);
        if plot.equal {
            equalise(&mut plot, width, height);
        }
        Self { plot, id, x: x + left, y: y + TOP, width, height }
    }

    /// The pixel of a point, or nothing where the axes have no place for it.
    fn pixel(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let (horizontal, vertical) = (&self.plot.x, &self.plot.y);
        (horizontal.shows(x) && vertical.shows(y)).then(|| {
            // Far outside, SVG renderers lose their way; the frame clips at a much shorter distance.
            let clip = |t: f64| t.clamp(-50.0, 50.0);
            (
                self.x + clip(horizontal.place(x)) * self.width,
                self.y + (1.0 - clip(vertical.place(y))) * self.height,
            )
        })
    }

    fn draw(&self, svg: &mut String) {
        let Self { x, y, width, height, id, plot } = self;
        put!(
            svg,
            r#"<clipPath id="p{id}"><rect x="{x}" y="{y}" width="{width}" height="{height}"/></clipPath>"#
        );
        if !plot.bare {
            self.axes(svg);
        }
        put!(svg, r#"<g clip-path="url(#p{id})">"#);
        for mark in &plot.marks {
            self.mark(svg, mark);
        }
        put!(svg, "</g>");
        if !plot.bare {
            put!(
                svg,
                r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="none" stroke="{BLACK}" stroke-width="0.8"/>"#
            );
        }
        let (middle, title) = (x + width / 2.0, escape(&plot.title));
        let above = y - 9.0;
        put!(
            svg,
            r#"<text x="{middle}" y="{above}" font-size="12.5" text-anchor="middle">{title}</text>"#
        );
        self.legend(svg);
    }

    fn axes(&self, svg: &mut String) {
        let Self { x, y, width, height, plot, .. } = self;
        let (right, bottom) = (x + width, y + height);
        for (value, text) in plot.x.marks() {
            let at = x + plot.x.place(value) * width;
            let long = if text.is_empty() { 2.5 } else { 5.0 };
            if !text.is_empty() {
                put!(
                    svg,
                    r##"<path d="M{at:.1} {y}V{bottom}" stroke="#e6e6e6" stroke-width="0.8"/>"##
                );
            }
            put!(
                svg,
                r#"<path d="M{at:.1} {bottom}v{long}" stroke="{BLACK}" stroke-width="0.8"/>"#
            );
            let (low, text) = (bottom + 16.0, escape(&text));
            put!(svg, r#"<text x="{at:.1}" y="{low}" text-anchor="middle">{text}</text>"#);
        }
        for (value, text) in plot.y.marks() {
            let at = y + (1.0 - plot.y.place(value)) * height;
            let long = if text.is_empty() { 2.5 } else { 5.0 };
            if !text.is_empty() {
                put!(
                    svg,
                    r##"<path d="M{x} {at:.1}H{right}" stroke="#e6e6e6" stroke-width="0.8"/>"##
                );
            }
            put!(svg, r#"<path d="M{x} {at:.1}h-{long}" stroke="{BLACK}" stroke-width="0.8"/>"#);
            let (left, low, text) = (x - 8.0, at + 3.8, escape(&text));
            put!(svg, r#"<text x="{left}" y="{low:.1}" text-anchor="end">{text}</text>"#);
        }
        let (middle, low) = (x + width / 2.0, bottom + 35.0);
        let label = escape(&plot.x.label);
        put!(svg, r#"<text x="{middle}" y="{low}" text-anchor="middle">{label}</text>"#);
        let (left, middle, label) = (x - 44.0, y + height / 2.0, escape(&plot.y.label));
        put!(
            svg,
            r#"<text transform="translate({left} {middle}) rotate(-90)" text-anchor="middle">{label}</text>"#
        );
    }

    fn mark(&self, svg: &mut String, mark: &Mark) {
        let Mark { color, width, opacity, .. } = mark;
        let dash = if mark.dashed { r#" stroke-dasharray="5 4""# } else { "" };
        match &mark.shape {
            Shape::Line(points) => {
                let d = self.path(points);
                put!(
                    svg,
                    r#"<path d="{d}" fill="none" stroke="{color}" stroke-width="{width}" stroke-opacity="{opacity}" stroke-linejoin="round"{dash}/>"#
                );
            }
            Shape::Polygon(points) => {
                let d = self.path(points);
                put!(svg, r#"<path d="{d}Z" fill="{color}" fill-opacity="{opacity}"/>"#);
            }
            Shape::Dots(points) => {
                put!(svg, r#"<g fill="{color}" fill-opacity="{opacity}">"#);
                for (x, y) in points.iter().filter_map(|&p| self.pixel(p)) {
                    put!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="{width}"/>"#);
                }
                put!(svg, "</g>");
            }
            Shape::Arrow(from, to) => {
                let (Some(a), Some(b)) = (self.pixel(*from), self.pixel(*to)) else { return };
                let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-9);
                let (u, v) = ((b.0 - a.0) / length, (b.1 - a.1) / length);
                let head = (2.0 + 2.5 * width).min(length);
                let (c, side) = ((b.0 - head * u, b.1 - head * v), 0.45 * head);
                put!(
                    svg,
                    r#"<g opacity="{opacity}"><path d="M{:.1} {:.1}L{:.1} {:.1}" stroke="{color}" stroke-width="{width}"{dash}/><path d="M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z" fill="{color}"/></g>"#,
                    a.0,
                    a.1,
                    c.0,
                    c.1,
                    b.0,
                    b.1,
                    c.0 - side * v,
                    c.1 + side * u,
                    c.0 + side * v,
                    c.1 - side * u
                );
            }
            Shape::Words(at, text) => {
                let Some((x, y)) = self.pixel(*at) else { return };
                let (low, text) = (y + 0.35 * width, escape(text));
                put!(
                    svg,
                    r#"<text x="{x:.1}" y="{low:.1}" font-size="{width}" fill="{color}" fill-opacity="{opacity}" text-anchor="middle">{text}</text>"#
                );
            }
            Shape::Cells { x, y, fill } => self.cells(svg, *x, *y, fill, *opacity),
        }
    }

    /// A path through points, lifted where there is none; points that fall on the last are left out.
    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut d = String::new();
        let mut last: Option<(f64, f64)> = None;
        for (i, &point) in points.iter().enumerate() {
            let Some((x, y)) = self.pixel(point) else {
                last = None;
                continue;
            };
            let near = |l: (f64, f64)| (l.0 - x).abs() < 0.4 && (l.1 - y).abs() < 0.4;
            if last.is_some_and(near) && i + 1 < points.len() {
                continue;
            }
            let letter = if last.is_none() { 'M' } else { 'L' };
            write!(d, "{letter}{x:.1} {y:.1}").expect("a string takes all");
            last = Some((x, y));
        }
        d
    }

    /// Cells of one colour that touch in a row become one rectangle.
    fn cells(
        &self,
        svg: &mut String,
        x: (f64, f64),
        y: (f64, f64),
        fill: &[Vec<String>],
        opacity: f64,
    ) {
        put!(svg, r#"<g shape-rendering="crispEdges" opacity="{opacity}">"#);
        let at =
            |(low, high): (f64, f64), i: usize, n: usize| low + (high - low) * i as f64 / n as f64;
        for (i, row) in fill.iter().enumerate() {
            let mut start = 0;
            for run in row.chunk_by(|a, b| a == b) {
                let end = start + run.len();
                let from = (at(x, start, row.len()), at(y, i, fill.len()));
                let to = (at(x, end, row.len()), at(y, i + 1, fill.len()));
                start = end;
                let (Some(a), Some(b)) = (self.pixel(from), self.pixel(to)) else { continue };
                let (left, top) = (a.0.min(b.0), a.1.min(b.1));
                // Half a pixel more, so that rounding leaves no gap; the opacity is the group's, so that
                // the overlap does not show.
                let (w, h) = ((a.0 - b.0).abs() + 0.5, (a.1 - b.1).abs() + 0.5);
                let color = &run[0];
                put!(
                    svg,
                    r#"<rect x="{left:.2}" y="{top:.2}" width="{w:.2}" height="{h:.2}" fill="{color}"/>"#
                );
            }
        }
        put!(svg, "</g>");
    }

    /// The names of the marks that have one, in the corner that hides the fewest points.
    fn legend(&self, svg: &mut String) {
        let named: Vec<&Mark> = self.plot.marks.iter().filter(|m| m.name.is_some()).collect();
        if named.is_empty() {
            return;
        }
        let name = |m: &Mark| m.name.clone().unwrap_or_default();
        let longest = named.iter().map(|m| name(m).chars().count()).max().unwrap_or(0);
        let (w, h) = (36.0 + 6.0 * longest as f64, 8.0 + 15.0 * named.len() as f64);
        let (left, right) = (self.x + 6.0, self.x + self.width - w - 6.0);
        let (top, bottom) = (self.y + 6.0, self.y + self.height - h - 6.0);
        let points = self.dense();
        let hidden = |&(x, y): &(f64, f64)| {
            points
                .iter()
                .filter(|p| {
                    p.0 > x - 4.0 && p.0 < x + w + 4.0 && p.1 > y - 4.0 && p.1 < y + h + 4.0
                })
                .count()
        };
        let corners = [(right, top), (left, top), (right, bottom), (left, bottom)];
        let (x, y) = corners.into_iter().min_by_key(hidden).expect("four corners");
        put!(
            svg,
            r##"<rect x="{x:.1}" y="{y:.1}" width="{w}" height="{h}" rx="3" fill="white" fill-opacity="0.85" stroke="#cccccc" stroke-width="0.6"/>"##
        );
        for (i, mark) in named.iter().enumerate() {
            let middle = y + 11.5 + 15.0 * i as f64;
            let (from, to, centre) = (x + 6.0, x + 24.0, x + 15.0);
            let Mark { color, width, opacity, .. } = mark;
            let dash = if mark.dashed { r#" stroke-dasharray="5 4""# } else { "" };
            match mark.shape {
                Shape::Dots(_) => put!(
                    svg,
                    r#"<circle cx="{centre:.1}" cy="{middle:.1}" r="{}" fill="{color}"/>"#,
                    width.max(3.0)
                ),
                Shape::Polygon(_) | Shape::Cells { .. } => put!(
                    svg,
                    r#"<rect x="{from:.1}" y="{:.1}" width="18" height="9" fill="{color}" fill-opacity="{opacity}"/>"#,
                    middle - 4.5
                ),
                _ => put!(
                    svg,
                    r#"<path d="M{from:.1} {middle:.1}H{to:.1}" stroke="{color}" stroke-width="{width}" stroke-opacity="{opacity}"{dash}/>"#
                ),
            }
            let (text, low) = (escape(&name(mark)), middle + 3.8);
            put!(svg, r#"<text x="{:.1}" y="{low:.1}">{text}</text>"#, x + 30.0);
        }
    }

    /// The pixels that marks cover, with lines filled in, to count what a legend would hide.
    fn dense(&self) -> Vec<(f64, f64)> {
        let mut all = Vec::new();
        for mark in self.plot.marks.iter().filter(|m| !matches!(m.shape, Shape::Cells { .. })) {
            let pixels: Vec<_> = mark.points().into_iter().map(|p| self.pixel(p)).collect();
            all.extend(pixels.iter().flatten());
            if matches!(mark.shape, Shape::Dots(_)) {
                continue;
            }
            for pair in pixels.windows(2) {
                let [Some(a), Some(b)] = *pair else { continue };
                let n = ((b.0 - a.0).abs().max((b.1 - a.1).abs()) / 6.0).min(200.0) as usize;
                all.extend((1..n).map(|i| {
                    let t = i as f64 / n as f64;
                    (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1))
                }));
            }
        }
        all
    }
}

/// Widens one range so that a unit is as long across as up.
fn equalise(plot: &mut Plot, width: f64, height: f64) {
    let (x, y) = (plot.x.ends(), plot.y.ends());
    let unit = ((x.1 - x.0) / width).max((y.1 - y.0) / height);
    let widen = |(low, high): (f64, f64), pixels: f64| {
        let (middle, half) = ((low + high) / 2.0, unit * pixels / 2.0);
        Some((middle - half, middle + half))
    };
    if !plot.x.log && !plot.y.log {
        plot.x.range = widen(x, width);
        plot.y.range = widen(y, height);
    }
}
