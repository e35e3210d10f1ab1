"""Pages as a browser lays them out: what is too wide or torn, and how high the page is.

Our pages forbid scripts, so what measures goes into a copy of the page without its policy.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path

WIDTHS = (800, 1400, 1920)
"""Windows, in pixels, in which pages are looked at."""
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
"""A browser that can be run without a screen; None if the machine has none."""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""What a page may load: nothing but the pictures and the style inside it."""

SCRIPT = """
window.addEventListener("load", () => {
  const said = e => {
    const label = e.id ? "#" + e.id : e.className ? "." + e.className : "";
    return e.tagName.toLowerCase() + label + " '" + e.textContent.trim().slice(0, 40) + "'";
  };
  const wide = () => {
    const found = [], edge = document.documentElement.clientWidth + 1;
    for (const e of document.body.querySelectorAll("*")) {
      const box = e.getBoundingClientRect();
      if (!box.width) continue;
      const inner = e.clientWidth && e.scrollWidth > e.clientWidth + 1;
      const parent = e.parentElement.getBoundingClientRect();
      const past = box.right > edge || box.left < -1;
      const out = box.right > parent.right + 1 && getComputedStyle(e).position == "static";
      if (inner || past || out) found.push(said(e));
    }
    return found;
  };
  const torn = () => {  // short words of a table, of letters only, that are broken into lines
    const found = new Set(), part = document.createRange();
    for (const cell of document.querySelectorAll("th, td")) {
      const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      while (walk.nextNode()) {
        const words = walk.currentNode.data.matchAll(/(?<![\\w.-])[A-Za-z]{2,12}(?![\\w.-])/g);
        for (const word of words) {
          part.setStart(walk.currentNode, word.index);
          part.setEnd(walk.currentNode, word.index + word[0].length);
          if (part.getClientRects().length > 1) found.add(word[0]);
        }
      }
    }
    return [...found];
  };
  const facts = {height: document.documentElement.scrollHeight, wide: wide()};
  const listed = [...document.querySelectorAll("nav a")].map(e => e.getAttribute("href"));
  facts.unlisted = [...document.querySelectorAll("main h2")]
    .filter(e => !listed.includes("#" + e.id)).map(said);
  document.querySelectorAll("details").forEach(e => e.open = true);
  facts.wide_open = wide();
  facts.torn = torn();
  facts.broken = [...document.images].filter(e => !e.naturalWidth).map(e => e.alt);
  const note = document.createElement("pre");
  note.id = "measured";
  note.textContent = JSON.stringify(facts);
  document.body.replaceChildren(note);
});
"""


@dataclass(frozen=True)
class Screen:
    """A page in a window."""

    height: int
    """Pixels, with all folded parts closed."""
    wide: list[str]
    """Elements that are wider than their box or stick out of it, folded parts closed."""
    wide_open: list[str]
    """The same with all folded parts open."""
    broken: list[str]
    """Pictures that the browser could not show."""
    torn: list[str]
    """Short words in tables that are broken into lines, all folded parts open."""
    unlisted: list[str]
    """Headings of parts that the list of contents misses."""


def measured(page: Path, width: int, folder: Path) -> Screen:
    """The page in a window of this width.

    Args:
        page: the file.
        width: in pixels.
        folder: an empty one, for the copy and the browser.
    """
    assert BROWSER
    folder.mkdir(parents=True, exist_ok=True)
    text = re.sub(
        r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8")
    )
    copy = folder / f"{page.stem}-{width}.html"
    copy.write_text(text.replace("</body>", f"<script>{SCRIPT}</script></body>"), encoding="utf-8")
    run = subprocess.run(
        [
            BROWSER,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            f"--user-data-dir={folder / 'browser'}",
            f"--window-size={width},1000",
            "--virtual-time-budget=10000",
            "--dump-dom",
            copy.resolve().as_uri(),
        ],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    found = re.search(r'<pre id="measured">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found, "the browser did not measure the page"
    return Screen(**json.loads(unescape(found[1])))
