"""Plots as text: what is drawn where, ranges, ticks, legend, hostile input."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.errors import InvalidInput
from quantdesk.views.plot import (
    POINTS_MAX,
    Axis,
    Band,
    Guide,
    Markers,
    PlotRole,
    PlotView,
    Scale,
    Series,
    Stroke,
    Whiskers,
)
from quantdesk.views.plot_text import axis_ticks, plot_lines, plot_text, tick_labels
from quantdesk.views.safe_text import cell_width

X = np.linspace(0.0, 10.0, 41)


def plot(**parts: object) -> PlotView:
    made: dict[str, object] = {
        "title": "title",
        "x_axis": Axis(name="strike, USD"),
        "y_axis": Axis(name="vol, %"),
    }
    return PlotView(**(made | parts))  # type: ignore[arg-type]  # parts are checked by their types


def rising(**changes: object) -> Series:
    return Series(**({"name": "up", "x": X, "y": X} | changes))  # type: ignore[arg-type]


def body(text: str) -> list[str]:
    """The drawing, without the head and the x axis."""
    return [line for line in text.splitlines() if re.match(r"[ \d.,%+-]*[│┤]", line)]


def inside(line: str) -> str:
    """What stands right of the y axis."""
    return re.split("[│┤]", line, maxsplit=1)[-1]


def test_rising_line_goes_from_lower_left_to_upper_right() -> None:
    lines = body(plot_text(plot(series=(rising(),)), 60, 16))
    inked = [[at for at, char in enumerate(line) if char > "⠀" and char <= "⣿"] for line in lines]
    assert min(inked[-1]) < 6
    assert max(inked[0]) > 55
    assert min(inked[0]) > max(inked[-1])


def test_gap_of_values_is_a_gap_on_screen() -> None:
    y = np.where((X > 4) & (X < 6), np.nan, 5.0)
    whole = plot_text(plot(series=(rising(y=np.full(41, 5.0)),)), 60, 12)
    holed = plot_text(plot(series=(rising(y=y),)), 60, 12)
    count = sum("⠀" < char <= "⣿" for char in whole)
    assert 5 < count - sum("⠀" < char <= "⣿" for char in holed) < 25


def test_strokes_differ_without_colour() -> None:
    texts = {plot_text(plot(series=(rising(stroke=stroke),)), 60, 12) for stroke in Stroke}
    assert len(texts) == 3


def test_every_part_is_named_in_the_legend() -> None:
    text = plot_text(
        plot(
            series=(rising(name="fit"),),
            bands=(Band(name="allowed", x=X, low=X - 1, high=X + 1),),
            whiskers=(Whiskers(name="bid to ask", x=X[::10], low=X[::10], high=X[::10] + 1),),
            markers=(Markers(name="mark", x=X[::10], y=X[::10], symbol="x"),),
            guides=(
                Guide(name="forward", value=5.0),
                Guide(name="zero", value=0.0, is_vertical=False),
            ),
        ),
        80,
        24,
    )
    for name in ("fit", "allowed", "bid to ask", "x mark", "forward", "zero", "strike, USD"):
        assert name in text


def test_whisker_has_foot_cap_and_stem() -> None:
    text = plot_text(
        plot(whiskers=(Whiskers(name="q", x=X[20:21], low=X[:1], high=X[40:]),)), 40, 16
    )
    symbols = "".join(inside(line) for line in body(text)).replace(" ", "")
    assert re.search("┬│+┴", symbols)


def test_foot_and_cap_of_a_whisker_have_a_look_each() -> None:
    view = plot(whiskers=(Whiskers(name="q", x=X[20:21], low=X[:1], high=X[40:]),))
    runs = [run for line in plot_lines(view, 40, 16)[2:] for run in line]
    assert [role for text, role in runs if text == "┴"] == [PlotRole.BID]
    assert [role for text, role in runs if text == "┬"] == [PlotRole.ASK]


def test_a_marker_at_zero_stands_on_the_line_of_zero() -> None:
    for height in range(9, 20):
        view = plot(
            guides=(Guide(name="", value=0.0, is_vertical=False),),
            markers=(Markers(name="m", x=X[::10], y=np.zeros(X[::10].size)),),
            whiskers=(Whiskers(name="q", x=X[:1], low=-X[40:], high=X[40:]),),
        )
        lines = [line for line in body(plot_text(view, 40, height)) if "●" in line]
        assert len(lines) == 1
        assert lines[0].lstrip().startswith("0")


@pytest.mark.parametrize("top", [1.0, 2.4, 3.1, 4.9, 7.7, 20.3, 60.0])
def test_the_y_axis_has_three_labels_wherever_it_has_rows(top: float) -> None:
    for height in range(9, 30):
        view = plot(series=(rising(y=X / X.max() * top + top / 2),))
        labels = [line for line in body(plot_text(view, 40, height)) if "┤" in line]
        assert len(labels) >= 3


def test_one_end_of_a_whisker_alone_is_drawn_alone() -> None:
    nothing = np.array([np.nan])
    view = plot(
        whiskers=(Whiskers(name="q", x=X[:1], low=X[20:21], high=nothing),),
        markers=(Markers(name="m", x=X[[0, 40]], y=X[[0, 40]]),),
    )
    lines = "".join(inside(line) for line in body(plot_text(view, 40, 12)))
    assert "┴" in lines
    assert "┬" not in lines


def test_bounds_of_an_axis_cut_what_lies_beyond() -> None:
    axis = Axis(name="y", low=0.0, high=5.0)
    view = plot(series=(rising(),), y_axis=axis)
    assert view.y_range() == (0.0, 5.0)
    lines = body(plot_text(view, 60, 14))
    right = "".join(line[40:] for line in lines)
    assert not any("⠀" < char <= "⣿" for char in right)


def test_y_range_is_that_of_the_x_shown() -> None:
    view = plot(series=(rising(),), x_axis=Axis(name="x", low=2.0, high=3.0))
    assert view.y_range() == (2.0, 3.0)


def test_single_value_stands_in_the_middle() -> None:
    view = plot(markers=(Markers(name="m", x=X[4:5], y=X[4:5]),))
    assert view.x_range() == (0.95, 1.05)
    assert "●" in plot_text(view, 40, 10)


def test_nothing_to_draw_says_so() -> None:
    nothing = np.full(3, np.nan)
    view = plot(series=(Series(name="s", x=X[:3], y=nothing),), empty="no quotes yet")
    assert "no quotes yet" in plot_text(view, 40, 10)
    assert "no quotes yet" in plot_text(plot(empty="no quotes yet"), 40, 10)


def test_too_small_says_so() -> None:
    assert plot_text(plot(series=(rising(),)), 19, 10).startswith("19x10 is too")
    assert "small" in plot_text(plot(series=(rising(),)), 60, 5)


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [
        (0.0, 10.0, 5, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]),
        (-0.3, 0.3, 3, [-0.2, 0.0, 0.2]),
        (41_200.0, 88_000.0, 5, [50_000.0, 60_000.0, 70_000.0, 80_000.0]),
    ],
)
def test_ticks_are_round(low: float, high: float, count: int, ticks: list[float]) -> None:
    assert axis_ticks(low, high, count) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("ticks", "scale", "labels"),
    [
        ([50_000.0, 60_000.0], Scale.NUMBER, ["50,000", "60,000"]),
        ([0.45, 0.5], Scale.PERCENT, ["45%", "50%"]),
        ([0.455, 0.46], Scale.PERCENT, ["45.5%", "46.0%"]),
        ([-200.0, 0.0, 200.0], Scale.SIGNED, ["-200", "0", "+200"]),
        ([-0.0, 0.1], Scale.NUMBER, ["0.0", "0.1"]),
    ],
)
def test_labels_have_the_decimals_they_need(
    ticks: list[float], scale: Scale, labels: list[str]
) -> None:
    assert tick_labels(ticks, scale) == labels


def test_text_from_outside_is_harmless() -> None:
    text = plot_text(plot(title="\x1b[2J", series=(rising(name="\x1b[31m" * 30),)), 60, 12)
    assert "\x1b" not in text


@pytest.mark.parametrize("shape", [(3, 2), (POINTS_MAX + 1,)])
def test_absurd_points_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="must be one row of up to"):
        Series(name="s", x=np.zeros(shape), y=np.zeros(shape))


def test_other_lengths_and_values_are_refused() -> None:
    with pytest.raises(InvalidInput, match="must have the shape"):
        Series(name="s", x=X, y=X[:3])
    with pytest.raises(InvalidInput, match="must be finite"):
        Guide(name="g", value=float("nan"))
    with pytest.raises(InvalidInput, match="must be below"):
        Axis(name="a", low=2.0, high=1.0)
    with pytest.raises(InvalidInput, match="one printable character"):
        Markers(name="m", x=X, y=X, symbol="\x1b")


FINITE = st.floats(allow_nan=True, allow_infinity=True)


@given(
    points=st.lists(st.tuples(FINITE, FINITE), max_size=30),
    width=st.integers(1, 120),
    height=st.integers(1, 40),
)
def test_any_points_make_lines_that_fit(
    points: list[tuple[float, float]], width: int, height: int
) -> None:
    x = np.array([point[0] for point in points], dtype=np.float64)
    y = np.array([point[1] for point in points], dtype=np.float64)
    view = plot(
        series=(Series(name="s", x=x, y=y),),
        bands=(Band(name="b", x=x, low=y, high=y),),
        whiskers=(Whiskers(name="w", x=x, low=y, high=-y),),
        markers=(Markers(name="m", x=x, y=y),),
    )
    lines = plot_lines(view, width, height)
    assert len(lines) == height
    for line in lines:
        assert cell_width("".join(text for text, _ in line)) <= width
