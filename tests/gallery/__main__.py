"""Draw the gallery: one picture for each situation, with all themes on a desktop and on a phone."""

from __future__ import annotations

import argparse
import asyncio
import io
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, async_playwright

from tests.browser import launched
from tests.gallery.pages import THEMES, WIDTHS, opened, rendered, served

_GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
_GAP, _COLOURS = 12, 16
_BACKGROUNDS = {"light": "#f5f5f5", "dark": "#1f1f1f", "contrast": "#000000"}


_ALL = [(width, theme) for width in WIDTHS for theme in THEMES]
_KEPT = [("desktop", "light"), ("phone", "dark"), ("phone", "contrast")]
"""What is kept in the repository: each theme and each width, and small."""


async def _shots(
    browser: Browser, address: str, names: list[str], variants: list[tuple[str, str]]
) -> dict[str, dict[tuple[str, str], Image.Image]]:
    """By name of the situation, and by width and theme."""
    shots: dict[str, dict[tuple[str, str], Image.Image]] = {name: {} for name in names}
    for width, theme in variants:
        async with opened(browser, address, theme, width) as page:
            for name in names:
                png = await page.locator(f"#{name}").screenshot(animations="disabled")
                shots[name][width, theme] = _plain(Image.open(io.BytesIO(png)).convert("RGB"))
    return shots


def _plain(shot: Image.Image) -> Image.Image:
    """With few colours, chosen for this theme alone, so that the file is small."""
    return shot.quantize(_COLOURS, dither=Image.Dither.NONE).convert("RGB")


def _together(shots: dict[tuple[str, str], Image.Image]) -> Image.Image:
    """One picture: a column for each width and theme."""
    height = max(shot.height for shot in shots.values()) + 2 * _GAP
    whole = Image.new("RGB", (sum(shot.width + 2 * _GAP for shot in shots.values()), height))
    x = 0
    for (_, theme), shot in shots.items():
        whole.paste(Image.new("RGB", (shot.width + 2 * _GAP, height), _BACKGROUNDS[theme]), (x, 0))
        whole.paste(shot, (x + _GAP, _GAP))
        x += shot.width + 2 * _GAP
    return whole.quantize(_COLOURS * (len(shots) + 1), dither=Image.Dither.NONE)


def _index(names: list[str]) -> str:
    lines = [
        "# Every card in every situation",
        "",
        "Made by `make gallery` with the official renderer and Teams' host configuration: a desktop in light colours,",
        "a narrow phone in dark ones and in high contrast. `make gallery LANGUAGE=de` draws another language below",
        "this folder, with every theme in both widths; `LANGUAGE=en-all` does so for English, and `LANGUAGE=pseudo`",
        "shows what does not come from the catalogs.",
        "",
    ]
    for name in names:
        lines += [f"## {name}", "", f"![The card of the situation {name}]({name}.png)", ""]
    return "\n".join(lines)


async def _draw(language: str, into: Path, variants: list[tuple[str, str]]) -> None:
    names = list(rendered(language))
    into.mkdir(parents=True, exist_ok=True)
    for old in into.glob("*.png"):
        old.unlink()
    async with async_playwright() as playwright, launched(playwright) as browser, served(language) as address:
        shots = await _shots(browser, address, names, variants)
    for name in names:
        _together(shots[name]).save(into / f"{name}.png", optimize=True)
    (into / "README.md").write_text(_index(names), encoding="utf-8")
    print(f"{len(names)} situations in {into}")


def _main() -> None:
    parser = argparse.ArgumentParser(prog="make gallery", description=__doc__)
    parser.add_argument("--language", default="en")
    wanted = parser.parse_args().language
    if wanted == "en":
        asyncio.run(_draw("en", _GALLERY, _KEPT))
    else:
        asyncio.run(_draw(wanted.removesuffix("-all"), _GALLERY / wanted, _ALL))


if __name__ == "__main__":
    _main()
