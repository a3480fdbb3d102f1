"""Files of weights, and the manifest that stands beside them and says what they are.

A folder of weights holds safetensors files and one `manifest.toml` with a table a name. The file
itself carries its network and its options too, so that it can be understood alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detectors.errors import (
    BadManifest,
    ChangedWeights,
    ExistingWeights,
    MissingWeights,
    UnknownWeights,
)
from detectors.suppression import Suppression

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

MANIFEST: Final = "manifest.toml"
DESCRIPTION: Final = "detector"  # under which a file says what it is
NAME: Final = r"[A-Za-z0-9_-]+"
SHIPPED: Final = Path(__file__).parent.parent / "weights"  # beside us, installed or not


@dataclass(frozen=True, slots=True)
class Entry:
    """What a manifest says of one file of weights.

    Attributes:
        name: What `load` knows it by.
        path: The safetensors file, in the folder of the manifest.
        network: Which network reads it: a key of `detectors.NETWORKS`.
        config: That network's options.
        suppression: Which of its boxes are kept.
        smallest_face: That it can still see: width and height in px of the picture it is given.
        threshold: The score below which a box is no face, unless the caller says otherwise.
        source: Where the weights come from.
        licence: Under which they may be used.
        ranges: By layer, the highest value that it reads, for computing in 8 bits; measured by
            `python -m training calibrate`. Empty: not in 8 bits.
        sha256: Of the file.
        card: All else worth knowing: recipe, command, data card, commit, measured accuracy,
            known weaknesses.
    """

    name: str
    path: Path
    network: str
    config: Mapping[str, Any]
    suppression: Suppression
    smallest_face: float
    threshold: float
    source: str
    licence: str
    ranges: Mapping[str, float] = field(default_factory=dict)
    sha256: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(NAME, self.name):
            raise ValueError(f"{self.name = }")
        if not (0 <= self.threshold <= 1 and self.smallest_face > 0):
            raise ValueError(f"{self.name}: {self.threshold = }, {self.smallest_face = }")

    @property
    def fingerprint(self) -> str:
        """Hash of all that detections depend on: the weights, and how they are to be used."""
        told = {"name": "", "path": "", "source": "", "licence": "", "card": {}}
        facts = json.dumps(asdict(self) | told, sort_keys=True)
        return hashlib.sha256(facts.encode()).hexdigest()


def find(weights: str | Path) -> Entry:
    """Look up shipped weights by name, or a safetensors file in the manifest beside it."""
    if isinstance(weights, str) and re.fullmatch(NAME, weights):
        return _find_name(weights)
    path = Path(weights)
    if not path.is_file():
        raise MissingWeights(f"There is no file {path}: give a name or the path of weights.")
    for entry in read_manifest(path.parent).values():
        if entry.path.name == path.name:
            return entry
    raise UnknownWeights(
        f"{path.parent / MANIFEST} has no entry for {path.name}: add one, "
        "or convert a published checkpoint with `python -m detectors import FILE`."
    )


def read_manifest(folder: Path = SHIPPED) -> dict[str, Entry]:
    """Read the manifest of a folder: its entries by name; none where there is no manifest."""
    path = folder / MANIFEST
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
        return {name: _from_table(name, folder, table) for name, table in tables.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadManifest(f"{path} cannot be understood, mend it: {error}.") from error


def read_tensors(entry: Entry) -> dict[str, NDArray[Any]]:
    """Read the tensors of a file that is just what its manifest entry describes.

    Those that the file keeps in 16 bits, to be smaller, come as float32 like the others.
    """
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        data = entry.path.read_bytes()
    except OSError as error:
        raise MissingWeights(f"{entry.path} cannot be read ({error}): put it back.") from error
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ChangedWeights(
            f"{entry.path} has another sha256 than its manifest says: fetch it again."
        )
    try:
        tensors: dict[str, NDArray[Any]] = load(data)
    except SafetensorError as error:
        raise ChangedWeights(f"{entry.path} is no safetensors file: fetch it again.") from error
    if _metadata(data) != _describe(entry):
        raise ChangedWeights(
            f"{entry.path} was made for another network or other options than its manifest says: "
            "make the manifest agree with the file."
        )
    return {
        name: array.astype(np.float32) if array.dtype == np.float16 else array
        for name, array in tensors.items()
    }


def read_description(path: Path) -> dict[str, Any]:
    """Return `network` and `config` as a safetensors file tells them; nothing where it does not."""
    told: dict[str, Any] = json.loads(_metadata(path.read_bytes()).get(DESCRIPTION, "{}"))
    return told


def save(entry: Entry, tensors: Mapping[str, Tensor], *, replacing: bool = False) -> Entry:
    """Write a file of weights and its manifest entry; return the entry with its sha256.

    Raises:
        ExistingWeights: The name or the file is taken, and `replacing` is not set.
    """
    from safetensors.torch import save as to_bytes

    taken = entry.path.exists() or entry.name in read_manifest(entry.path.parent)
    if taken and not replacing:
        raise ExistingWeights(f"{entry.path} is there already: choose another name or folder.")
    data = to_bytes(dict(tensors), metadata=_describe(entry))
    entry = replace(entry, sha256=hashlib.sha256(data).hexdigest())
    entry.path.parent.mkdir(parents=True, exist_ok=True)
    entry.path.write_bytes(data)
    save_entry(entry)
    return entry


def save_entry(entry: Entry) -> None:
    """Put an entry into the manifest beside its file: where it stands already, else at the end."""
    manifest = entry.path.parent / MANIFEST
    text = manifest.read_text("utf-8") if manifest.exists() else ""
    before, after = _around(text, entry.name)
    parts = [part.strip("\n") for part in (before, _to_table(entry), after)]
    manifest.write_text("\n\n".join(filter(None, parts)) + "\n", "utf-8")


def _find_name(name: str) -> Entry:
    entries = read_manifest()
    if name not in entries:
        known = ", ".join(entries) or "none"
        raise UnknownWeights(
            f"There are no weights named {name}: choose among {known}, "
            "or give the path of a safetensors file."
        )
    return entries[name]


def _describe(entry: Entry) -> dict[str, str]:
    """Put into the file itself what rebuilds its network; one key, for several have no order."""
    facts = {"network": entry.network, "config": entry.config}
    return {DESCRIPTION: json.dumps(facts, sort_keys=True)}


def _metadata(data: bytes) -> dict[str, str]:
    """Read what a safetensors file says of itself: 8 bytes of length, then JSON."""
    (length,) = struct.unpack("<Q", data[:8])
    metadata: dict[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return metadata


def _from_table(name: str, folder: Path, table: Mapping[str, Any]) -> Entry:
    fields = dict(table)
    path = folder / fields.pop("file")
    suppression = Suppression(**fields.pop("suppression", {}))
    return Entry(name=name, path=path, suppression=suppression, **fields)


def _to_table(entry: Entry) -> str:
    fields = {"file": entry.path.name} | asdict(entry)
    for key in ("name", "path"):
        del fields[key]
    for key in ("ranges", "card"):
        if not fields[key]:
            del fields[key]
    return "\n".join(_toml(entry.name, fields)) + "\n"


def _toml(name: str, table: Mapping[str, Any]) -> list[str]:
    """Write a table as lines of TOML, plain values first; they look as they do in JSON."""
    lines, tables = ["", f"[{name}]"], []
    for key, value in table.items():
        key = key if re.fullmatch(NAME, key) else json.dumps(key, ensure_ascii=False)
        if isinstance(value, Mapping):
            tables += _toml(f"{name}.{key}", value)
        else:
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return lines + tables


def _around(text: str, name: str) -> tuple[str, str]:
    """Return what a manifest says before an entry and its sub-tables, and behind them."""
    pattern = rf"^\[{re.escape(name)}(\.[^\]]*)?\]\s*$.*?(?=^\[|\Z)"
    table = re.compile(pattern, re.MULTILINE | re.DOTALL)
    first = table.search(text)
    at = first.start() if first else len(text)
    rest = table.sub("", text)
    return rest[:at], rest[at:]
