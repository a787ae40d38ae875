"""How a gallery of ten thousand pairs with pictures of their own opens in Chromium: size, first paint, memory.

    python -m benchmarks.gallery --pairs 10000

The pictures are noise and gradients of 360 by 270 pixels, which WebP packs no better than photographs.
"""

import argparse
import io
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
from PIL import Image

from flows.gallery import gallery
from schemas.tables import TABLES
from storage.dataset import Build, Dataset

_SHARD = 500


def main() -> None:
    """Make a dataset, write its page, open it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        dataset = _dataset(Path(folder, "dataset"), pairs)
        page = Path(folder, "page.html")
        started = time.perf_counter()
        written = gallery(dataset.root, str(page), most=pairs)
        seconds = time.perf_counter() - started
        print(
            f"{written.what}: {written.size / 1e6:.1f} MB, written in {seconds:.1f} s ({pairs / seconds:.0f} pairs/s)"
        )
        for name, figure in _opened(page).items():
            print(f"{name}: {figure}")


def _dataset(folder: Path, pairs: int) -> Dataset:
    dataset = Dataset(str(folder))
    shards: dict[str, list[str]] = {}
    for start in range(0, pairs, _SHARD):
        rows: dict[str, list[dict[str, Any]]] = {}
        for n in range(start, min(pairs, start + _SHARD)):
            for table, row in _rows(n):
                rows.setdefault(table, []).append(row)
        for table, several in rows.items():
            name = f"{table}{start}"
            dataset.write(table, name, pa.Table.from_pylist(several, TABLES[table]))
            shards.setdefault(table, []).append(name)
    counts = {"images": pairs, "pairs": pairs, "rejects": 0, "text_negatives": pairs, "accepted": pairs}
    config = {"judge": {"model": "judge"}, "images": [{"method": "inpaint"}]}
    dataset.commit(Build("20260101T000000000Z-abcdef12", shards, config, counts, {}, "2026", "2026"))
    return dataset


def _rows(n: int) -> list[tuple[str, dict[str, Any]]]:
    words = ["red", "blue", "green", "black", "white"]
    original = f"A {words[n % 5]} cup stands on a table beside a window, number {n} ."
    negative = original.replace(words[n % 5], words[(n + 1) % 5])
    ids = {"text_negative_id": f"t{n}", "pair_id": f"p{n}", "image_id": f"i{n}"}
    of = {"operation": ("replace_attribute", "swap_object", "negate")[n % 3], "method": "replace"}
    start, end = 2, 2 + len(words[n % 5])
    return [
        ("images", {"image_id": f"i{n}", "image": {"bytes": _picture(2 * n), "path": f"{n}.jpg"}}),
        ("pairs", {"pair_id": f"p{n}", "image_id": f"i{n}", "caption": original, "source_key": f"{n}.jpg"}),
        ("text_negatives", {
            **ids, **of, "original": original, "caption": negative, "original_spans": [{"start": start, "end": end}],
            "negative_spans": [{"start": start, "end": 2 + len(words[(n + 1) % 5])}]}),
        ("image_negatives", {
            "image_negative_id": f"e{n}", "text_negative_id": f"t{n}", "rank": 0, "method": "inpaint",
            "edited_image_id": f"x{n}", "image": {"bytes": _picture(2 * n + 1), "path": "x.jpg"}}),
        ("scores", {
            "text_negative_id": f"t{n}", "image_negative_id": f"e{n}", "role": "judge", "s00": 0.5, "s01": 0.3,
            "s10": 0.2, "s11": 0.4}),
        ("verdicts", {
            "text_negative_id": f"t{n}", "image_negative_id": f"e{n}", **of, "accepted": True, "reasons": [],
            "picture_accepted": True, "picture_reasons": [], "validity": 0.1 + n % 97 / 200}),
    ]  # fmt: skip


def _picture(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)).resize(
        (480, 360), Image.Resampling.BICUBIC
    )
    grain = rng.integers(-6, 7, (360, 480, 3))
    file = io.BytesIO()
    Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()


def _opened(page: Path) -> dict[str, str]:
    from selenium import webdriver

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        return {"chromium": "not here: apt-get install chromium chromium-driver"}
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--window-size=1280,900",
    ):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        browser.get(page.as_uri())
        time.sleep(3)
        paint = browser.execute_script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
        loaded = browser.execute_script("return performance.timing.loadEventEnd - performance.timing.navigationStart")
        script = "const b = performance.now(); {}; return performance.now() - b"
        search = "const s = document.getElementById('search'); s.value = '777'; s.dispatchEvent(new Event('input'))"
        searched = browser.execute_script(script.format(search))
        browser.execute_script("document.getElementById('clear').click(); scrollTo(0, document.body.scrollHeight)")
        time.sleep(3)
        cards = browser.execute_script("return document.querySelectorAll('.pair').length")
        heap = browser.execute_script("return performance.memory.usedJSHeapSize")
        processes = psutil.Process(browser.service.process.pid).children(recursive=True)
        tabs = [each.memory_info().rss for each in processes if "--type=renderer" in each.cmdline()]
        return {
            "first paint": f"{paint / 1000:.2f} s",
            "loaded": f"{loaded / 1000:.2f} s",
            "a search": f"{searched:.0f} ms",
            "pairs on the page at the end of the list": f"{cards}",
            "memory of the page": f"{max(tabs) / 1e6:.0f} MB, of these {heap / 1e6:.0f} MB of the script's",
        }
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
