//! What is drawn on the axes.

/// Something drawn, with its style.
#[derive(Clone)]
pub struct Mark {
    pub(super) shape: Shape,
    pub(super) name: Option<String>,
    pub(super) color: String,
    pub(super) width: f64,
    pub(super) dashed: bool,
    pub(super) opacity: f64,
}

#[derive(Clone)]
pub(super) enum Shape {
    Line(Vec<(f64, f64)>),
    Polygon(Vec<(f64, f64)>),
    Dots(Vec<(f64, f64)>),
    Arrow((f64, f64), (f64, f64)),
    Words((f64, f64), String),
    Cells { x: (f64, f64), y: (f64, f64), fill: Vec<Vec<String>> },
}

impl Mark {
    pub(super) fn new(shape: Shape, width: f64) -> Self {
        let color = super::BLUE.to_string();
        Self { shape, name: None, color, width, dashed: false, opacity: 1.0 }
    }

    /// An SVG colour, such as those at the top of this module.
    pub fn color(mut self, color: impl Into<String>) -> Self {
        self.color = color.into();
        self
    }

    /// The name in the legend.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The width of a line, the radius of a dot, the size of words, in pixels.
    pub fn width(mut self, pixels: f64) -> Self {
        self.width = pixels;
        self
    }

    /// Dashes instead of a line.
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    /// From 0, nothing, to 1.
    pub fn opacity(mut self, opacity: f64) -> Self {
        self.opacity = opacity;
        self
    }

    /// The points that the axes must show.
    pub(super) fn points(&self) -> Vec<(f64, f64)> {
        match &self.shape {
            Shape::Line(points) | Shape::Polygon(points) | Shape::Dots(points) => points.clone(),
            Shape::Arrow(from, to) => vec![*from, *to],
            Shape::Words(at, _) => vec![*at],
            Shape::Cells { x, y, .. } => vec![(x.0, y.0), (x.1, y.1)],
        }
    }
}

/// A line through points.
pub fn line(points: impl IntoIterator<Item = (f64, f64)>) -> Mark {
    Mark::new(Shape::Line(points.into_iter().collect()), 1.8)
}

/// A filled polygon.
pub fn polygon(points: impl IntoIterator<Item = (f64, f64)>) -> Mark {
    Mark::new(Shape::Polygon(points.into_iter().collect()), 0.0).opacity(0.2)
}

/// The strip between two curves, of `(x, low, high)`.
pub fn band(points: impl IntoIterator<Item = (f64, f64, f64)>) -> Mark {
    let points: Vec<_> = points.into_iter().collect();
    let there = points.iter().map(|&(x, low, _)| (x, low));
    polygon(there.chain(points.iter().rev().map(|&(x, _, high)| (x, high))))
}

/// Dots at points.
pub fn dots(points: impl IntoIterator<Item = (f64, f64)>) -> Mark {
    Mark::new(Shape::Dots(points.into_iter().collect()), 2.2)
}

/// An arrow with its head at `to`.
pub fn arrow(from: (f64, f64), to: (f64, f64)) -> Mark {
    Mark::new(Shape::Arrow(from, to), 1.8)
}

/// Words centred at a point.
pub fn words(at: (f64, f64), text: impl Into<String>) -> Mark {
    Mark::new(Shape::Words(at, text.into()), 11.0).color(super::BLACK)
}

/// How a number becomes a colour.
#[derive(Clone, Copy, Debug)]
pub enum Colors {
    /// White at the low end, black at the high end.
    Grey,
    /// Dark blue over green to yellow.
    Viridis,
    /// Orange at the low end, white in the middle, blue at the high end.
    Diverging,
}

/// A rectangle of coloured cells, over the ranges `x` and `y`: `values[0]` is the row at `y.0`, and its
/// first cell lies at `x.0` (for an image, whose first row is its top, let `y` fall). `span` gives the
/// numbers at the two ends of the colours.
pub fn cells(
    values: &[Vec<f64>],
    x: (f64, f64),
    y: (f64, f64),
    colors: Colors,
    span: (f64, f64),
) -> Mark {
    let fill = values.iter().map(|row| row.iter().map(|&v| colors.at(v, span)).collect()).collect();
    Mark::new(Shape::Cells { x, y, fill }, 0.0)
}

impl Colors {
    /// The colour of `value`, with the ends at `span`; what is not a number is pink.
    pub fn at(self, value: f64, (low, high): (f64, f64)) -> String {
        let stops: &[[f64; 3]] = match self {
            Colors::Grey => &[[255.0; 3], [0.0; 3]],
            Colors::Viridis => &[
                [68.0, 1.0, 84.0],
                [59.0, 82.0, 139.0],
                [33.0, 145.0, 140.0],
                [94.0, 201.0, 98.0],
                [253.0, 231.0, 37.0],
            ],
            Colors::Diverging => &[[213.0, 94.0, 0.0], [250.0, 250.0, 250.0], [0.0, 114.0, 178.0]],
        };
        if value.is_nan() {
            return "#ff00ff".to_string();
        }
        let t = ((value - low) / (high - low)).clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let i = (t as usize).min(stops.len() - 2);
        let mix = |c: usize| {
            (stops[i][c] + (t - i as f64) * (stops[i + 1][c] - stops[i][c])).round() as u8
        };
        format!("#{:02x}{:02x}{:02x}", mix(0), mix(1), mix(2))
    }
}
