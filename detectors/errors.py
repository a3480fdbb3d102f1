"""Every expected error of this room; each message is one sentence that says what to do.

DetectorError
├── UnknownWeights          no manifest knows the name or the file
├── BadManifest             a manifest that cannot be understood
├── MissingWeights          a manifest names a file that is not there
├── ChangedWeights          a file is not the one that its manifest describes
├── ExistingWeights         a name or file is taken and would be overwritten
├── MissingDevice           the device asked for is not there
├── MissingPrecision        the precision asked for is not there
└── UnsupportedCheckpoint   a file that cannot be imported
"""

import re


class DetectorError(Exception):
    """A detector cannot be had as it was asked for."""


class UnknownWeights(DetectorError):
    """No manifest knows the name or the file."""


class BadManifest(DetectorError):
    """A manifest cannot be understood."""


class MissingWeights(DetectorError):
    """A manifest names a file that is not there."""


class ChangedWeights(DetectorError):
    """A file of weights is not the one that its manifest describes."""


class ExistingWeights(DetectorError):
    """A name or a file is taken and would be overwritten."""


class MissingDevice(DetectorError):
    """The device asked for is not there."""


def check_device_name(device: str) -> None:
    """Raise MissingDevice where no machine has a device of that name; nothing is loaded."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise MissingDevice(f"There is no device {device}: use cpu, cuda, cuda:N or auto.")


class MissingPrecision(DetectorError):
    """The precision asked for is not there."""


class UnsupportedCheckpoint(DetectorError):
    """A file cannot be imported."""
