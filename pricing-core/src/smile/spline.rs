//! The desk's own slice: a natural cubic spline in total variance with straight wings.

use super::{Jet, SmileSection};
use crate::error::PricingError;

/// Total variance as a natural cubic spline of log-moneyness, twice continuously differentiable,
/// straight beyond its first and last knot.
#[derive(Clone, Debug, PartialEq)]
pub struct SplineSlice {
    knots: Vec<f64>,
    /// By interval: w, w', w''/2 and w'''/6 at its left knot.
    pieces: Vec<[f64; 4]>,
    left: Wing,
    right: Wing,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Wing {
    k: f64,
    w: f64,
    slope: f64,
}

impl Wing {
    fn jet(self, k: f64) -> Jet {
        Jet {
            w: self.w + self.slope * (k - self.k),
            dw: self.slope,
            d2w: 0.0,
        }
    }
}

impl SplineSlice {
    /// A slice from ascending `knots` and, by interval, the Taylor terms at its left knot.
    ///
    /// Errors: `OutOfDomain` where the lengths do not fit, knots do not ascend, or a term is not
    /// finite.
    pub fn new(knots: Vec<f64>, pieces: Vec<[f64; 4]>) -> Result<Self, PricingError> {
        let ascends = knots.iter().zip(knots.iter().skip(1)).all(|(a, b)| a < b);
        let is_finite = knots
            .iter()
            .chain(pieces.iter().flatten())
            .all(|x| x.is_finite());
        if knots.len() != pieces.len() + 1 || !ascends || !is_finite {
            return Err(PricingError::OutOfDomain(format!(
                "a spline needs finite ascending knots, one more than pieces: {} and {} came",
                knots.len(),
                pieces.len()
            )));
        }
        let ends = (
            knots.first(),
            pieces.first(),
            knots.iter().rev().nth(1),
            knots.last(),
        );
        let ((Some(&first), Some(&head), Some(&before), Some(&last)), Some(&tail)) =
            (ends, pieces.last())
        else {
            return Err(PricingError::OutOfDomain(
                "a spline needs two knots".to_owned(),
            ));
        };
        let end = cubic(&tail, last - before);
        Ok(Self {
            left: Wing {
                k: first,
                w: head[0],
                slope: head[1],
            },
            right: Wing {
                k: last,
                w: end.w,
                slope: end.dw,
            },
            knots,
            pieces,
        })
    }

    /// The knots, log-moneyness.
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// By interval: the Taylor terms at its left knot.
    pub fn pieces(&self) -> &[[f64; 4]] {
        &self.pieces
    }

    /// Jets at ascending `points`, handed to `visit` one by one; cheaper than one search each.
    pub fn march(&self, points: impl Iterator<Item = f64>, mut visit: impl FnMut(f64, Jet)) {
        let mut spans = self
            .knots
            .iter()
            .zip(self.knots.iter().skip(1))
            .zip(&self.pieces);
        let mut span = spans.next();
        for k in points {
            while let Some(((_, &high), _)) = span {
                if k <= high {
                    break;
                }
                span = spans.next();
            }
            let jet = match span {
                Some(((&low, _), piece)) if k >= low => cubic(piece, k - low),
                Some(_) => self.left.jet(k),
                None => self.right.jet(k),
            };
            visit(k, jet);
        }
    }
}

impl SmileSection for SplineSlice {
    #[inline]
    fn jet(&self, k: f64) -> Jet {
        if k <= self.left.k {
            return self.left.jet(k);
        }
        if k >= self.right.k {
            return self.right.jet(k);
        }
        let span = self
            .knots
            .partition_point(|&knot| knot <= k)
            .wrapping_sub(1);
        match (self.knots.get(span), self.pieces.get(span)) {
            (Some(&low), Some(piece)) => cubic(piece, k - low),
            // NaN compares with nothing: it comes out as it went in.
            _ => Jet {
                w: f64::NAN,
                dw: f64::NAN,
                d2w: f64::NAN,
            },
        }
    }

    fn wing_slopes(&self) -> (f64, f64) {
        (self.left.slope, self.right.slope)
    }
}

#[inline(always)]
fn cubic(piece: &[f64; 4], h: f64) -> Jet {
    let [a, b, c, d] = *piece;
    Jet {
        w: a + h * (b + h * (c + h * d)),
        dw: b + h * (2.0 * c + 3.0 * h * d),
        d2w: 2.0 * c + 6.0 * h * d,
    }
}
