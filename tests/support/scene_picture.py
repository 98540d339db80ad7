# SPDX-License-Identifier: Apache-2.0
"""The README's picture of the scene: the pages of both tenants, as tests/e2e/test_scene.py left them in build/scene/, side by side.

    /usr/bin/python3 tests/support/scene_picture.py            writes docs/superset-scene.png
"""
import base64
import pathlib
import sys

import chromium

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = [ROOT / "build" / "scene" / f"host-{tenant}.png" for tenant in ("acme", "globex")]
TARGET = ROOT / "docs" / "superset-scene.png"
MAX_BYTES = 400_000  # of what each clone carries from then on
PAGE = """<!doctype html>
<style>
body { margin: 0; background: #d0d4da }
main { display: inline-flex; gap: 24px; padding: 24px }
img { display: block; border-radius: 8px }
</style>
<main>%s</main>
"""


def compose(browser, pictures):
    """One PNG of them all, pixel for pixel."""
    page = browser.page()
    images = (base64.b64encode(path.read_bytes()).decode() for path in pictures)
    page.set_content(PAGE % "".join(f'<img src="data:image/png;base64,{image}">' for image in images))
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    return page.locator("main").screenshot()


def main():
    missing = [str(path) for path in PICTURES if not path.exists()]
    if missing:
        sys.exit(f"not there: {', '.join(missing)}; run tests/e2e/test_scene.py first")
    with chromium.Chromium({}, []) as browser:
        content = compose(browser, PICTURES)
    if len(content) > MAX_BYTES:
        sys.exit(f"{len(content)} bytes are more than {MAX_BYTES}")
    TARGET.write_bytes(content)
    print(f"{TARGET}: {len(content)} bytes")


if __name__ == "__main__":
    main()
