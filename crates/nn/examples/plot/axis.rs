//! One axis: its range, its ticks, and where a number lies between its ends.

#[derive(Clone)]
pub(super) struct Axis {
    pub label: String,
    pub log: bool,
    pub range: Option<(f64, f64)>,
    pub ticks: Option<Vec<(f64, String)>>,
}

impl Axis {
    pub fn new() -> Self {
        Self { label: String::new(), log: false, range: None, ticks: None }
    }

    /// Fixes the ends, if they are not, so that all of `values` lie between them with some air.
    pub fn fit(&mut self, values: impl Iterator<Item = f64>) {
        if self.range.is_some() {
            return;
        }
        let seen = values.filter(|&v| self.shows(v)).map(|v| self.straight(v));
        let (low, high) =
            seen.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = match high - low {
            spread if spread.is_nan() || spread < 0.0 => (0.0, 1.0),
            0.0 => (low - 0.5, low + 0.5),
            spread => (low - 0.05 * spread, high + 0.05 * spread),
        };
        self.range = Some(if self.log { (10f64.powf(low), 10f64.powf(high)) } else { (low, high) });
    }

    /// Whether the axis has a place for this number.
    pub fn shows(&self, value: f64) -> bool {
        value.is_finite() && (!self.log || value > 0.0)
    }

    fn straight(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    /// The ends, in units in which the axis is linear.
    pub fn ends(&self) -> (f64, f64) {
        let (low, high) = self.range.expect("fitted before it is drawn");
        (self.straight(low), self.straight(high))
    }

    /// 0 at the low end, 1 at the high end.
    pub fn place(&self, value: f64) -> f64 {
        let (low, high) = self.ends();
        (self.straight(value) - low) / (high - low)
    }

    /// The ticks with their texts; some, between the others, have none.
    pub fn marks(&self) -> Vec<(f64, String)> {
        let (low, high) = self.ends();
        let (low, high) = (low.min(high), low.max(high));
        let all = match &self.ticks {
            Some(ticks) => ticks.clone(),
            None if self.log => decades(low, high),
            None => steps(low, high),
        };
        let air = 1e-9 * (high - low);
        let inside = |v: f64| v >= low - air && v <= high + air;
        all.into_iter().filter(|(v, _)| self.shows(*v) && inside(self.straight(*v))).collect()
    }
}

/// Round numbers, some five of them: 1, 2 or 5 times a power of ten apart.
fn steps(low: f64, high: f64) -> Vec<(f64, String)> {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|f| f * power >= 0.8 * rough);
    let step = factor.unwrap_or(10.0) * power;
    let decimals = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
    let far = low.abs().max(high.abs());
    let text = |v: f64| match v {
        0.0 => "0".to_string(),
        _ if far >= 1e5 || decimals > 4 => format!("{v:.1e}").replace(".0e", "e"),
        _ => format!("{v:.decimals$}"),
    };
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    // A product of an integer, so that 0 is 0 and not what is left of a sum; no minus before it.
    (first..=last).map(|i| i as f64 * step + 0.0).map(|v| (v, text(v).replace('-', "−"))).collect()
}

/// Powers of ten; where they are few, twos and fives too; where they are many, every other one.
fn decades(low: f64, high: f64) -> Vec<(f64, String)> {
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    let every = ((last - first) / 6).max(1);
    let mut all = Vec::new();
    for power in first..=last {
        for digit in 1..10 {
            let value = f64::from(digit) * 10f64.powi(power);
            let named = match digit {
                1 => power.rem_euclid(every) == 0,
                2 | 5 => high - low < 1.6,
                _ => false,
            };
            if named {
                all.push((value, decade(digit, power)));
            } else if every == 1 {
                all.push((value, String::new()));
            }
        }
    }
    all
}

fn decade(digit: i32, power: i32) -> String {
    match power {
        0..=3 => format!("{}", f64::from(digit) * 10f64.powi(power)),
        -2..0 => format!("{:.*}", -power as usize, f64::from(digit) * 10f64.powi(power)),
        _ => {
            let digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
            let up = |c: char| match c.to_digit(10) {
                Some(d) => digits.chars().nth(d as usize).expect("ten digits"),
                None => '⁻',
            };
            let factor = if digit == 1 { String::new() } else { format!("{digit}·") };
            format!("{factor}10{}", power.to_string().chars().map(up).collect::<String>())
        }
    }
}
