//! Levenberg-Marquardt: for a handful of unknowns here, for others by their own normal equations.

// Each index is an unknown's number, below the constant size of the arrays.
#![allow(clippy::indexing_slicing, clippy::needless_range_loop)]

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Stopping {
    /// Most steps, good or bad.
    pub steps_max: usize,
    /// Relative fall of the sum of squares below which a step is the last.
    pub tolerance: f64,
}

/// Normal equations of a sum of squares at one `Place`, the values of its unknowns.
pub trait NormalEquations<Place> {
    /// The sum of squares there.
    fn cost(&self) -> f64;

    /// Where the step leads whose diagonal is raised by a share `damping`, from `place`, which the
    /// equations are of; None where they have no solution.
    fn ahead(&self, place: &Place, damping: f64) -> Option<Place>;
}

/// Normal equations under assembly, for `N` unknowns.
#[derive(Clone, Copy, Debug)]
pub struct Normal<const N: usize> {
    matrix: [[f64; N]; N],
    gradient: [f64; N],
    cost: f64,
}

impl<const N: usize> Default for Normal<N> {
    fn default() -> Self {
        Self {
            matrix: [[0.0; N]; N],
            gradient: [0.0; N],
            cost: 0.0,
        }
    }
}

impl<const N: usize> Normal<N> {
    /// Adds one residual and its partial derivatives.
    #[inline(always)]
    pub fn add(&mut self, residual: f64, partials: &[f64; N]) {
        self.cost += residual * residual;
        for i in 0..N {
            self.gradient[i] += partials[i] * residual;
            for j in 0..=i {
                self.matrix[i][j] += partials[i] * partials[j];
            }
        }
    }
}

impl<const N: usize> NormalEquations<[f64; N]> for Normal<N> {
    fn cost(&self) -> f64 {
        self.cost
    }

    fn ahead(&self, place: &[f64; N], damping: f64) -> Option<[f64; N]> {
        let mut matrix = self.matrix;
        for i in 0..N {
            matrix[i][i] += damping * matrix[i][i].max(1e-30);
        }
        let rhs: [f64; N] = std::array::from_fn(|i| -self.gradient[i]);
        let change = solve_symmetric(&matrix, &rhs)?;
        Some(std::array::from_fn(|i| place[i] + change[i]))
    }
}

/// Solution of a symmetric positive definite system given by its lower part; None otherwise.
pub fn solve_symmetric<const N: usize>(matrix: &[[f64; N]; N], rhs: &[f64; N]) -> Option<[f64; N]> {
    let mut lower = [[0.0; N]; N];
    let mut x = *rhs;
    for i in 0..N {
        for j in 0..=i {
            let mut sum = matrix[i][j];
            for k in 0..j {
                sum -= lower[i][k] * lower[j][k];
            }
            if i == j {
                if !(sum > 0.0 && sum.is_finite()) {
                    return None;
                }
                lower[i][i] = sum.sqrt();
            } else {
                lower[i][j] = sum / lower[j][j];
            }
        }
        for k in 0..i {
            x[i] -= lower[i][k] * x[k];
        }
        x[i] /= lower[i][i];
    }
    for i in (0..N).rev() {
        for k in i + 1..N {
            x[i] -= lower[k][i] * x[k];
        }
        x[i] /= lower[i][i];
    }
    Some(x)
}

/// Minimises a sum of squares from `start`; gives the place, its cost and the steps taken.
///
/// `assemble` gives the normal equations at a place, or None where it has no value. The answer is
/// never worse than the start; a start without a value comes back with an infinite cost.
pub fn minimise<Place, E: NormalEquations<Place>>(
    start: Place,
    stopping: Stopping,
    mut assemble: impl FnMut(&Place) -> Option<E>,
) -> (Place, f64, usize) {
    let mut place = start;
    let Some(mut here) = assemble(&place) else {
        return (place, f64::INFINITY, 0);
    };
    let mut damping = 1e-3;
    for step in 1..=stopping.steps_max {
        let Some(ahead) = here.ahead(&place, damping) else {
            damping *= 10.0;
            continue;
        };
        match assemble(&ahead) {
            Some(there) if there.cost() < here.cost() => {
                let fall = 1.0 - there.cost() / here.cost();
                (place, here) = (ahead, there);
                damping = (damping * 0.2).max(1e-12);
                if fall < stopping.tolerance {
                    return (place, here.cost(), step);
                }
            }
            _ => {
                damping *= 8.0;
                if damping > 1e10 {
                    return (place, here.cost(), step);
                }
            }
        }
    }
    (place, here.cost(), stopping.steps_max)
}

/// Normal equations of residuals without analytic derivatives, by forward differences.
pub fn differenced<const N: usize>(
    place: &[f64; N],
    width: f64,
    mut residuals: impl FnMut(&[f64; N], &mut Vec<f64>) -> bool,
) -> Option<Normal<N>> {
    let mut base = Vec::new();
    if !residuals(place, &mut base) {
        return None;
    }
    let mut columns: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(base.len()));
    for (i, column) in columns.iter_mut().enumerate() {
        let mut moved = *place;
        moved[i] += width;
        if !residuals(&moved, column) || column.len() != base.len() {
            return None;
        }
    }
    let mut normal = Normal::default();
    for (row, &residual) in base.iter().enumerate() {
        let partials = std::array::from_fn(|i| (columns[i][row] - residual) / width);
        normal.add(residual, &partials);
    }
    normal.cost.is_finite().then_some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOPPING: Stopping = Stopping {
        steps_max: 200,
        tolerance: 1e-15,
    };

    #[test]
    fn rosenbrock_is_minimised() {
        let ([x, y], cost, _) = minimise([-1.2, 1.0], STOPPING, |&[x, y]| {
            let mut normal = Normal::default();
            normal.add(10.0 * (y - x * x), &[-20.0 * x, 10.0]);
            normal.add(1.0 - x, &[-1.0, 0.0]);
            Some(normal)
        });
        assert!((x - 1.0).abs() < 1e-8 && (y - 1.0).abs() < 1e-8 && cost < 1e-16);
    }

    #[test]
    fn differences_lead_to_the_same_place() {
        let (place, _, _) = minimise([2.0, -3.0], STOPPING, |place| {
            differenced(place, 1e-7, |&[x, y], out| {
                out.clear();
                out.extend([x - 0.5, y + 0.25, x * y + 0.125]);
                true
            })
        });
        assert!((place[0] - 0.5).abs() < 1e-6 && (place[1] + 0.25).abs() < 1e-6);
    }

    #[test]
    fn a_start_without_a_value_is_told() {
        let (_, cost, steps) = minimise([0.0], STOPPING, |_| None::<Normal<1>>);
        assert!(cost.is_infinite() && steps == 0);
    }
}
