"""Shared tasks: seen by everyone at once, kept while offline, decided on where two people wrote the same."""

import pytest
from playwright.async_api import expect

from tests.browser.people import Person
from tests.browser.sharing import (
    add_task,
    come_back,
    edit_task,
    go_offline,
    open_tasks,
    stored_tasks,
    task,
    tick,
)
from tests.support.hubbub import Hubbub

# WebSockets of the page lead nowhere until it is told to let them through.
CUT_OFF = """window.WebSocket = class extends WebSocket {
  constructor(url, ...more) {
    super(sessionStorage.letThrough ? url : "ws://127.0.0.1:9/", ...more);
  }
}"""

pytestmark = pytest.mark.usefixtures("network_lost")


async def test_what_one_does_the_other_sees_without_a_refresh(demo: Hubbub, visit, room_name: str):
    """Added, changed, ticked off, assigned and deleted in one window, each appears in the other."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await open_tasks(ada, bo)
    await add_task(ada, room_name)
    await expect(task(bo, room_name)).to_be_visible()
    await edit_task(bo, room_name, Notes="With a view", Priority="High")
    await expect(task(ada, room_name).get_by_text("With a view")).to_be_visible()
    await expect(task(ada, room_name).get_by_text("High")).to_be_visible()
    await tick(ada, room_name).check()
    await expect(tick(bo, room_name)).to_be_checked()
    await ada.photograph("tasks")
    await task(bo, room_name).get_by_role("button", name="Delete").click()
    await expect(task(ada, room_name)).to_have_count(0)
    await bo.page.get_by_role("button", name="Undo").click()
    await expect(task(ada, room_name)).to_be_visible()


async def test_views_show_what_they_are_called_after_live(demo: Hubbub, visit, room_name: str):
    """Open, done and mine: a task leaves one view and comes into the other when it is changed, by whomever."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await open_tasks(ada, bo)
    await add_task(ada, room_name)
    await expect(task(bo, room_name)).to_be_visible()
    await ada.page.get_by_role("button", name="Open", exact=True).click()
    await bo.page.get_by_role("button", name="Done", exact=True).click()
    await expect(task(ada, room_name)).to_be_visible()
    await expect(task(bo, room_name)).to_have_count(0)
    await tick(ada, room_name).click()
    await expect(task(ada, room_name)).to_have_count(0)
    await expect(task(bo, room_name)).to_be_visible()
    await ada.page.get_by_role("button", name="Mine", exact=True).click()
    await expect(task(ada, room_name)).to_have_count(0)
    await add_task(ada, f"{room_name} too")
    await bo.page.get_by_role("button", name="All", exact=True).click()
    await expect(task(bo, f"{room_name} too").get_by_text("Assigned to Ada")).to_be_attached()


async def test_who_was_offline_catches_up_both_ways(demo: Hubbub, visit, room_name: str):
    """Edits on both sides while one is away: each reaches the other, and nothing has to be decided."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    first, second = f"{room_name} one", f"{room_name} two"
    await open_tasks(ada, bo)
    for title in (first, second):
        await add_task(ada, title)
        await expect(task(bo, title)).to_be_visible()
    await go_offline(ada)
    await expect(ada.page.get_by_text("You are offline.")).to_be_visible()
    await tick(ada, first).check()
    await edit_task(ada, first, Priority="Low")
    await expect(task(ada, first).get_by_text("Waiting")).to_be_visible()
    await ada.photograph("tasks-offline")
    await edit_task(bo, first, Notes="Bo was here")
    await edit_task(bo, second, Title=f"{second}, renamed")
    await expect(task(bo, f"{second}, renamed").get_by_text("Saved")).to_be_visible()
    await come_back(ada)
    await expect(task(ada, f"{second}, renamed")).to_be_visible()
    for person in (ada, bo):
        await expect(tick(person, first)).to_be_checked()
        await expect(task(person, first).get_by_text("Low")).to_be_visible()
        await expect(task(person, first).get_by_text("Bo was here")).to_be_visible()
    await expect(ada.page.get_by_role("button", name="Compare")).to_have_count(0)


async def disagree(ada: Person, bo: Person, title: str) -> None:
    """Ada, without a connection, and Bo write the title and notes of one task; then Ada comes back."""
    await open_tasks(ada, bo)
    await add_task(ada, title)
    await expect(task(bo, title)).to_be_visible()
    await go_offline(ada)
    await edit_task(ada, title, Title=f"{title} by Ada", Notes="Ada's notes")
    await edit_task(bo, title, Title=f"{title} by Bo", Notes="Bo's notes", Priority="High")
    await expect(task(bo, f"{title} by Bo").get_by_text("Saved")).to_be_visible()
    await come_back(ada)
    await expect(task(ada, f"{title} by Bo")).to_be_visible()
    await ada.page.get_by_role("button", name="Compare").click()


async def test_a_conflict_is_shown_side_by_side_and_settled_by_a_mix(demo: Hubbub, visit, room_name: str):
    """Both versions of each field that differs; one of each is chosen, and everybody sees the result."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await disagree(ada, bo, room_name)
    dialog = ada.page.get_by_role("dialog")
    title, notes = dialog.get_by_role("group", name="Title"), dialog.get_by_role("group", name="Notes")
    await expect(title.get_by_text(f"{room_name} by Ada")).to_be_visible()
    await expect(title.get_by_text(f"{room_name} by Bo")).to_be_visible()
    await expect(dialog.get_by_role("group", name="Done")).to_have_count(0)
    # Only Bo has changed the priority, so that is what is proposed.
    await expect(dialog.get_by_role("group", name="Priority").get_by_label("Theirs")).to_be_checked()
    await expect(notes.get_by_label("Mine")).to_be_checked()
    await ada.photograph("conflict")
    await title.get_by_label("Theirs").check()
    await dialog.get_by_role("button", name="Keep this mix").click()
    for person in (ada, bo):
        line = task(person, f"{room_name} by Bo")
        await expect(line.get_by_text("Ada's notes")).to_be_visible()
        await expect(line.get_by_text("High")).to_be_visible()
    await expect(ada.page.get_by_role("button", name="Compare")).to_have_count(0)


async def test_a_conflict_is_settled_by_ones_own_side_in_all_windows(demo: Hubbub, visit, room_name: str):
    """All of one's own; the conflict also goes from the other window of who decided."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await disagree(ada, bo, room_name)
    other = await ada.page.context.new_page()
    await other.goto(f"{demo.url}#/tasks")
    await expect(other.get_by_role("button", name="Compare")).to_be_visible()
    dialog = ada.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="All mine").click()
    await dialog.get_by_role("button", name="Keep mine").click()
    for person in (ada, bo):
        await expect(task(person, f"{room_name} by Ada").get_by_text("Ada's notes")).to_be_visible()
    await expect(other.get_by_role("button", name="Compare")).to_have_count(0)


async def test_tasks_that_the_other_deleted_meanwhile_are_kept_or_let_go(demo: Hubbub, visit, room_name: str):
    """Who had changed them says of one after the other whether it stays."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    titles = [f"{room_name} {which}" for which in ("one", "two")]
    await open_tasks(ada, bo)
    for title in titles:
        await add_task(ada, title)
        await expect(task(bo, title)).to_be_visible()
    await go_offline(ada)
    for title in titles:
        await edit_task(ada, title, Notes="Still needed")
        await task(bo, title).get_by_role("button", name=f"Delete {title}").click()
        await expect(task(bo, title)).to_have_count(0)
    await come_back(ada)
    await ada.page.get_by_role("button", name="Compare").click()
    dialog = ada.page.get_by_role("dialog")
    await expect(dialog.get_by_text("(1 of 2)")).to_be_visible()
    # The newest comes first.
    await expect(dialog.get_by_text(f"Somebody deleted {titles[1]} while you changed it.")).to_be_visible()
    await dialog.get_by_role("button", name="Keep the task").click()
    await expect(dialog.get_by_text("(2 of 2)")).to_be_visible()
    await dialog.get_by_role("button", name="Let it be deleted").click()
    await expect(dialog).to_have_count(0)
    for person in (ada, bo):
        await expect(task(person, titles[1]).get_by_text("Still needed")).to_be_visible()
        await expect(task(person, titles[0])).to_have_count(0)


async def test_a_page_that_is_reloaded_while_offline_keeps_its_queue(demo: Hubbub, visit, room_name: str):
    """The page comes up without a connection, shows what waits, and sends it in its order when it can."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await open_tasks(ada, bo)
    await add_task(ada, room_name)
    await expect(task(ada, room_name).get_by_text("Saved")).to_be_visible()
    await go_offline(ada)
    await tick(ada, room_name).check()
    for number in (1, 2, 3):
        await add_task(ada, f"{room_name} {number}")

    # The page goes; the next one loads, but nothing live gets through to it.
    await ada.page.goto("about:blank")
    await ada.page.add_init_script(CUT_OFF)
    await ada.page.route("**/socket.io/**", lambda route: route.abort())
    await ada.page.context.set_offline(False)
    await ada.page.goto(f"{demo.url}#/tasks")
    await expect(task(ada, f"{room_name} 3").get_by_text("Waiting")).to_be_visible()
    await expect(tick(ada, room_name)).to_be_checked()
    await expect(task(bo, f"{room_name} 3")).to_have_count(0)

    await ada.page.evaluate("sessionStorage.letThrough = 1")
    await expect(ada.status).to_have_text("Live", timeout=20_000)
    await expect(tick(bo, room_name)).to_be_checked()
    await expect(task(bo, f"{room_name} 3")).to_be_visible()
    mine = [each["title"] for each in await stored_tasks(ada) if each["title"].startswith(room_name)]
    assert mine == [room_name, f"{room_name} 1", f"{room_name} 2", f"{room_name} 3"]
    await ada.page.reload()
    await ada.is_live()
    await expect(ada.page.locator(".mark")).to_have_count(0)


async def test_two_tabs_do_not_send_twice_what_the_other_keeps(demo: Hubbub, visit, room_name: str):
    """What one tab keeps is sent once, by it or, after it was closed, by the other one."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await open_tasks(ada, bo)
    second = await ada.page.context.new_page()
    await second.goto(f"{demo.url}#/tasks")
    await expect(second.locator(".status")).to_have_text("Live")
    await ada.page.context.set_offline(True)
    await expect(ada.status).to_have_text("Offline")
    await add_task(ada, f"{room_name} closed")
    await second.get_by_label("New task").fill(f"{room_name} open")
    await second.keyboard.press("Enter")
    await ada.page.close()
    await second.context.set_offline(False)
    for name in ("closed", "open"):
        await expect(task(bo, f"{room_name} {name}")).to_have_count(1)
    mine = [each["title"] for each in await stored_tasks(bo) if each["title"].startswith(room_name)]
    assert sorted(mine) == [f"{room_name} closed", f"{room_name} open"]
