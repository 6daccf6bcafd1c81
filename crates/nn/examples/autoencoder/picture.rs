//! The picture, as SVG: digits and their reconstructions above, losses over the epochs below.

use std::fmt::Write;

use nn::prelude::*;

/// Images `[n, 64]` under a name, with their mean loss.
pub struct Row {
    pub name: &'static str,
    pub loss: Option<f64>,
    pub images: Tensor<f64>,
}

/// The loss of each epoch.
pub struct Curve<'a> {
    pub name: &'static str,
    pub colour: &'static str,
    pub losses: &'a [f64],
}

const WIDTH: f64 = 840.0;
/// Where the images and the chart begin; to their left stand names and numbers.
const LEFT: f64 = 156.0;
const RIGHT: f64 = 24.0;
const IMAGE: f64 = 56.0;
/// Ten images are as wide as the chart.
const GAP: f64 = (WIDTH - LEFT - RIGHT - 10.0 * IMAGE) / 9.0;
const TOP: f64 = 24.0;
const CHART: f64 = 250.0;
const INK: &str = "#1f2328";
const FAINT: &str = "#6e7781";

/// Draws the `examples`-th image of each row, and the curves against the bound.
pub fn draw(rows: &[Row], examples: &[usize], curves: &[Curve<'_>], bound: f64) -> String {
    let chart_top = TOP + rows.len() as f64 * (IMAGE + GAP) + 26.0;
    let height = chart_top + CHART + 56.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif\" \
         font-size=\"13\" fill=\"{INK}\">\n\
         <title>Handwritten digits, their reconstructions by autoencoders, and the losses</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"8\" fill=\"#ffffff\"/>\n"
    );
    for (i, row) in rows.iter().enumerate() {
        draw_row(&mut svg, row, examples, TOP + i as f64 * (IMAGE + GAP));
    }
    Chart::new(curves, bound, chart_top).draw(&mut svg, curves, bound);
    svg + "</svg>\n"
}

fn draw_row(svg: &mut String, row: &Row, examples: &[usize], top: f64) {
    let middle = top + IMAGE / 2.0;
    let name_at = if row.loss.is_some() { middle - 3.0 } else { middle + 5.0 };
    text(svg, LEFT - 18.0, name_at, "end", INK, row.name);
    if let Some(loss) = row.loss {
        text(svg, LEFT - 18.0, middle + 15.0, "end", FAINT, &format!("L = {loss:.6}"));
    }
    for (k, &example) in examples.iter().enumerate() {
        let left = LEFT + k as f64 * (IMAGE + GAP);
        draw_image(svg, &row.images, example, left, top);
    }
}

/// One image: a path for each of 16 shades, on the colour of 0.
fn draw_image(svg: &mut String, images: &Tensor<f64>, example: usize, left: f64, top: f64) {
    const SHADES: usize = 16;
    let mut paths = vec![String::new(); SHADES + 1];
    for pixel in 0..64 {
        let value = images[[example, pixel]].clamp(0.0, 1.0);
        let (x, y) = (pixel % 8, pixel / 8);
        let _ = write!(paths[(value * SHADES as f64).round() as usize], "M{x} {y}h1v1h-1z");
    }
    let scale = IMAGE / 8.0;
    let _ = write!(
        svg,
        "<g transform=\"translate({left:.2} {top:.2}) scale({scale})\" shape-rendering=\"crispEdges\">\
         <path d=\"M0 0h8v8h-8z\" fill=\"{}\"/>",
        shade(0.0)
    );
    for (level, path) in paths.iter().enumerate().skip(1).filter(|(_, path)| !path.is_empty()) {
        let _ =
            write!(svg, "<path d=\"{path}\" fill=\"{}\"/>", shade(level as f64 / SHADES as f64));
    }
    svg.push_str("</g>\n");
}

/// From light paper to dark ink.
fn shade(value: f64) -> String {
    let mix = |paper: f64, ink: f64| (paper + (ink - paper) * value).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(242.0, 22.0), mix(244.0, 27.0), mix(247.0, 34.0))
}

/// A frame with epochs along the horizontal and losses, in logarithms, along the vertical axis.
struct Chart {
    top: f64,
    epochs: f64,
    low: f64,
    high: f64,
}

impl Chart {
    fn new(curves: &[Curve<'_>], bound: f64, top: f64) -> Self {
        let losses = || curves.iter().flat_map(|c| c.losses).copied().chain([bound]);
        let epochs = curves.iter().map(|c| c.losses.len()).max().unwrap_or(1);
        Chart {
            top,
            epochs: epochs as f64,
            low: losses().fold(f64::INFINITY, f64::min) / 1.15,
            high: losses().fold(0.0, f64::max) * 1.1,
        }
    }

    /// The first epoch stands at the left edge, the last at the right.
    fn x(&self, epoch: f64) -> f64 {
        LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1.0) / (self.epochs - 1.0).max(1.0)
    }

    fn y(&self, loss: f64) -> f64 {
        self.top + CHART * (self.high / loss).ln() / (self.high / self.low).ln()
    }

    fn draw(&self, svg: &mut String, curves: &[Curve<'_>], bound: f64) {
        let (left, right, bottom) = (LEFT, WIDTH - RIGHT, self.top + CHART);
        for loss in log_ticks(self.low, self.high) {
            let y = self.y(loss);
            line(svg, [left, y, right, y], "#e4e7eb", "");
            text(svg, left - 8.0, y + 4.5, "end", FAINT, &loss.to_string());
        }
        for epoch in ticks(self.epochs) {
            let x = self.x(epoch);
            line(svg, [x, bottom, x, bottom + 5.0], FAINT, "");
            text(svg, x, bottom + 20.0, "middle", FAINT, &epoch.to_string());
        }
        line(svg, [left, bottom, right, bottom], FAINT, "");
        text(svg, (left + right) / 2.0, bottom + 42.0, "middle", INK, "epoch");
        text(svg, LEFT - 60.0, (self.top + bottom) / 2.0 - 3.0, "end", INK, "loss");
        text(svg, LEFT - 60.0, (self.top + bottom) / 2.0 + 14.0, "end", FAINT, "(log scale)");

        for curve in curves {
            let points = curve.losses.iter().enumerate();
            let points: Vec<_> = points
                .map(|(i, &loss)| format!("{:.1},{:.1}", self.x(i as f64 + 1.0), self.y(loss)))
                .collect();
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" \
                 stroke-linejoin=\"round\"/>",
                points.join(" "),
                curve.colour
            );
        }
        // Over the curves: the linear one ends on it.
        let y = self.y(bound);
        line(svg, [left, y, right, y], INK, " stroke-dasharray=\"5 4\" stroke-width=\"1.3\"");
        self.legend(svg, curves, bound);
    }

    /// At the upper right, where falling curves never come.
    fn legend(&self, svg: &mut String, curves: &[Curve<'_>], bound: f64) {
        let (x, mut y) = (WIDTH - RIGHT - 250.0, self.top + 16.0);
        let _ = writeln!(
            svg,
            "<rect x=\"{}\" y=\"{}\" width=\"262\" height=\"{}\" fill=\"#ffffff\"/>",
            x - 10.0,
            y - 18.0,
            20.0 * (curves.len() + 1) as f64 + 8.0
        );
        for curve in curves {
            line(svg, [x, y - 4.5, x + 26.0, y - 4.5], curve.colour, " stroke-width=\"2\"");
            text(svg, x + 34.0, y, "start", INK, curve.name);
            y += 20.0;
        }
        line(
            svg,
            [x, y - 4.5, x + 26.0, y - 4.5],
            INK,
            " stroke-dasharray=\"5 4\" stroke-width=\"1.3\"",
        );
        text(svg, x + 34.0, y, "start", INK, &format!("Eckart-Young optimum {bound:.6}"));
    }
}

/// 1, 2 and 5 times the powers of ten between two numbers.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let all = powers.flat_map(|p| {
        [1.0, 2.0, 5.0].map(|k| match p {
            0.. => k * 10f64.powi(p),
            _ => k / 10f64.powi(-p), // exact to the last digit, and so printed short
        })
    });
    all.filter(|t| (low..=high).contains(t)).collect()
}

/// The first epoch, and some five round numbers up to the last.
fn ticks(last: f64) -> Vec<f64> {
    let rough = last / 5.0;
    let power = 10f64.powf(rough.log10().floor()).max(1.0);
    let step = [1.0, 2.0, 5.0, 10.0].map(|k| k * power).into_iter().find(|s| *s >= rough);
    let step = step.unwrap_or(power);
    let rest = (1..).map(|i| f64::from(i) * step).take_while(|&t| t <= last);
    [1.0].into_iter().chain(rest.filter(|&t| t > 1.0)).collect()
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str, more: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"{more}/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, colour: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{text}</text>"
    );
}
