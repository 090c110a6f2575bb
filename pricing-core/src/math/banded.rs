//! Symmetric positive definite systems of narrow bands, as cubic splines and chains of slices make
//! them.
//!
//! Assembly and solution cost the square of the band a row, whatever the number of rows.

// Each index is a row number plus an offset below the band's width, of rows that `new` made.
#![allow(clippy::indexing_slicing)]

/// Entries of a cubic spline's row on and below the diagonal.
pub const BAND: usize = 4;

/// Four neighbouring coefficients of a linear form, the first at `start`.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Index of the first coefficient.
    pub start: usize,
    /// The coefficients.
    pub values: [f64; BAND],
}

impl Row {
    /// The form at `x`.
    #[inline(always)]
    pub fn dot(&self, x: &[f64]) -> f64 {
        let part = &x[self.start..self.start + BAND];
        self.values[0] * part[0]
            + self.values[1] * part[1]
            + self.values[2] * part[2]
            + self.values[3] * part[3]
    }

    /// Adds `factor` times the form's coefficients to `target`.
    #[inline(always)]
    pub fn add_to(&self, factor: f64, target: &mut [f64]) {
        let part = &mut target[self.start..self.start + BAND];
        for (slot, value) in part.iter_mut().zip(&self.values) {
            *slot += factor * value;
        }
    }

    /// The sum `a·self + b·other` of two forms on the same coefficients.
    #[inline(always)]
    pub fn combine(&self, a: f64, other: &Self, b: f64) -> Self {
        let mut values = self.values;
        for (value, second) in values.iter_mut().zip(&other.values) {
            *value = a * *value + b * second;
        }
        Self {
            start: self.start,
            values,
        }
    }
}

/// A symmetric matrix of `WIDTH` entries a row on and below the diagonal, a cubic spline's where
/// nothing else is said; `rows[i][WIDTH − 1 − d]` is the entry (i, i − d).
#[derive(Clone, Debug)]
pub struct Banded<const WIDTH: usize = BAND> {
    rows: Vec<[f64; WIDTH]>,
}

impl<const WIDTH: usize> Banded<WIDTH> {
    /// Furthest distance from the diagonal, and where its entry lies in a row.
    const REACH: usize = WIDTH - 1;

    /// The zero matrix of `size` rows.
    pub fn new(size: usize) -> Self {
        Self {
            rows: vec![[0.0; WIDTH]; size],
        }
    }

    /// Number of rows.
    pub fn size(&self) -> usize {
        self.rows.len()
    }

    /// Writes `−A x` into `target`.
    pub fn negative_product(&self, x: &[f64], target: &mut [f64]) {
        target.fill(0.0);
        for (i, line) in self.rows.iter().enumerate() {
            target[i] -= line[Self::REACH] * x[i];
            for d in 1..=i.min(Self::REACH) {
                target[i] -= line[Self::REACH - d] * x[i - d];
                target[i - d] -= line[Self::REACH - d] * x[i];
            }
        }
    }

    /// Takes the entries of a matrix of the same size.
    pub fn copy_from(&mut self, other: &Self) {
        self.rows.copy_from_slice(&other.rows);
    }

    /// Adds `weight · v vᵀ` for the vector that is `values`, at most `WIDTH`, from `start` on.
    #[inline(always)]
    pub fn add_outer(&mut self, start: usize, values: &[f64], weight: f64) {
        let part = &mut self.rows[start..start + values.len()];
        for (a, line) in part.iter_mut().enumerate() {
            let scaled = weight * values[a];
            for b in 0..=a {
                line[Self::REACH - (a - b)] += scaled * values[b];
            }
        }
    }

    /// Adds `value` to every diagonal entry.
    pub fn add_diagonal(&mut self, value: f64) {
        for line in &mut self.rows {
            line[Self::REACH] += value;
        }
    }

    /// Adds `share` of itself, and of at least 1e-30, to every diagonal entry.
    pub fn damp(&mut self, share: f64) {
        for line in &mut self.rows {
            line[Self::REACH] += share * line[Self::REACH].max(1e-30);
        }
    }

    /// Solves in place by the square-root-free Cholesky factorisation, which replaces the matrix.
    ///
    /// False, with `rhs` of no meaning, where a pivot is not above 0: not positive definite.
    pub fn solve(&mut self, rhs: &mut [f64]) -> bool {
        let size = self.rows.len();
        for i in 0..size {
            let mut line = self.rows[i];
            let reach = i.min(Self::REACH);
            // L[i][j]·D[j] first, by columns from the left; scaled by D once all are known.
            for d in (1..=reach).rev() {
                let j = i - d;
                let upper = self.rows[j];
                let mut value = line[Self::REACH - d];
                for e in (d + 1)..=reach {
                    // k = i − e lies left of j; L[j][k] sits at distance e − d.
                    value -= line[Self::REACH - e] * upper[Self::REACH - (e - d)];
                }
                line[Self::REACH - d] = value;
            }
            let mut pivot = line[Self::REACH];
            for d in 1..=reach {
                let scaled = line[Self::REACH - d] / self.rows[i - d][Self::REACH];
                pivot -= scaled * line[Self::REACH - d];
                line[Self::REACH - d] = scaled;
            }
            if !(pivot > 0.0 && pivot.is_finite()) {
                return false;
            }
            line[Self::REACH] = pivot;
            self.rows[i] = line;
            let mut sum = rhs[i];
            for d in 1..=reach {
                sum -= line[Self::REACH - d] * rhs[i - d];
            }
            rhs[i] = sum;
        }
        for (value, line) in rhs.iter_mut().zip(&self.rows) {
            *value /= line[Self::REACH];
        }
        for i in (0..size).rev() {
            let known = rhs[i];
            let line = self.rows[i];
            for d in 1..=i.min(Self::REACH) {
                rhs[i - d] -= line[Self::REACH - d] * known;
            }
        }
        true
    }
}

impl Banded {
    /// Adds `weight · row rowᵀ`.
    #[inline(always)]
    pub fn add_square(&mut self, row: &Row, weight: f64) {
        self.add_outer(row.start, &row.values, weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solution_satisfies_the_system() {
        let size = 9;
        let mut matrix = Banded::<BAND>::new(size);
        let mut dense = vec![vec![0.0; size]; size];
        for start in 0..=(size - BAND) {
            let row = Row {
                start,
                values: [
                    1.0,
                    -0.5 + start as f64 * 0.3,
                    0.25,
                    2.0 - start as f64 * 0.1,
                ],
            };
            matrix.add_square(&row, 1.5);
            for a in 0..BAND {
                for b in 0..BAND {
                    dense[start + a][start + b] += 1.5 * row.values[a] * row.values[b];
                }
            }
        }
        matrix.add_diagonal(0.75);
        let exact: Vec<f64> = (0..size).map(|i| (i as f64 - 3.5) * 0.7).collect();
        let mut rhs: Vec<f64> = (0..size)
            .map(|i| (0..size).map(|j| dense[i][j] * exact[j]).sum::<f64>() + 0.75 * exact[i])
            .collect();
        assert!(matrix.solve(&mut rhs));
        for (found, expected) in rhs.iter().zip(&exact) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn a_wide_band_takes_vectors_of_any_length_and_is_damped() {
        let size = 7;
        let mut matrix = Banded::<6>::new(size);
        let mut dense = vec![vec![0.0; size]; size];
        let vectors = [
            (0, vec![1.0, -2.0, 0.5, 3.0, 0.1, -1.0]),
            (1, vec![0.3, 1.0, -1.5, 0.7, 2.0, 1.0]),
            (4, vec![2.0, -0.4, 1.2]),
        ];
        for (start, values) in &vectors {
            matrix.add_outer(*start, values, 0.5);
            for (a, left) in values.iter().enumerate() {
                for (b, right) in values.iter().enumerate() {
                    dense[start + a][start + b] += 0.5 * left * right;
                }
            }
        }
        matrix.damp(0.25);
        for (i, line) in dense.iter_mut().enumerate() {
            line[i] *= 1.25;
        }
        let exact: Vec<f64> = (0..size).map(|i| 1.0 - 0.4 * i as f64).collect();
        let mut rhs: Vec<f64> = dense
            .iter()
            .map(|line| line.iter().zip(&exact).map(|(a, x)| a * x).sum())
            .collect();
        assert!(matrix.solve(&mut rhs));
        for (found, expected) in rhs.iter().zip(&exact) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn indefinite_matrix_is_refused() {
        let mut matrix = Banded::<BAND>::new(5);
        matrix.add_diagonal(-1.0);
        assert!(!matrix.solve(&mut [1.0; 5]));
    }
}
