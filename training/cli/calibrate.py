"""The command that prepares weights for computing in 8 bits."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Final

import click
import torch

from detectors.faceboxes.config import parse_config
from detectors.faceboxes.graph import surround_of
from detectors.faceboxes.network import rebuild
from detectors.weights import find, read_tensors, save_entry
from training.calibrate import measure_ranges
from training.cli.options import COUNT, FILE, data_option, format_option
from training.datasets.formats import read_labelled
from training.errors import TrainingError
from training.metrics.evaluate import resize_to

LONG_SIDE: Final = 640  # px
EVERY: Final = 40  # picture of a set is looked at


@click.command()
@click.option("--weights", type=FILE, required=True, help="The .safetensors file.")
@data_option
@format_option
@click.option("--pictures", type=COUNT, default=150, show_default=True, help="How many to look at.")
@click.option("--float-heads", is_flag=True, help="Leave the last layers out.")
def calibrate(weights: Path, data: Path, form: str, pictures: int, float_heads: bool) -> None:
    """Measure ranges on pictures, and write them into the manifest beside the weights."""
    entry = find(weights)
    config = parse_config(entry.config)
    if not surround_of(config).border:
        raise TrainingError(f"{weights}: its first layer cannot read bytes; use it in f32 or bf16")
    tensors = {name: torch.tensor(array) for name, array in read_tensors(entry).items()}
    network = rebuild(config, tensors, weights)
    samples = itertools.islice(read_labelled(data, form), 0, pictures * EVERY, EVERY)
    ranges = measure_ranges(network, (resize_to(one, LONG_SIDE).image for one in samples))
    if float_heads:
        ranges = {name: value for name, value in ranges.items() if not name.startswith("loc.")}
    save_entry(replace(entry, ranges=ranges))
    click.echo(f"{weights}: {len(ranges)} layers can be computed in 8 bits")
