"""Tables, as text and as Markdown, and the files that keep them."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.contestants import HUBBUB
from bench.load import LoadError

RESULTS = Path(__file__).parent / "results"


def number(value: float) -> str:
    """A figure to three significant digits, thousands with commas."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(value: float, of: float) -> str:
    """A ratio, as "5.2×"; a dash where there is nothing to compare with."""
    return f"{number(value / of)}×" if of else "–"


@dataclass(frozen=True)
class Table:
    """One table: the first column names, the others hold figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def as_text(self) -> str:
        """The table for a terminal."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        text = ["", self.title, ""]
        for line in lines:
            first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            text.append("  ".join([first.strip().ljust(widths[0]), *others]))
        return "\n".join([*text, *(f"  {note}" for note in self.notes)])

    def as_markdown(self) -> str:
        """The table for a document."""
        rule = ["---", *("---:" for _ in self.columns[1:])]
        rows = ["| " + " | ".join(line) + " |" for line in (self.columns, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *rows, "", *(f"- {note}" for note in self.notes)])


@dataclass(frozen=True)
class Chart:
    """A bar chart: each bar a label and its length in `unit`."""

    title: str
    unit: str
    bars: Sequence[tuple[str, float]]


@dataclass
class Report:
    """What one scenario found; `samples` are the single runs behind the tables."""

    scenario: str
    machine: dict[str, str]
    options: dict[str, Any]
    tables: list[Table] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    """Measurements that gave no figures, and why."""
    broken: list[str] = field(default_factory=list)
    """Promises that Hubbub did not keep meanwhile."""

    @contextlib.contextmanager
    def attempt(self, name: str, where: str) -> Iterator[None]:
        """Note that a contestant gave no figures there, instead of ending the whole run for it."""
        try:
            yield
        except (LoadError, AssertionError) as error:  # the latter from a server that did not start
            self.failures.append(f"{where}, {name}: {error}")
            if name.startswith(HUBBUB):
                self.broken.append(self.failures[-1])

    def blame(self, where: str, faults: Mapping[str, int]) -> None:
        """Note promises that Hubbub broke there."""
        self.broken += [f"{where}: {count:,} {text}" for text, count in faults.items()]

    def save(self, *, partial: bool = False) -> Path:
        """Write it to results/, in place of the last of its scenario (or the last partial one); returns the file."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.scenario}{'-partial' if partial else ''}.json"
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False))
        return path


def saved(scenario: str) -> Report | None:
    """The last whole report of a scenario, None when it never ran."""
    path = RESULTS / f"{scenario}.json"
    if not path.exists():
        return None
    values = json.loads(path.read_text())
    values["tables"] = [Table(**table) for table in values["tables"]]
    values["charts"] = [Chart(**chart) for chart in values["charts"]]
    return Report(**values)
