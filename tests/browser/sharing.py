"""What people do with shared tasks and documents in the page."""

from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.engaged import open_page
from tests.browser.people import Person


async def open_tasks(*people: Person) -> None:
    """Everyone looks at the tasks."""
    for person in people:
        await open_page(person, "tasks", "Tasks")
        await expect(person.page.locator(".tasks .skeleton")).to_have_count(0)


async def add_task(person: Person, title: str) -> None:
    """Write a new task; it shows at once."""
    await person.page.get_by_label("New task").fill(title)
    await person.page.keyboard.press("Enter")
    await expect(task(person, title)).to_be_visible()


def task(person: Person, title: str) -> Locator:
    """The line of the task that is called so."""
    exactly = person.page.locator(".task-title").get_by_text(title, exact=True)
    return person.page.locator(".task").filter(has=exactly)


def tick(person: Person, title: str) -> Locator:
    """The box in which a task is ticked off."""
    return task(person, title).get_by_role("checkbox")


async def edit_task(person: Person, title: str, **fields: str) -> None:
    """Change a task by its dialog: `Title="…"`, `Notes="…"`, `Priority="High"`."""
    await task(person, title).get_by_role("button", name=f"Edit {title}").click()
    dialog = person.page.get_by_role("dialog", name="Edit task")
    for label, value in fields.items():
        field = dialog.get_by_label(label)
        if label == "Priority":
            await field.select_option(label=value)
        else:
            await field.fill(value)
    await dialog.get_by_role("button", name="Save").click()


async def go_offline(person: Person) -> None:
    """Their network is away."""
    await person.page.context.set_offline(True)
    await expect(person.status).to_have_text("Offline")


async def come_back(person: Person) -> None:
    """Their network is there again, and so is the connection."""
    await person.page.context.set_offline(False)
    await person.is_live()


async def stored_tasks(person: Person) -> list[dict[str, Any]]:
    """The tasks as the server has them, in the order in which they were made."""
    reply = await person.server.rest("GET", "/api/collections/tasks/records?limit=200", token=await person.token())
    assert reply.body["ok"], reply
    return [record["data"] for record in reversed(reply.body["data"]["records"])]


async def create_document(person: Person, title: str, *, everyone: str = "write") -> str:
    """Begin a document, shared with everyone; its id. It is open then."""
    await open_page(person, "documents", "Documents")
    await person.page.get_by_role("button", name="New document").first.click()
    await person.page.get_by_role("dialog").get_by_label("Title").fill(title)
    await person.page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    await expect(paper(person)).to_be_visible()
    document_id = (await person.page.evaluate("location.hash")).rpartition("/")[2]
    await share_document(person, document_id, everyone)
    return document_id


async def share_document(person: Person, document_id: str, everyone: str, **users: str) -> None:
    """Let everyone, or people by their ids, read or write a document."""
    body = {"everyone": everyone, "users": users}
    path = f"/api/documents/{document_id}/access"
    reply = await person.server.rest("PUT", path, body, token=await person.token())
    assert reply.body["ok"], reply


async def open_document(person: Person, document_id: str, title: str) -> None:
    """Open a document by its address, and wait until it is there."""
    await open_page(person, f"documents/{document_id}", title)
    await expect(paper(person)).to_be_visible()


def paper(person: Person) -> Locator:
    """The text that is written in."""
    return person.page.locator(".cm-content")


async def write(person: Person, text: str, *, at: str = "End") -> None:
    """Type at the end of the text, or at its beginning (`at="Home"`)."""
    await paper(person).focus()
    await person.page.keyboard.press(f"Control+{at}")
    await person.page.keyboard.type(text)


async def text_of(person: Person) -> str:
    """The text of the document as it stands on the screen, without the names at the cursors."""
    return await paper(person).evaluate(
        """(content) => [...content.querySelectorAll(".cm-line")].map((line) => {
          const copy = line.cloneNode(true);
          for (const cursor of copy.querySelectorAll(".cm-ySelectionCaret, .cm-placeholder")) cursor.remove();
          return copy.textContent;
        }).join("\\n")"""
    )
