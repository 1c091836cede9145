"""Paced work: at once, then together, and again when it failed."""

import asyncio
from collections.abc import Collection

from server.pace import Paced
from tests.support.waiting import eventually


class Job:
    """Work that waits to be let on; `runs` holds what each run was about."""

    def __init__(self) -> None:
        self.runs: list[set[str] | None] = []
        self.may_end = asyncio.Event()
        self.fails = False
        self.leaves: list[str] = []

    async def run(self, names: Collection[str] | None) -> Collection[str]:
        self.runs.append(None if names is None else set(names))
        await self.may_end.wait()
        if self.fails:
            self.fails = False
            raise OSError("the database is away")
        left, self.leaves = self.leaves, []
        return left


async def test_what_is_asked_for_meanwhile_shares_the_next_run() -> None:
    job = Job()
    paced = Paced(job.run, 0.01, "The job")
    paced.ask(["a"])
    await eventually(lambda: job.runs == [{"a"}], "the first run, at once")
    for names in (["b"], ["c", "b"], ["a"]):
        paced.ask(names)
    assert paced.pending == {"a", "b", "c"}
    job.may_end.set()
    await eventually(lambda: job.runs == [{"a"}, {"a", "b", "c"}], "the second run")
    await eventually(lambda: paced.pending == set(), "nothing to be left")


async def test_all_there_are_outdoes_names() -> None:
    job = Job()
    job.may_end.set()
    paced = Paced(job.run, 0.01, "The job")
    paced.ask(["a"])
    paced.ask(None)
    await eventually(lambda: job.runs in ([{"a"}, None], [None]), "a run about everything")
    paced.ask([])
    await eventually(lambda: paced.pending == set(), "nothing to be left")
    assert job.runs[-1] is None


async def test_a_run_that_failed_or_left_something_is_followed_by_another() -> None:
    job = Job()
    job.may_end.set()
    job.fails = True
    paced = Paced(job.run, 0.01, "The job")
    paced.ask(["a", "b"])
    await eventually(lambda: job.runs == [{"a", "b"}] * 2, "the run to be repeated")
    job.leaves = ["b"]
    paced.ask(["a"])
    await eventually(lambda: job.runs[2:] == [{"a"}, {"b"}], "what was left")


async def test_at_its_end_a_run_is_finished_and_no_other_begun() -> None:
    job = Job()
    paced = Paced(job.run, 0.01, "The job")
    paced.ask(["a"])
    await eventually(lambda: job.runs, "the run to begin")
    paced.ask(["b"])
    ending = asyncio.create_task(paced.ended())
    job.may_end.set()
    await ending
    paced.ask(["c"])
    assert job.runs == [{"a"}]
    assert paced.pending == {"b", "c"}
