"""Errors of the training room that a user can do something about."""


class TrainingError(Exception):
    """Say in one sentence what is wrong and what to do; shown without a traceback."""

    exit_code = 2


class LabelError(TrainingError):
    """A label that cannot be used; the message names the file and the line, element or sample."""

    def __init__(self, file: object, place: str, reason: str) -> None:
        super().__init__(f"{file}: {place}: {reason}")
