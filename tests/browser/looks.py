"""How a page is looked at: sizes, colours, axe, pictures."""

import base64
import importlib.util
import pathlib

import chromium

WIDTHS = (390, 1280, 2560)
SCHEMES = ("light", "dark")


def axe_source() -> str:
    """axe-core as a Python package ships it; the package's own code is not used."""
    folder = importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0]
    return (pathlib.Path(folder) / "axe.min.js").read_text("utf-8")


def show(driver, url: str, width: int, scheme: str):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    chromium.resize(driver, width, 1000)
    driver.get(url)


def check_axe(driver, axe: str, place: str) -> list[str]:
    """With everything unfolded, so that what is behind a click is looked at too."""
    driver.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    driver.execute_script(axe)
    result = driver.execute_async_script(
        "const done = arguments[arguments.length - 1];"
        "axe.run(document, {resultTypes: ['violations']}).then(done, e => done({error: String(e)}))"
    )
    assert "error" not in result, result
    assert len(result["passes"]) > 10, result
    return [
        f"{place}: axe {found['id']}: {found['help']}: {node['html'][:200]}"
        for found in result["violations"]
        for node in found["nodes"][:3]
    ]


def check_width(driver, width: int, place: str) -> list[str]:
    wide = driver.execute_script("return document.documentElement.scrollWidth")
    return [f"{place}: {wide} px wide"] if wide > width else []


def picture(driver, path: pathlib.Path, whole: bool = False) -> None:
    """As the window shows it, or the whole page."""
    options = {}
    if whole:
        size = "[document.documentElement.clientWidth, document.documentElement.scrollHeight]"
        width, height = driver.execute_script(f"return {size}")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        options = {"captureBeyondViewport": True, "clip": clip}
    png = driver.execute_cdp_cmd("Page.captureScreenshot", options)["data"]
    path.write_bytes(base64.b64decode(png))
