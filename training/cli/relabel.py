"""The command that lets other detectors decide about the ignore regions of labels."""

from pathlib import Path
from typing import Final

import click
from tqdm import tqdm

from training.cli.options import FILE, FOLDER, NEW
from training.datasets.webdataset import find_shards
from training.relabel import Teacher, rewrite
from training.teachers import open_centerface, open_yunet

LOWEST_SCORE: Final = 0.1  # from which detections of the teachers count


@click.command()
@click.option("--data", type=FOLDER, required=True, help="Folder of WebDataset shards.")
@click.option("--yunet", type=FILE, required=True, help="yunet_n_dynamic.onnx.")
@click.option("--centerface", type=FILE, required=True, help="centerface.onnx.")
@click.option("--output", type=NEW, required=True, help="Folder for the new shards.")
def relabel(data: Path, yunet: Path, centerface: Path, output: Path) -> None:
    """Add the hard faces to labels: what two detectors find where these leave it open.

    Takes an hour; shards that are in the output folder already are kept, so it can be cut off.
    """
    teachers = [
        Teacher(open_yunet(yunet, "bf16", LOWEST_SCORE), (640, 1280)),
        Teacher(open_centerface(centerface, "bf16", LOWEST_SCORE), (448, 1024)),
    ]
    output.mkdir(parents=True, exist_ok=True)
    for shard in find_shards(data, "train-*.tar"):
        if (output / shard.name).exists():
            click.echo(f"{shard.name}: is there")
            continue
        counts = [*tqdm(rewrite(shard, output / shard.name, teachers), desc=shard.name)]
        click.echo(f"{shard.name}: {len(counts)} pictures, {sum(counts)} faces more")
