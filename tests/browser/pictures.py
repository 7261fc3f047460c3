"""Small pictures, and ways to bring one into the browser as people do."""

import base64
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page


def picture(folder: Path, name: str = "river.jpg") -> Path:
    """A small photograph of a river, as far as it goes."""
    made = Image.new("RGB", (640, 360))
    made.putdata([(90 + y // 4, 120 + y // 3, 140 + (x + y) // 12) for y in range(360) for x in range(640)])
    made.save(folder / name)
    return folder / name


# What the browser's "Copy image" and word processors leave in the clipboard.
COPY = """async ([png, texts]) => {
  const bytes = Uint8Array.from(atob(png), (each) => each.charCodeAt(0))
  const items = { 'image/png': new Blob([bytes], { type: 'image/png' }) }
  for (const [type, text] of Object.entries(texts)) items[type] = new Blob([text], { type })
  await navigator.clipboard.write([new ClipboardItem(items)])
}"""


def copy(page: Page, **texts: str) -> None:
    """Into the real clipboard: a picture, and beside it ``plain`` and ``html``."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    out = io.BytesIO()
    Image.new("RGB", (200, 100), (40, 90, 110)).save(out, "PNG")
    png = base64.b64encode(out.getvalue()).decode()
    page.evaluate(COPY, [png, {f"text/{kind}": text for kind, text in texts.items()}])


def drop(page: Page, file: Path, x: float, y: float) -> None:
    """A file from the desktop, let go there."""
    devices = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devices.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
