"""Why a recogniser decided as it did: parts of the evidence that add up to the decision."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stcorner._base.validation import check_choice, check_integer
from stcorner.errors import ParameterError
from stcorner.extraction.clipfeatures import ClipFeatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stcorner.corpora.clip import Clip
    from stcorner.media.recording import MediaLike
    from stcorner.recognizer.estimator import EmotionRecognizer
    from stcorner.recognizer.predictor import Predictor

__all__ = ["Explanation", "explain_decision", "feature_group"]

_FACE = re.compile(r"(?:^|[_ ])t(?P<segment>\d+)_y(?P<row>\d+)_x(?P<column>\d+)(?:_|$)")
# A block of another tool with more columns is explained as a whole.
_WIDE = 64
# Orders played together, of some 100 rows each: what a row costs by itself, a network say, is paid once.
_AT_ONCE = 8
_GROUPS = ("delta_mfcc", "energy_contour", "timing", "corr", "chroma", "mel", "f0", "mfcc")


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Parts of one decision.

    Attributes
    ----------
    label, against : str
        The two classes compared.
    total : float
        ``log p(label) - log p(against)``.
    offset : float
        The same for the average training clip: what is decided before anything is known.
    parts : dict of str to float
        Contribution of each group of features. ``offset + sum(parts.values()) == total``.
    blocks : dict of str to float
        Contribution of each block, the sum over its groups.
    standard_error : float
        Largest standard error of a part, from the drawing of orders.

    See Also
    --------
    explain_decision : Makes one.
    """

    label: str
    against: str
    total: float
    offset: float
    parts: dict[str, float]
    blocks: dict[str, float]
    standard_error: float

    def face_map(self) -> NDArray[np.float64] | None:
        """Return the parts of the blocks of the face, shape (segments, rows, columns), or None.

        Returns
        -------
        ndarray of shape (segments, rows, columns), float64, or None
            Parts of the decision, in nats.
        """
        found = {
            tuple(int(match[key]) for key in ("segment", "row", "column")): value
            for name, value in self.parts.items()
            if (match := _FACE.search(name)) and name.startswith("face ")
        }
        if not found:
            return None
        grid = np.zeros([max(key[axis] for key in found) + 1 for axis in range(3)])
        for key, value in found.items():
            grid[key] = value
        return grid


def feature_group(name: str, block: str = "audio", n_columns: int = 0) -> str:
    """Return the group that a named feature belongs to.

    Values of one cell of the face belong together, whatever scale and bin; so do all statistics of
    one track of the voice or of one expression, and all columns of a wide block of another tool.

    Examples
    --------
    >>> feature_group("f0_slope"), feature_group("hnr_p90"), feature_group("mfcc_3_mean")
    ('f0', 'hnr', 'mfcc_3')
    """
    if block == "expression":
        return f"{block} {name.split('_')[1]}"
    if block == "mel":
        return "spectrogram"  # "mel" are the bands of a recipe
    if block not in ("audio", "video", "texture"):
        return block if n_columns > _WIDE else f"{block} {name}"
    if match := _FACE.search(name):
        return f"face t{match['segment']}_y{match['row']}_x{match['column']}"
    if match := re.match(r"(delta_)?mfcc_?\d+", name):
        return match[0]
    for group in _GROUPS:
        if name.startswith(group):
            return group
    return name.rsplit("_", 1)[0]


def explain_decision(
    recognizer: EmotionRecognizer | Predictor,
    features: ClipFeatures | Clip | MediaLike,
    row: int = 0,
    *,
    label: str | None = None,
    against: str | None = None,
    n_orders: int = 16,
    random_state: int = 0,
) -> Explanation:
    r"""Split a decision into parts by Shapley's rule.

    The evidence is the log odds of two classes. Groups of features are turned from the values of the
    average training clip to those of this clip, one group after the other; what each turn changes is
    that group's part, averaged over random orders and their reverses. In every order the parts add up
    to the whole change, so their averages do too.

    Parameters
    ----------
    recognizer : EmotionRecognizer or Predictor
        A fitted one; any blocks, any classifier and any fusion.
    features : ClipFeatures, Clip, path or Recording
        As its ``extract`` gives them, or what they are to be computed from.
    row : int, default=0
        Sample of `features` to explain.
    label : str, optional
        Class to speak for. Default: the most probable one.
    against : str, optional
        Class to compare with. Default: the most probable other one.
    n_orders : int, default=16
        Random orders drawn, >= 1; each is used forwards and backwards.
    random_state : int, default=0
        Seed of the orders.

    Returns
    -------
    Explanation
        The parts, which add up to the decision.

    Raises
    ------
    ValueError
        If the row has no features, or a class is unknown.

    See Also
    --------
    build_report : A page that shows the explanation.

    References
    ----------
    .. [1] E. Strumbelj, I. Kononenko, "Explaining prediction models and individual predictions with
       feature contributions", Knowledge and Information Systems 41 (2014) 647-665.
    """
    predictor: Predictor = getattr(recognizer, "predictor_", recognizer)
    if not isinstance(features, ClipFeatures):
        features = predictor.extract([features])
    features = predictor.prepared(features)
    row = check_integer("row", row, low=0, high=len(features) - 1)
    n_orders = check_integer("n_orders", n_orders, low=1)
    rng = np.random.default_rng(check_integer("random_state", random_state, low=0))
    classes = list(predictor.classes)
    chosen = features[[row]].originals()
    probabilities = predictor.probabilities(chosen)[0]
    if not np.isfinite(probabilities).all():
        raise ParameterError(
            f"row must have features to explain, got row {row} without any: features.errors says why"
        )
    ranked = np.argsort(-probabilities, kind="stable")
    a = int(ranked[0]) if label is None else classes.index(check_choice("label", label, classes))
    others = [int(c) for c in ranked if c != a]
    b = others[0] if against is None else classes.index(check_choice("against", against, classes))
    if a == b:
        raise ParameterError(f"against must differ from label, got {against!r} twice")

    game = _Game(predictor, chosen, a, b)
    orders = [order for _ in range(n_orders) for order in _both_ways(rng.permutation(len(game.groups)))]
    parts_of = [game.play(np.stack(orders[at : at + _AT_ONCE])) for at in range(0, len(orders), _AT_ONCE)]
    changes = np.concatenate(parts_of)
    # A forward and a backward order depend on each other: the pair is the independent draw.
    pairs = changes.reshape(n_orders, 2, -1).mean(axis=1)
    error = pairs.std(axis=0, ddof=1) / np.sqrt(n_orders) if n_orders > 1 else np.full(pairs.shape[1], np.nan)
    parts = dict(zip(game.groups, map(float, pairs.mean(axis=0)), strict=True))
    blocks = dict.fromkeys(game.block_of.values(), 0.0)
    for group, part in parts.items():
        blocks[game.block_of[group]] += part
    return Explanation(
        label=classes[a],
        against=classes[b],
        total=game.total,
        offset=game.offset,
        parts=parts,
        blocks=blocks,
        standard_error=float(error.max(initial=0.0)),
    )


def _both_ways(order: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return order, order[::-1]


class _Game:
    """Rows between the average clip and the clip to explain, one group turned at a time."""

    def __init__(self, predictor: Predictor, features: ClipFeatures, a: int, b: int) -> None:
        self._predictor, self._clip, self._a, self._b = predictor, features.clips[0], a, b
        self._blocks = [name for name in predictor.blocks if np.isfinite(features.blocks[name]).all()]
        columns = {block: features.names[block] for block in self._blocks}
        owners = [(block, name) for block, names in columns.items() for name in names]
        grouped = [feature_group(name, block, len(columns[block])) for block, name in owners]
        self.groups = list(dict.fromkeys(grouped))
        self.block_of = {group: block for group, (block, _) in zip(grouped, owners, strict=True)}
        place = {group: i for i, group in enumerate(self.groups)}
        self._group_of = np.array([place[group] for group in grouped])
        self._start = np.concatenate([predictor.means[name] for name in self._blocks]).astype(np.float32)
        self._end = np.concatenate([features.blocks[name][0] for name in self._blocks])
        self.offset, self.total = map(float, self._odds(np.stack([self._start, self._end])))

    def _odds(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        n, at, blocks = len(rows), 0, {}
        for name, columns in self._predictor.names.items():
            blocks[name] = np.full((n, len(columns)), np.nan, np.float32)
            if name in self._blocks:
                blocks[name][:] = rows[:, at : at + len(columns)]
                at += len(columns)
        wide = ClipFeatures(clips=[self._clip] * n, blocks=blocks, names=self._predictor.names)
        p = np.maximum(self._predictor.probabilities(wide), 1e-12)
        odds: NDArray[np.float64] = np.log(p[:, self._a]) - np.log(p[:, self._b])
        return odds

    def play(self, orders: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return, for each order, the change that each group brings when the groups turn in it."""
        n, count = orders.shape
        turn = np.argsort(orders, axis=1)
        # Row k of an order has its first k groups turned.
        turned = turn[:, None, self._group_of] < np.arange(1, count)[:, None]
        rows = np.where(turned, self._end, self._start).reshape(n * (count - 1), -1)
        inner = self._odds(rows).reshape(n, count - 1) if count > 1 else np.empty((n, 0))
        steps = np.diff(inner, axis=1, prepend=self.offset, append=self.total)
        return np.take_along_axis(steps, turn, axis=1)
