"""Write a bill of materials: every installed package, and the libraries inside their wheels.

Advisories name FFmpeg, not the wheel that carries it; so the libraries that decode untrusted files
stand in it as components of their own.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import click
import cv2

CARRIED = {
    "avcodec": r"avcodec: +YES \(([\d.]+)\)",
    "avformat": r"avformat: +YES \(([\d.]+)\)",
    "libjpeg-turbo": r"libjpeg-turbo \(ver ([\d.]+)",
    "libpng": r"PNG: .*\(ver ([\d.]+)\)",
    "openjpeg": r"JPEG 2000: .*\(ver ([\d.]+)\)",
}
"""Libraries in OpenCV's wheel, and where its own report tells their versions."""


@click.command()
@click.argument("tool", type=click.Path(exists=True, path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
def main(tool: Path, output: Path) -> None:
    """Let TOOL (cyclonedx-py) list this environment, add the libraries, and write OUTPUT."""
    words = [str(tool), "environment", sys.executable, "--of", "JSON", "--output-reproducible"]
    listed = subprocess.run(words, capture_output=True, text=True, check=False)
    if listed.returncode:
        raise click.ClickException(f"{tool} failed: {listed.stderr.strip()}")
    bill = json.loads(listed.stdout)
    bill["components"] += carried()
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", "utf-8")
    click.echo(f"{output}: {len(bill['components'])} components")
    for component in carried():
        click.echo(f"  {component['name']} {component['version']} in {component['group']}")


def carried() -> list[dict[str, Any]]:
    """Return the libraries that decode files inside wheels, as components of CycloneDX."""
    return [
        {
            "type": "library",
            "bom-ref": f"{wheel}/{name}",
            "group": wheel,
            "name": name,
            "version": number,
        }
        for wheel, name, number in _libraries()
    ]


def _libraries() -> Iterator[tuple[str, str, str]]:
    """Yield wheel, library and version."""
    yield "av", "ffmpeg", av.ffmpeg_version_info
    for name, numbers in sorted(av.library_versions.items()):
        yield "av", name, ".".join(map(str, numbers))
    report = cv2.getBuildInformation()
    for name, pattern in CARRIED.items():
        if match := re.search(pattern, report):
            yield "opencv-python-headless", name, match[1]


if __name__ == "__main__":
    main(prog_name="python -m supply")
