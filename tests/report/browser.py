"""What the tests of the page do in a browser."""

from pathlib import Path
from typing import Any


def opened(browser: Any, folder: Path) -> Any:
    """The folder's report.html; ``page.problems`` gathers errors, and requests that leave the page."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda m: page.problems.append(m.text) if m.type in ("error", "warning") else None)
    page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else page.problems.append(r.url))
    page.goto((folder / "report.html").as_uri())
    return page


def mark(page: Any, name: str) -> float:
    """Milliseconds from the start of loading until a mark was set; waits for it up to ten seconds."""
    for _ in range(100):
        if times := page.evaluate(f"performance.getEntriesByName('{name}').map(m => m.startTime)"):
            return times[0]
        page.wait_for_timeout(100)
    raise TimeoutError(name)


def indices(page: Any) -> list[int]:
    return [int(text.removeprefix("#")) for text in page.locator(".card .idx").all_inner_texts()]
