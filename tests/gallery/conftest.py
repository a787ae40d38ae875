"""A dataset, and a Chromium that watches what its pages do."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.dataset import Dataset
from tests.gallery.made import make

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("gallery") / "<b>pairs")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """A real Chromium, of 1280 by 900 pixels, that downloads into `tmp_path`.

    At the end nothing may stand in its console, and nothing but the page itself may have been asked for.
    """
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium, of the `dev` extra")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        resize(opened, 1280, 900)
        yield opened
        assert [each["message"] for each in opened.get_log("browser")] == []
        asked = {url.partition(":")[0] for url in _requests(opened)}
        assert asked <= {"file", "data", "blob"}
    finally:
        opened.quit()


def resize(browser: Any, width: int, height: int, dark: bool = False) -> None:
    """Make the window as large, and prefer dark pages or light ones."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    preferred = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preferred})


def _requests(browser: Any) -> Iterator[str]:
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]
