"""A dataset, and a Chromium that watches what its pages do."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.dataset import Dataset
from tests.gallery.made import make


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("gallery") / "<b>pairs")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A real Chromium, for all tests: to begin one takes longer than most of them."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium, of the `dev` extra")
    names = ("chromium", "chromium-browser", "google-chrome")
    binary = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("needs Chromium and its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield opened
    opened.quit()


@pytest.fixture
def browser(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """The Chromium, which remembers nothing, with a page of 1280 by 900 pixels, that downloads into `tmp_path`.

    At the end nothing may stand in its console, and nothing but the page itself may have been asked for.
    """
    behaviour = {"behavior": "allow", "downloadPath": str(tmp_path)}
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    resize(chromium, 1280, 900)
    yield chromium
    said = [each["message"] for each in chromium.get_log("browser")]
    asked = {url.partition(":")[0] for url in _requests(chromium)}
    if chromium.current_url.startswith("file:"):
        chromium.execute_script("localStorage.clear()")
    chromium.get("about:blank")
    assert said == []
    assert asked <= {"file", "data", "blob", "about"}


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
