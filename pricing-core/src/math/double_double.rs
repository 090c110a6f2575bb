//! Numbers of twice the precision, one at a time: for prices whose time value is all but rounded
//! away. Needs exact products, hence `mul_add`, which is exact (if slow) on every machine.

use super::elementary::{LN2_HIGH, LN2_LOW};

/// An unevaluated sum of two doubles, about 106 bits.
#[derive(Clone, Copy, Debug)]
pub struct DoubleDouble {
    /// The sum rounded.
    pub high: f64,
    /// What rounding lost.
    pub low: f64,
}

impl From<f64> for DoubleDouble {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

fn two_sum(a: f64, b: f64) -> DoubleDouble {
    let high = a + b;
    let from_b = high - a;
    DoubleDouble {
        high,
        low: (a - (high - from_b)) + (b - from_b),
    }
}

/// ln 2 = LN2_HIGH + LN2_LOW + this.
const LN2_LOWEST: f64 = 1.1612227229362532e-26;

impl DoubleDouble {
    /// `a·b` exactly (unless it underflows).
    #[must_use]
    pub fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        Self {
            high,
            low: a.mul_add(b, -high),
        }
    }

    /// This plus a double.
    #[must_use]
    pub fn plus(self, b: f64) -> Self {
        let s = two_sum(self.high, b);
        two_sum(s.high, s.low + self.low)
    }

    /// This less a double.
    #[must_use]
    pub fn minus(self, b: f64) -> Self {
        self.plus(-b)
    }

    /// This less another.
    #[must_use]
    pub fn minus_pair(self, b: Self) -> Self {
        let s = two_sum(self.high, -b.high);
        two_sum(s.high, s.low + (self.low - b.low))
    }

    /// This times a double.
    #[must_use]
    pub fn times(self, b: f64) -> Self {
        let p = Self::product(self.high, b);
        two_sum(p.high, self.low.mul_add(b, p.low))
    }

    /// This times another.
    #[must_use]
    pub fn times_pair(self, b: Self) -> Self {
        let p = Self::product(self.high, b.high);
        two_sum(p.high, p.low + self.high.mul_add(b.low, self.low * b.high))
    }

    /// The exponential, to about 100 bits, for arguments within ±700.
    #[must_use]
    pub fn exp(self) -> Self {
        const HALVINGS: i32 = 8;
        let octaves = (self.high * std::f64::consts::LOG2_E).round();
        let reduced = self
            .minus(octaves * LN2_HIGH)
            .minus_pair(Self::product(octaves, LN2_LOW))
            .minus(octaves * LN2_LOWEST);
        let shrink = 2f64.powi(-HALVINGS);
        let r = Self {
            high: reduced.high * shrink,
            low: reduced.low * shrink,
        };
        // exp(r) − 1 by its series; |r| ≤ 0.0014, so that ten terms leave less than 1e-35.
        let mut series = Self::from(0.0);
        for order in (1..=10u32).rev() {
            let one = Self::from(1.0);
            let next = one.minus_pair(Self {
                high: -series.high,
                low: -series.low,
            });
            series = next.times_pair(r).over(f64::from(order));
        }
        // Squaring 1 + s gives 1 + (2s + s²): the one is kept apart until the end.
        for _ in 0..HALVINGS {
            let square = series.times_pair(series);
            let twice = Self {
                high: 2.0 * series.high,
                low: 2.0 * series.low,
            };
            series = twice.minus_pair(Self {
                high: -square.high,
                low: -square.low,
            });
        }
        let sum = series.plus(1.0);
        #[allow(clippy::cast_possible_truncation)] // at most 1010
        let octaves = octaves as i32;
        let (half, rest) = (octaves / 2, octaves - octaves / 2);
        let factor = 2f64.powi(half);
        let other = 2f64.powi(rest);
        Self {
            high: sum.high * factor * other,
            low: sum.low * factor * other,
        }
    }

    fn over(self, b: f64) -> Self {
        let q = self.high / b;
        let rest = q.mul_add(-b, self.high) + self.low;
        two_sum(q, rest / b)
    }
}
