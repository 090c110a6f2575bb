//! Words of the kernel: which number is asked for, and what became of an implied volatility.

/// A number the kernel can give for an option. All are raw partial derivatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Output {
    /// Discounted price, quote currency per unit.
    Price,
    /// ∂V/∂F.
    Delta,
    /// ∂²V/∂F², per currency.
    Gamma,
    /// ∂V/∂σ, per 1.00 of vol.
    Vega,
    /// −∂V/∂T with F and r held, per year.
    Theta,
    /// ∂V/∂r with F held, −T·V, per 1.00 of rate.
    Rho,
    /// ∂²V/∂F∂σ.
    Vanna,
    /// ∂²V/∂σ².
    Volga,
    /// −∂²V/∂F∂T, per year.
    Charm,
    /// ∂V/∂K.
    DualDelta,
    /// ∂²V/∂K².
    DualGamma,
}

/// How many outputs there are.
pub const OUTPUTS: usize = 11;

impl Output {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; OUTPUTS] = [
        Self::Price,
        Self::Delta,
        Self::Gamma,
        Self::Vega,
        Self::Theta,
        Self::Rho,
        Self::Vanna,
        Self::Volga,
        Self::Charm,
        Self::DualDelta,
        Self::DualGamma,
    ];
}

/// A set of outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Wanted(u16);

impl Wanted {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self((1 << OUTPUTS) - 1);

    /// This set and one more.
    #[must_use]
    pub const fn with(self, output: Output) -> Self {
        Self(self.0 | 1 << output as u16)
    }

    /// Whether it is in the set.
    #[must_use]
    #[inline(always)]
    pub const fn has(self, output: Output) -> bool {
        self.0 & (1 << output as u16) != 0
    }

    /// Whether anything beyond the price is in the set.
    #[must_use]
    #[inline(always)]
    pub const fn has_partials(self) -> bool {
        self.0 & !1 != 0
    }
}

/// What became of a row whose implied volatility was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum IvStatus {
    /// Found.
    Ok = 0,
    /// The price is not above the discounted intrinsic value.
    BelowIntrinsic = 1,
    /// The price is not below the discounted forward (call) or strike (put).
    AboveBound = 2,
    /// The price is within two units in its last place of a bound: the vol given is the exact one
    /// of that double, but the rounding of the price decides it.
    NoInformation = 3,
    /// No time is left.
    Expired = 4,
    /// NaN, infinity, or a value outside its domain.
    BadInput = 5,
    /// The solver stopped before its tolerance.
    NotConverged = 6,
}

impl IvStatus {
    /// The status of that number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [
            Self::Ok,
            Self::BelowIntrinsic,
            Self::AboveBound,
            Self::NoInformation,
            Self::Expired,
            Self::BadInput,
            Self::NotConverged,
        ]
        .into_iter()
        .find(|status| *status as u8 == code)
    }
}
