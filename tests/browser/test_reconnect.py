"""A connection that is lost: nothing is lost with it, and nothing comes twice."""

import pytest
from playwright.async_api import expect

from tests.browser.people import Person, write_history
from tests.support.hubbub import Hubbub
from tests.support.waiting import eventually

pytestmark = pytest.mark.usefixtures("network_lost")


async def same_texts(ada: Person, bo: Person, texts: set[str]) -> None:
    """Both come to show exactly these messages, each once, in one order."""

    async def agree() -> bool:
        mine, others = await ada.texts(), await bo.texts()
        return mine == others and len(mine) == len(texts) and set(mine) == texts

    await eventually(agree, f"{sorted(texts)} on both screens", timeout=20)


async def test_offline_for_a_while(demo: Hubbub, visit, room_name: str):
    """What happened meanwhile is caught up, what was written meanwhile is sent, each once."""
    ada, bo = await visit(demo, "Ada"), await visit(demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.send("Before")
    await ada.send("To be corected")
    await bo.sees("To be corected")
    await bo.page.context.set_offline(True)
    await expect(bo.status).to_have_text("Offline")
    for number in range(5):
        await ada.send(f"Ada while Bo is away {number}")
    await ada.act("To be corected", "Edit")
    await ada.page.get_by_label("Edit your message").fill("Corrected")
    await ada.page.keyboard.press("Enter")
    await ada.sees("Corrected")
    for number in range(3):
        await bo.write(f"Bo from afar {number}")
    await expect(bo.page.locator(".message.pending")).to_have_count(3)
    await bo.photograph("reconnect-offline")
    await bo.page.context.set_offline(False)
    await bo.is_live()
    await expect(bo.page.locator(".message.pending")).to_have_count(0)
    away = {f"Ada while Bo is away {number}" for number in range(5)} | {f"Bo from afar {number}" for number in range(3)}
    await same_texts(ada, bo, {"Before", "Corrected (edited)"} | away)
    assert [text for text in await ada.texts() if "Bo" in text and "afar" in text] == [
        f"Bo from afar {number}" for number in range(3)
    ]


@pytest.mark.parametrize("ending", ["drained", "killed"])
async def test_automatic_reconnect_when_the_server_restarts(own_demo: Hubbub, visit, room_name: str, ending: str):
    """A server that is restarted, or dies and comes back, costs nothing but the time that it is away."""
    ada, bo = await visit(own_demo, "Ada"), await visit(own_demo, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await ada.send("Before")
    await bo.sees("Before")
    if ending == "drained":
        own_demo.terminate()
    else:
        own_demo.kill()
    await expect(ada.status).not_to_have_text("Live")
    await ada.photograph(f"reconnect-server-{ending}")
    await ada.write("Ada while it is down")
    await bo.write("Bo while it is down")
    own_demo.start()
    for person in (ada, bo):
        await expect(person.status).to_have_text("Live", timeout=20_000)
    await ada.send("After")
    await same_texts(ada, bo, {"Before", "Ada while it is down", "Bo while it is down", "After"})


async def test_away_for_longer_than_the_log_reaches(visit, room_name: str, start_hubbub, limits):
    """Who returns after the log was cut loads the room anew, and goes on from there."""
    server = start_hubbub(HUBBUB_DEMO="on", HUBBUB_RETENTION_EVENTS="10", **limits)
    ada, bo = await visit(server, "Ada"), await visit(server, "Bo")
    await ada.create_room(room_name)
    await bo.join(room_name)
    await bo.send("Before")
    await bo.page.context.set_offline(True)
    await expect(bo.status).to_have_text("Offline")
    await write_history(server, await ada.token(), ada.room_id(), 40)
    await ada.sees("Message 40.")
    # The log is cut within a few seconds; until then Bo would simply catch up.
    await eventually(lambda: _is_cut(server, ada), "the log to be cut", timeout=20)
    await bo.page.context.set_offline(False)
    await bo.is_live()
    await ada.send("After")
    expected = {"Before", "After"} | {f"Message {number}." for number in range(1, 41)}
    await same_texts(ada, bo, expected)


async def _is_cut(server: Hubbub, person: Person) -> bool:
    """Whether the room's log no longer reaches back to its beginning."""
    channel = f"room:{person.room_id()}"
    reply = await person.page.evaluate(
        """async ([channel, token]) => {
          const { io } = await import("/static/vendor/socket.io.esm.min.js");
          const socket = io({ forceNew: true, auth: { token } });
          try {
            return await socket.timeout(5000).emitWithAck("channel:subscribe", { channel, after: 1 });
          } finally {
            socket.close();
          }
        }""",
        [channel, await person.token()],
    )
    return reply["ok"] and not reply["data"]["recovered"]
