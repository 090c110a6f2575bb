"""Up to four structures and the one being built, side by side: a line a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from quantdesk.domain.structure import Structure
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.views.cells import Cell, Role
from quantdesk.views.comparison import FIGURES
from quantdesk.views.fact_lines import FactBlock, FactRole, fact_sentences
from quantdesk.views.number_text import DASH
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, TableColumn, TableLine, TableView, table_view

NAME_WIDTH = 22


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """One column: `name` as "1" or "built", and the analysis, None where `problem` says why."""

    name: str
    structure: Structure
    analysis: StructureAnalysis | None
    problem: str = ""


def comparison_view(columns: Sequence[Compared], empty: str) -> TableView:
    """A line a figure, a column a structure; the key of a column is its name."""
    if not columns:
        return table_view((), (), fixed=0, empty=empty)
    titles = [
        TableColumn(key="figure", title="", align=Align.LEFT, says="figure"),
        *(
            TableColumn(
                key=one.name,
                title=safe_text(f"{one.name}: {one.structure.name or 'free mix'}", NAME_WIDTH),
                unit=one.structure.legs[0].instrument.underlying,
                says=one.name,
            )
            for one in columns
        ),
    ]
    lines = []
    for title, figure in FIGURES:
        texts = [DASH if one.analysis is None else figure(one.analysis) for one in columns]
        cells = [Cell(title, Role.LABEL)]
        cells += [Cell(text, Role.MISSING if text == DASH else Role.VALUE) for text in texts]
        lines.append(TableLine(key=title, cells=tuple(cells)))
    return table_view(titles, lines, fixed=1)


def comparison_notes(columns: Sequence[Compared]) -> tuple[FactBlock, ...]:
    """The legs of each column, the law of the chances, and every warning with its column."""
    legs = [f"{one.name}: {safe_text(str(one.structure), 300)}" for one in columns]
    blocks = [fact_sentences("Legs", legs, FactRole.VALUE)] if legs else []
    laws = [
        f"{one.name}: {safe_text(one.analysis.chances[0].law, 200)}"
        for one in columns
        if one.analysis is not None and one.analysis.chances
    ]
    if laws:
        blocks.append(fact_sentences("Chances are under", laws, FactRole.LABEL))
    warnings = [f"! {one.name}: {safe_text(one.problem, 300)}" for one in columns if one.problem]
    for one in columns:
        if one.analysis is not None:
            found = (*one.analysis.warnings, *one.analysis.excluded)
            warnings += [f"! {one.name}: {safe_text(text, 300)}" for text in found]
    if warnings:
        blocks.append(fact_sentences("Warnings", warnings, FactRole.WARNING))
    return tuple(blocks)
