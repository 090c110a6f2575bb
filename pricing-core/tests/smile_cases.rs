//! SVI against printed numbers: Gatheral & Jacquier (2014), examples 3.1 and 5.1 (Vogt's slice),
//! Martini & Mingone's quantities, an SSVI slice.

#![allow(clippy::unwrap_used, missing_docs)] // a test may panic

use pricing_core::smile::SmileSection;
use pricing_core::smile::butterfly::{durrleman, least_g};
use pricing_core::smile::ssvi::Ssvi;
use pricing_core::smile::svi::{JumpWings, RawSvi};
use pricing_core::smile::svi_domain::domain;

const VOGT: RawSvi = RawSvi {
    a: -0.0410,
    b: 0.1331,
    rho: 0.3060,
    m: 0.3586,
    s: 0.4153,
};

/// Their optimum c*: free of butterflies, by little.
const OPTIMUM: RawSvi = RawSvi {
    a: -0.0305199110,
    b: 0.1027167818,
    rho: 0.1007176132,
    m: 0.2723441929,
    s: 0.4123981469,
};

/// Their repair in closed form.
const REPAIRED: RawSvi = RawSvi {
    a: 0.0077409124,
    b: 0.0692420345,
    rho: -0.3340364806,
    m: 0.0420337452,
    s: 0.1186078029,
};

fn grid() -> impl Iterator<Item = f64> {
    (0..=60_000).map(|i| -1.5 + f64::from(i) * 5e-5)
}

#[test]
fn vogt_slice_has_the_printed_variance_and_g() {
    let cases = [
        (-1.5, 0.1367819611, 0.2478306953),
        (-1.0, 0.0927556522, 0.2678703587),
        (-0.5, 0.0509765717, 0.3568535725),
        (0.0, 0.0174262526, 1.0386497313),
        (0.5, 0.0231515656, 0.0693792113),
        (0.8, 0.0576441161, -0.0298184615),
        (1.0, 0.0868267098, -0.0277416959),
        (1.5, 0.1671516999, 0.0291238657),
    ];
    for (k, w, g) in cases {
        let jet = VOGT.jet(k);
        assert!((jet.w - w).abs() < 5.1e-11, "w({k}) = {}", jet.w);
        let found = durrleman(k, jet);
        assert!((found - g).abs() < 5.1e-11, "g({k}) = {found}");
    }
    assert!((VOGT.least_variance() - 0.0116249032).abs() < 5.1e-11);
    let (left, right) = VOGT.wing_slopes();
    assert!((left + 0.0923714).abs() < 5.1e-8 && (right - 0.1738286).abs() < 5.1e-8);
    let (g, k) = least_g(&VOGT, grid());
    assert!(
        (g + 0.0328635735).abs() < 1e-9 && (k - 0.87926).abs() < 1e-4,
        "{g} at {k}"
    );
}

#[test]
fn jump_wings_have_the_printed_digits_and_come_back() {
    let wings = VOGT.to_jump_wings(1.0).unwrap();
    let printed = [
        (wings.v, 0.017426252555),
        (wings.psi, -0.175211140809),
        (wings.p, 0.699738104117),
        (wings.c, 1.316798218986),
        (wings.v_min, 0.011624903235),
    ];
    for (found, expected) in printed {
        assert!((found - expected).abs() < 5.1e-13, "{found} {expected}");
    }
    let back = wings.to_raw().unwrap();
    for (found, expected) in [
        (back.a, VOGT.a),
        (back.b, VOGT.b),
        (back.rho, VOGT.rho),
        (back.m, VOGT.m),
        (back.s, VOGT.s),
    ] {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}

#[test]
fn the_printed_repairs_follow_from_their_jump_wings() {
    let wings = VOGT.to_jump_wings(1.0).unwrap();
    let c = wings.p + 2.0 * wings.psi;
    let v_min = 4.0 * wings.v * wings.p * c / (wings.p + c).powi(2);
    assert!((c - 0.3493158225).abs() < 5.1e-11 && (v_min - 0.0154818248).abs() < 5.1e-11);
    let closed = JumpWings { c, v_min, ..wings }.to_raw().unwrap();
    let optimum = JumpWings {
        c: 0.8564763,
        v_min: 0.0116249,
        ..wings
    };
    let optimum = optimum.to_raw().unwrap();
    for (found, expected, tolerance) in [
        (closed, REPAIRED, 1e-9),
        // Its c and v_min are printed with seven digits.
        (optimum, OPTIMUM, 2e-7),
    ] {
        for (one, other) in [
            (found.a, expected.a),
            (found.b, expected.b),
            (found.rho, expected.rho),
            (found.m, expected.m),
            (found.s, expected.s),
        ] {
            assert!((one - other).abs() < tolerance, "{one} {other}");
        }
    }
    let (g, k) = least_g(&OPTIMUM, grid());
    assert!(
        (g - 0.0081182785).abs() < 1e-8 && (k - 0.81133).abs() < 1e-4,
        "{g} at {k}"
    );
    assert!((least_g(&REPAIRED, grid()).0 - 0.27783).abs() < 5.1e-6);
}

#[test]
fn natural_form_comes_back() {
    for raw in [VOGT, OPTIMUM, REPAIRED] {
        let back = raw.to_natural().unwrap().to_raw().unwrap();
        assert!((back.a - raw.a).abs() < 1e-14 && (back.b - raw.b).abs() < 1e-14);
        assert!((back.m - raw.m).abs() < 1e-14 && (back.s - raw.s).abs() < 1e-14);
    }
}

#[test]
fn domain_has_the_printed_bounds_and_verdicts() {
    let vogt = domain(&VOGT).unwrap();
    assert!((vogt.alpha + 0.0987238).abs() < 5.1e-8 && (vogt.mu - 0.8634722).abs() < 5.1e-8);
    assert!(
        (vogt.mu_bounds.0 + 0.72407).abs() < 5.1e-6,
        "{:?}",
        vogt.mu_bounds
    );
    assert!(
        (vogt.mu_bounds.1 - 0.82939).abs() < 5.1e-6,
        "{:?}",
        vogt.mu_bounds
    );
    assert_eq!(vogt.s_least, None);
    assert!(!vogt.holds(VOGT.s) && !vogt.holds(1e9));

    let optimum = domain(&OPTIMUM).unwrap();
    assert!(
        (optimum.mu_bounds.0 + 0.91672).abs() < 5.1e-6,
        "{:?}",
        optimum.mu_bounds
    );
    assert!(
        (optimum.mu_bounds.1 - 0.92217).abs() < 5.1e-6,
        "{:?}",
        optimum.mu_bounds
    );
    assert!(
        (optimum.s_least.unwrap() - 0.2932916).abs() < 5.1e-7,
        "{:?}",
        optimum.s_least
    );
    assert!(optimum.holds(OPTIMUM.s));

    let repaired = domain(&REPAIRED).unwrap();
    assert!(
        (repaired.mu_bounds.0 + 3.94657).abs() < 1e-4,
        "{:?}",
        repaired.mu_bounds
    );
    assert!(
        (repaired.mu_bounds.1 - 6.80800).abs() < 1e-4,
        "{:?}",
        repaired.mu_bounds
    );
    assert!(
        (repaired.s_least.unwrap() - 0.0104345).abs() < 5.1e-7,
        "{:?}",
        repaired.s_least
    );
}

#[test]
fn ssvi_slice_has_the_printed_numbers() {
    let raw = Ssvi {
        theta: 0.04,
        rho: -0.3,
        psi: 0.08,
    }
    .to_raw()
    .unwrap();
    for (k, w) in [
        (-0.5, 0.0582490309931942),
        (0.0, 0.04),
        (0.25, 0.0364935886896179),
    ] {
        assert!((raw.jet(k).w - w).abs() < 1e-15, "{}", raw.jet(k).w);
    }
    for (found, expected) in [
        (raw.a, 0.0182),
        (raw.b, 0.04),
        (raw.m, 0.15),
        (raw.s, 0.4769696007),
    ] {
        assert!((found - expected).abs() < 5.1e-11);
    }
}

#[test]
fn parameters_outside_their_domain_are_refused_by_name() {
    let message =
        |slice: Result<RawSvi, pricing_core::PricingError>| slice.unwrap_err().to_string();
    assert!(message(RawSvi::new(f64::NAN, 0.1, 0.0, 0.0, 0.1)).starts_with("a = NaN"));
    assert!(message(RawSvi::new(0.1, -0.1, 0.0, 0.0, 0.1)).starts_with("b = -0.1"));
    assert!(message(RawSvi::new(0.1, 0.1, 1.0, 0.0, 0.1)).starts_with("rho = 1"));
    assert!(message(RawSvi::new(0.1, 0.1, 0.0, 0.0, 0.0)).starts_with("s = 0"));
    assert!(message(RawSvi::new(-1.0, 0.1, 0.0, 0.0, 0.1)).starts_with("a = -1"));
    let flat = JumpWings {
        years: 1.0,
        v: 0.04,
        psi: 0.0,
        p: 0.5,
        c: 0.5,
        v_min: 0.04,
    };
    assert!(flat.to_raw().is_err());
}
