"""The one error of the formula language."""


class SpecError(Exception):
    """A formula cannot be read or derived: one line that names the loss, the part at fault and the remedy.

    `placed` says that the line already begins with the file and the line number.
    """

    def __init__(self, message: str, placed: bool = False) -> None:
        super().__init__(message)
        self.placed = placed
