"""Which expiries are held where several fail together: the broken ones, not those beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.market.fitting_grades import Grade
from quantdesk.market.last_good import Doubts, first_failures
from quantdesk.market.surface_quotes import trusted
from tests.unit.surface.chains import chain


def test_what_broken_neighbours_say_of_an_expiry_does_not_make_it_fail_alone() -> None:
    quotes = chain(9, 30, 60, 120)
    good = fit_surface(quotes)
    assert isinstance(good, SurfaceFit)
    assert {each.grade for each in good.slices} == {Grade.A}
    expiries = list(quotes.expiries)
    factor = 1.0 + 0.8 * (-1.0) ** np.arange(21)
    wild = replace(
        expiries[1], bid_iv=expiries[1].bid_iv * factor, ask_iv=expiries[1].ask_iv * factor
    )
    # Three quotes at one end are all that the others believe of this one.
    doubted = replace(expiries[3], trust=np.where(np.arange(21) < 3, 1.0, 0.0))
    spoiled = replace(quotes, expiries=(expiries[0], wild, expiries[2], doubted))
    found = fit_surface(spoiled)
    assert isinstance(found, SurfaceFit)
    assert [found.slices[place].grade for place in (1, 3)] == [Grade.F, Grade.F]
    doubts = Doubts(options=found.options)
    assert list(first_failures(found, good, spoiled, doubts)) == [wild.expiry_ns]


def test_a_refused_expiry_keeps_its_reasons_however_often_quotes_are_looked_at() -> None:
    quotes = chain(9, 30, 60).expiries
    few = replace(quotes[1], refusal="no forward", is_used=np.zeros(21, dtype=np.bool_))
    once = trusted((quotes[0], few, quotes[2]))
    again = trusted(once)
    assert [each.reasons for each in again] == [each.reasons for each in once]
    assert once[1] is few
