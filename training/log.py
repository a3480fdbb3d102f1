"""The numbers of a run, one row each few steps, in a CSV file that a resumed run goes on with."""

import csv
from pathlib import Path


class CsvLog:
    """Append rows of numbers; the first row fixes the columns."""

    def __init__(self, path: Path, first_step: int) -> None:
        rows = _rows_until(path, first_step)
        self._file = path.open("w", newline="")
        self._writer: csv.DictWriter[str] | None = None
        for row in rows:
            self._write(row)

    def write(self, row: dict[str, float]) -> None:
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


def _rows_until(path: Path, step: int) -> list[dict[str, str]]:
    """Read the rows that a resumed run keeps: those before its first step."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if float(row["step"]) <= step]
