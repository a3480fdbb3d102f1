"""The numbers of a run: CSV files that a resumed run goes on with, and the same for TensorBoard."""

import csv
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from torch.utils.tensorboard import SummaryWriter

LOSSES: Final = "log.csv"
MEASURES: Final = "measures.csv"


class RunLog:
    """Losses each few steps and what is measured now and then, in the folder of the run."""

    def __init__(self, folder: Path, first_step: int) -> None:
        self._files = {name: CsvLog(folder / name, first_step) for name in (LOSSES, MEASURES)}
        board = str(folder / "tensorboard")
        self._board = SummaryWriter(board, purge_step=first_step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._board.close()
        for file in self._files.values():
            file.close()

    def write(self, name: str, step: int, numbers: Mapping[str, float]) -> None:
        """Add a row to `LOSSES` or `MEASURES`."""
        self._files[name].write({"step": step, **numbers})
        group = Path(name).stem
        for key, value in numbers.items():
            self._board.add_scalar(f"{group}/{key}", value, step)


class CsvLog:
    """Append rows of numbers; the first row fixes the columns."""

    def __init__(self, path: Path, first_step: int) -> None:
        rows = [row for row in read_rows(path) if float(row["step"]) <= first_step]
        self._file = path.open("w", newline="")
        self._writer: csv.DictWriter[str] | None = None
        for row in rows:
            self._write(row)

    def write(self, row: Mapping[str, float]) -> None:
        """Write one row; it is in the file at once."""
        self._write({name: f"{value:.6g}" for name, value in row.items()})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, row: dict[str, str]) -> None:
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, list(row))
            self._writer.writeheader()
        self._writer.writerow(row)
        self._file.flush()


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a log; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
