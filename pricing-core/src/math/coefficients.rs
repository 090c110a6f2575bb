//! Polynomial coefficients. Written by `coefficients/generate.py`, which states their
//! errors; change that script, not this file.

/// Smallest argument of the Mills polynomial.
pub const MILLS_LOW: f64 = -1.0;
/// Largest argument of the Mills polynomial.
pub const MILLS_HIGH: f64 = 41.0;
/// `u = 1/(a + MILLS_POLE)`.
pub const MILLS_POLE: f64 = 6.0;
/// `y = MILLS_OFFSET − MILLS_SCALE·u`, in [−1, 1].
pub const MILLS_SCALE: f64 = 11.19047619047619;
/// See [`MILLS_SCALE`].
pub const MILLS_OFFSET: f64 = 1.2380952380952381;
/// `Q(y)` with Mills ratio `M(a) = u·Q(y)`, lowest power first.
///
/// Worst relative error of M: 8.15e-17;
/// of its derivative: 2.01e-15.
pub const MILLS: [f64; 25] = [
    2.7233555281757345,
    -3.3752413478484744,
    3.5107401919564776,
    -3.0809293201878485,
    2.275101366621611,
    -1.3971401125330285,
    0.6951298806307128,
    -0.26475841039130593,
    0.06607570727619547,
    -0.00337461273684665,
    -0.005030284587103358,
    0.0018426078762473262,
    6.162648477047041e-05,
    -0.000217729408309754,
    3.135861244106271e-05,
    2.1826631652335157e-05,
    -6.319130967515477e-06,
    -2.310248080179032e-06,
    9.590195660521212e-07,
    2.7935002456913764e-07,
    -1.3180904981997306e-07,
    -3.421328237981082e-08,
    1.5456733066824055e-08,
    2.7716176529711683e-09,
    -1.126275907378912e-09,
];

/// `B(r)` with `exp(r) = 1 + r + r²·B(r)` for |r| ≤ ½ ln 2, lowest power first.
///
/// Worst relative error of exp: 3.39e-19.
pub const EXP: [f64; 11] = [
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326136,
    0.0013888888888883748,
    0.00019841269874820627,
    2.4801587325547743e-05,
    2.7557255400206422e-06,
    2.75572736431103e-07,
    2.5105217004720745e-08,
    2.0914686968086876e-09,
];

/// `A(z)` with `ln((1+s)/(1−s)) = 2s + s³·A(s²)` for `s² ≤ 0.0402`, lowest first.
///
/// Worst relative error of ln: 7.21e-19.
pub const LOG: [f64; 9] = [
    0.6666666666666666,
    0.3999999999999991,
    0.2857142857149146,
    0.22222222206196765,
    0.1818182022468804,
    0.1538446939275093,
    0.13339441492736062,
    0.1161673129314883,
    0.12428324698870938,
];
