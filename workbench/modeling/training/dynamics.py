"""What training shows of each tweet: how probable its given label was, epoch by epoch."""

from __future__ import annotations

import torch

from workbench.modeling.data.examples import Dynamics
from workbench.modeling.training.process_group import Place

NAMES = ("number", "epoch", "probability")


class Record:
    """The probability of the given label of each tweet at each step that took it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.waiting: list[tuple[list[int], int, torch.Tensor]] = []
        self.seen: dict[str, list[torch.Tensor]] = {name: [] for name in NAMES}

    def add(self, numbers: list[int], epoch: int, losses: torch.Tensor) -> None:
        """Take the losses of tweets, which stay on the device for now."""
        self.waiting.append((numbers, epoch, losses))

    def fetch(self) -> None:
        """Fetch the losses of the last steps from the device."""
        for numbers, epoch, losses in self.waiting:
            self.seen["number"].append(torch.tensor(numbers))
            self.seen["epoch"].append(torch.full((len(numbers),), epoch))
            self.seen["probability"].append(losses.neg().exp().cpu())
        self.waiting = []

    def put_back(self, whole: dict[str, torch.Tensor]) -> None:
        """Go on from what a checkpoint holds; of several processes the first has it all."""
        for name, tensor in whole.items() if self.place.first else ():
            self.seen[name].append(tensor)

    def of_all(self) -> dict[str, torch.Tensor]:
        """What all processes have recorded of their tweets, by name."""
        self.fetch()
        parts = [torch.cat(own) if own else None for own in self.seen.values()]
        everybody = self.place.gather([parts])
        whole: dict[str, torch.Tensor] = {}
        for name, pieces in zip(self.seen, zip(*everybody, strict=True), strict=True):
            if present := [piece for piece in pieces if piece is not None]:
                whole[name] = torch.cat(present)
        return whole

    def dynamics(self) -> Dynamics:
        """The same as lists."""
        whole = self.of_all()
        return Dynamics(*(whole[name].tolist() if name in whole else [] for name in NAMES))
