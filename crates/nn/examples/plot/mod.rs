//! Small SVG pictures for the examples: lines, dots, cells, arrows, words and contours on labelled
//! axes.
//!
//! ```
//! mod plot;
//! use plot::{BLUE, Figure, Plot, line};
//!
//! let dir = plot::out_dir("Draws the loss of a training run.");
//! let loss = Plot::new("Training").x("step").y("loss").log_y()
//!     .add(line(points).color(BLUE).name("η = 0.1"));
//! Figure::new([loss]).save(&dir, "loss.svg");
//! ```
//!
//! A figure is a grid of plots, a plot is a list of marks, a mark is drawn over those before it.
//! Points that are not finite, or not positive on a logarithmic axis, break a line and are left
//! out.
#![allow(dead_code, unused_imports, reason = "every example uses a part")]

mod axis;
mod contour;
mod draw;
mod mark;
mod options;

use std::path::{Path, PathBuf};

use axis::Axis;
pub use contour::contour;
pub use mark::{Colors, Mark, arrow, band, cells, dots, line, polygon, words};
use options::{Options, fail};

// Okabe and Ito's colours, which people with any colour vision can tell apart.
pub const BLUE: &str = "#0072b2";
pub const ORANGE: &str = "#d55e00";
pub const GREEN: &str = "#009e73";
pub const PINK: &str = "#cc79a7";
pub const AMBER: &str = "#e69f00";
pub const SKY: &str = "#56b4e9";
pub const BLACK: &str = "#222222";
pub const GREY: &str = "#8a8a8a";

/// Colours for lines that come in a row.
pub const PALETTE: [&str; 6] = [BLUE, ORANGE, GREEN, PINK, AMBER, SKY];

/// Marks on a pair of axes.
#[derive(Clone)]
pub struct Plot {
    title: String,
    x: Axis,
    y: Axis,
    equal: bool,
    bare: bool,
    marks: Vec<Mark>,
}

impl Plot {
    /// A plot with linear axes that fit what is added.
    pub fn new(title: impl Into<String>) -> Self {
        let (x, y) = (Axis::new(), Axis::new());
        Self { title: title.into(), x, y, equal: false, bare: false, marks: Vec::new() }
    }

    /// Names the horizontal axis, with its unit.
    pub fn x(mut self, label: impl Into<String>) -> Self {
        self.x.label = label.into();
        self
    }

    /// Names the vertical axis, with its unit.
    pub fn y(mut self, label: impl Into<String>) -> Self {
        self.y.label = label.into();
        self
    }

    /// Makes the horizontal axis logarithmic.
    pub fn log_x(mut self) -> Self {
        self.x.log = true;
        self
    }

    /// Makes the vertical axis logarithmic.
    pub fn log_y(mut self) -> Self {
        self.y.log = true;
        self
    }

    /// Fixes the ends of the horizontal axis.
    pub fn x_range(mut self, low: f64, high: f64) -> Self {
        self.x.range = Some((low, high));
        self
    }

    /// Fixes the ends of the vertical axis.
    pub fn y_range(mut self, low: f64, high: f64) -> Self {
        self.y.range = Some((low, high));
        self
    }

    /// Writes these words at these places of the horizontal axis, instead of numbers.
    pub fn x_ticks<S: ToString>(mut self, ticks: impl IntoIterator<Item = (f64, S)>) -> Self {
        self.x.ticks = Some(ticks.into_iter().map(|(at, text)| (at, text.to_string())).collect());
        self
    }

    /// Writes these words at these places of the vertical axis, instead of numbers.
    pub fn y_ticks<S: ToString>(mut self, ticks: impl IntoIterator<Item = (f64, S)>) -> Self {
        self.y.ticks = Some(ticks.into_iter().map(|(at, text)| (at, text.to_string())).collect());
        self
    }

    /// Makes one unit as long across as up, as a plane wants it.
    pub fn equal(mut self) -> Self {
        self.equal = true;
        self
    }

    /// Leaves out axes and frame, as an image wants it.
    pub fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Draws a mark over those before it.
    pub fn add(mut self, mark: Mark) -> Self {
        self.marks.push(mark);
        self
    }

    /// Draws marks over those before them.
    pub fn add_all(mut self, marks: impl IntoIterator<Item = Mark>) -> Self {
        self.marks.extend(marks);
        self
    }
}

/// A grid of plots, filled row by row.
pub struct Figure {
    title: String,
    plots: Vec<Plot>,
    columns: usize,
    width: f64,
    height: f64,
    legend: bool,
}

impl Figure {
    /// All plots in one row, each 340 by 280 pixels.
    pub fn new(plots: impl IntoIterator<Item = Plot>) -> Self {
        let plots: Vec<Plot> = plots.into_iter().collect();
        let columns = plots.len().max(1);
        let (width, height) = (340.0, 280.0);
        Self { title: String::new(), plots, columns, width, height, legend: false }
    }

    /// A heading over all plots.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// One legend above all plots instead of one in each; marks of one name are one entry.
    pub fn legend(mut self) -> Self {
        self.legend = true;
        self
    }

    /// Plots a row.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// Width and height of each plot with its labels, in pixels.
    pub fn size(mut self, width: f64, height: f64) -> Self {
        (self.width, self.height) = (width, height);
        self
    }

    /// The figure as SVG.
    pub fn svg(&self) -> String {
        draw::figure(self)
    }

    /// Writes the figure to a file and says so.
    pub fn save(&self, dir: &Path, name: &str) {
        let path = dir.join(name);
        if let Err(error) = std::fs::write(&path, self.svg()) {
            fail(&format!("cannot write {}: {error}", path.display()));
        }
        println!("{}", path.display());
    }
}

/// The directory of `--out DIR`, for an example without options of its own.
pub fn out_dir(about: &str) -> PathBuf {
    Options::read(about, &[]).out()
}
