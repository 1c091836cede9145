"""docs/benchmarks.md and its plots, written from the last report of each scenario."""

from html import escape
from pathlib import Path

from bench.report import Chart, Report, number, saved

DOCS = Path(__file__).resolve().parent.parent / "docs"
SCENARIOS = (
    "persist",
    "fanout",
    "workers",
    "connections",
    "notifications",
    "presence",
    "streams",
    "updates",
    "filters",
    "comments",
    "documents",
)

INTRODUCTION = """# Benchmarks

Written by `python -m bench all --full --write-docs`; `make bench` prints a short version of the same tables. Every
contestant of a table was measured in the same run on the same machine, in turns, freshly started each time; figures are
medians. Ratios carry over to other machines better than the absolute figures do.

How it is measured:

- The server has one core, the load generator another; databases and Redis run where the system puts them. CPU is what
  the operating system charged to the server's process and its children; the database's is shown apart.
- The load generator (`bench/native/`, C, epoll) speaks WebSocket and Socket.IO itself. It checks what it receives: each
  message once at each member, in one order. What a contestant does otherwise stands under its table.
- Latency is from the moment when a message was sent, or was due under a constant rate, to its acknowledgement or to
  each of its deliveries, on one clock. "p50" and "p99" at saturation are mostly time in queues.
- Persisted messages: the sender's membership is checked, the message is stored and committed (SQLite in WAL mode with
  `synchronous=FULL`, PostgreSQL with its default `fsync`), the room hears it, the sender gets its acknowledgement.
  Hubbub also writes the event log, remembers the `clientId` and keeps read state and search; the baselines do none of
  that.
- Fan-out: one member says something, each member hears it. The servers in `bench/` do nothing else; for Hubbub that is
  its engine (`server.engine`), in the very program that also runs the stock server. "Saturated" keeps up to 32,000
  deliveries under way, "busy" an eighth of that, each message followed by the next when its last member has it.
  Hubbub's engine sends what waits for a connection in one write, the others and C write each message by itself: that
  is why it gains with the load, and why at light load, with nothing to put together, it can't be below C.
- The client's side of loopback is partly paid for by the sender, as the kernel handles a packet's arrival there. It is
  the same for all.
"""


def bar_chart(chart: Chart) -> str:
    """A chart as SVG, legible on light and dark pages."""
    row, left, width = 26, 230, 640
    longest = max(value for _, value in chart.bars)
    height = 40 + row * len(chart.bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"',
        ' font-size="13">',
        "<style>text{fill:#333}@media(prefers-color-scheme:dark){text{fill:#ddd}}</style>",
        f'<text x="8" y="20" font-weight="bold">{escape(chart.title)} ({escape(chart.unit)})</text>',
    ]
    for i, (label, value) in enumerate(chart.bars):
        top = 34 + row * i
        length = (width - left - 80) * value / longest
        colour = "#0a7d5a" if label.startswith("Hubbub") else "#8a93a3"
        parts += [
            f'<text x="{left - 8}" y="{top + 14}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{left}" y="{top}" width="{length:.1f}" height="18" fill="{colour}"/>',
            f'<text x="{left + length + 6:.1f}" y="{top + 14}">{number(value)}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


def write() -> Path:
    """Write the document from what is in results/; returns its path."""
    reports = [report for report in map(saved, SCENARIOS) if report]
    parts = [INTRODUCTION]
    for report in reports:
        parts += _section(report)
    path = DOCS / "benchmarks.md"
    path.write_text("\n".join(parts))
    return path


def _section(report: Report) -> list[str]:
    parts = []
    for i, chart in enumerate(report.charts):
        picture = DOCS / f"benchmarks-{report.scenario}-{i + 1}.svg"
        picture.write_text(bar_chart(chart))
        parts += [f"![{chart.title}]({picture.name})", ""]
    parts += [table.as_markdown() + "\n" for table in report.tables]
    parts += [f"- No figures: {failure}" for failure in report.failures]
    machine = "; ".join(f"{name}: {value}" for name, value in report.machine.items())
    return [*parts, f"<sub>Rounds: {report.options['rounds']}. {machine}.</sub>", ""]
