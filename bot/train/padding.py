"""Padded rows: samples of similar length, one a line, for models whose rows cannot be packed."""

from collections.abc import Sequence

import torch

from bot.train.packing import Encoded, Row, side_by_side

SPREAD = 2.0
"""Maximum ratio of the longest to the shortest sample of a row; limits padding."""


def padded(samples: Sequence[Encoded]) -> Row:
    """Put samples into one row, one a line, with padding on the right, to which no real token attends."""
    # The last token predicts nothing, so it need not be computed.
    lengths = [len(sample.ids) - 1 for sample in samples]
    longest = max(lengths)
    ids = torch.zeros(len(samples), longest, dtype=torch.long)
    predict: list[int] = []
    for line, sample in enumerate(samples):
        ids[line, : lengths[line]] = torch.tensor(sample.ids[:-1])
        predict += range(line * longest + sample.learnt - 1, line * longest + lengths[line])
    targets, shares = zip(*(sample.targets() for sample in samples), strict=True)
    return Row(
        ids=ids,
        positions=torch.arange(longest).expand(len(samples), -1),
        packed=None,
        real=torch.arange(longest) < torch.tensor(lengths).unsqueeze(1),
        predict=torch.tensor(predict),
        targets=side_by_side(targets),
        shares=side_by_side(shares),
    )


def split_padded(step: Sequence[int], lengths: Sequence[int], room: int, processes: int) -> list[list[int]]:
    """Distribute a step's samples over padded rows, with as many rows for each process; see `split_step`.

    Args:
        step: indices of the samples.
        lengths: tokens of each sample.
        room: maximum tokens of a row, with its padding; a longer sample gets a row to itself.

    Returns:
        The rows, as indices of samples, the largest first; some may be empty.
    """
    rows: list[list[int]] = []
    for sample in sorted(step, key=lambda sample: (-lengths[sample], sample)):
        longest = lengths[rows[-1][0]] if rows else 0
        if not rows or (len(rows[-1]) + 1) * longest > room or longest > SPREAD * lengths[sample]:
            rows.append([])
        rows[-1].append(sample)

    def size(row: Sequence[int]) -> int:
        return len(row) * lengths[row[0]]

    while len(rows) % processes and any(len(row) > 1 for row in rows):
        largest = max((row for row in rows if len(row) > 1), key=size)
        half = len(largest) // 2
        rows.remove(largest)
        rows += [largest[:half], largest[half:]]
    rows.sort(key=size, reverse=True)
    return rows + [[] for _ in range(-len(rows) % processes)]
