"""How a gallery of ten thousand pairs with two pictures each opens in Chromium: size, first paint, memory.

    python -m benchmarks.gallery --pairs 10000

The pictures are blurred noise with grain, 480 by 360 pixels, of which WebP makes as much as of photographs; a few
hundred are encoded, and stand in the page as often as it takes: a browser does not know that they are alike.
"""

import argparse
import io
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from gallery.browsing import SCORES, browsing_data
from gallery.figures import Bar, Figures
from gallery.page import write_page
from gallery.rows import Drawn, Row
from gallery.thumbnails import Thumbnails
from storage.dataset import Build

_ENCODED = 300
_WORDS = ("red", "blue", "green", "black", "white")


def main() -> None:
    """Write a page, open it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    pairs = parser.parse_args().pairs
    encoded = [_picture(seed) for seed in range(_ENCODED)]
    thumbnails, started = Thumbnails(), time.perf_counter()
    for data in encoded:
        thumbnails.add(data, "picture")
    print(f"thumbnails: {_ENCODED / (time.perf_counter() - started):.0f} pictures/s")
    urls = [thumbnails.urls[n % _ENCODED] for n in range(2 * pairs)]
    counts = {"images": pairs, "pairs": pairs, "rejects": 0, "text_negatives": pairs, "accepted": pairs}
    build = Build("20260101T000000000Z-abcdef12", {}, {"judge": {"model": "judge"}}, counts, {}, "2026", "2026")
    told = Figures([Bar("accepted", pairs)], [("negate", pairs, pairs, pairs)], [], [], {}, [], None)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        started = time.perf_counter()
        with page.open("w", encoding="utf-8") as file:
            write_page(
                file,
                "browse",
                "benchmark",
                browsing_data(Drawn(list(map(_row, range(pairs))), pairs), told, build, "benchmark", []),
                urls,
            )
        seconds = time.perf_counter() - started
        print(
            f"{pairs:,} pairs, {len(urls):,} pictures: {page.stat().st_size / 1e6:.1f} MB, written in {seconds:.1f} s"
        )
        for name, figure in _opened(page).items():
            print(f"{name}: {figure}")


def _row(n: int) -> Row:
    right, wrong = _WORDS[n % 5], _WORDS[(n + 1) % 5]
    original = f"A {right} cup stands on a table beside a window, number {n} ."
    scores = {"s00": 0.5, "s01": 0.3, "s10": 0.2, "s11": 0.4}
    return {
        **dict.fromkeys(SCORES, 0.1 + n % 97 / 200),
        **{f"{role}_{name}": score for role in ("judge", "target") for name, score in scores.items()},
        "text_negative_id": f"{n:032x}", "operation": ("replace_attribute", "swap_object", "negate")[n % 3],
        "method": "replace", "accepted": n % 9 != 0, "reasons": [] if n % 9 else ["entailed"], "picture_accepted": True,
        "picture_reasons": [], "image_failed_check": None, "original": original,
        "caption": original.replace(right, wrong), "original_spans": [{"start": 2, "end": 2 + len(right)}],
        "negative_spans": [{"start": 2, "end": 2 + len(wrong)}], "picture": 2 * n, "edited": 2 * n + 1, "mask": None,
        "image_method": "inpaint", "instruction": None, "original_still_true": False, "valid": None,
        "picture_valid": None, "source_key": f"{n:07d}.jpg", "source": "benchmark", "url": None, "license": None,
    }  # fmt: skip


def _picture(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8))
    grain = rng.integers(-6, 7, (360, 480, 3))
    smooth = np.asarray(coarse.resize((480, 360), Image.Resampling.BICUBIC))
    file = io.BytesIO()
    Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
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
        drawn = browser.execute_script("return performance.getEntriesByName('drawn')[0].startTime")
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
            "first pairs drawn": f"{drawn / 1000:.2f} s",
            "loaded": f"{loaded / 1000:.2f} s",
            "a search": f"{searched:.0f} ms",
            "pairs on the page at the end of the list": f"{cards}",
            "memory of the page": f"{max(tabs) / 1e6:.0f} MB, of these {heap / 1e6:.0f} MB of the script's",
        }
    finally:
        browser.quit()


if __name__ == "__main__":
    main()
