"""Does the wheel turn? People's labels, chosen by Millrace or at random, refit the groundedness scorer.

Half of the tasks are the pool, the other half is the test. A scorer that knows nothing (all weights 0) chooses 20
answers of the pool, learns their human labels, chooses again. Strategies were compared on seeds 100 to 119; the one
that ships is reported on seeds 0 to 19. The shipped scorer is no start for MTRAG: it was fitted to these very answers.
HaluEval has no passages; the user's own message stands as the only one, so that its figures tell how choosing copes
with features that hardly inform, and nothing of groundedness.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from benchmarks.selection_data import Oracle, halueval, mtrag
from benchmarks.selection_gate import gate_table
from benchmarks.tables import table
from blocks.embedder import open_embedder
from millrace.annotation.selection import ScorerView, UsefulFirst
from millrace.methods.groundedness_belief import prior_precision
from millrace.methods.groundedness_gate import RefitConfig
from millrace.statistics.intervals import Estimate, bootstrap_interval
from millrace.statistics.logistic import Posterior, log_losses, logistic_posterior
from millrace.statistics.roc import roc_auc

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

A_TURN, N_TURNS = 20, 5
DEFAULT = RefitConfig().prior_strength
WEAK = 0.1  # the penalty that the shipped coefficients were fitted with
REPORTED, EXPLORED = range(20), range(100, 120)


@dataclass(frozen=True)
class Turn:
    """What a strategy knows when it chooses: features, and clusters of questions, of the pool that is left."""

    features: Floats
    clusters: Indices
    belief: Posterior
    random: np.random.Generator

    @property
    def unsupported(self) -> Floats:
        """The scorer's probability that an answer is unsupported."""
        found: Floats = expit(-self.features @ self.belief.weights)
        return found


Strategy = Callable[[Turn], Sequence[int]]


@dataclass(frozen=True)
class Curves:
    """Shape (n_seeds, n_turns) each: AUC and mean log loss on the test half, unsupported answers among the labels."""

    auc: Floats
    log_loss: Floats
    found: Floats


def run() -> str:
    """Both oracles, all strategies, and the gate; Markdown."""
    embedder = open_embedder()
    oracles = [mtrag(embedder), halueval(embedder)]
    parts = [(__doc__ or "").split("\n\n", 1)[1].replace("\n", " ").strip()]
    parts += [_report(oracle) for oracle in oracles]
    parts += ["**Strategies tried** (seeds 100 to 119): mean AUC over the five turns.", _explored(oracles)]
    parts += ["**The gate** of a refitted scorer, simulated on MTRAG's features.", gate_table(oracles[0].features)]
    return "\n\n".join(parts)


def at_random(turn: Turn) -> Sequence[int]:
    """What is not chosen."""
    return turn.random.permutation(len(turn.features))[:A_TURN].tolist()


def most_uncertain(turn: Turn) -> Sequence[int]:
    """Nearest to even odds."""
    return _first(turn, np.abs(turn.unsupported - 0.5))


def most_likely_failures(turn: Turn) -> Sequence[int]:
    """Seeks the rare class."""
    return _first(turn, -turn.unsupported)


def half_failures(turn: Turn) -> Sequence[int]:
    """Half the most likely failures, half at random."""
    likely = list(most_likely_failures(turn))[: A_TURN // 2]
    others = [case for case in turn.random.permutation(len(turn.features)).tolist() if case not in set(likely)]
    return [*likely, *others[: A_TURN - len(likely)]]


def farthest(turn: Turn) -> Sequence[int]:
    """Diversity alone: each farthest from those chosen before it in the turn."""
    chosen = [int(turn.random.integers(len(turn.features)))]
    while len(chosen) < min(A_TURN, len(turn.features)):
        gaps = turn.features[:, None, :] - turn.features[chosen][None]
        chosen.append(int(np.argmax((gaps**2).sum(axis=2).min(axis=1))))
    return chosen


def uncertainty_and_effect(turn: Turn) -> Sequence[int]:
    """What would narrow the weights most: the scorer's uncertainty times the expected effect on its weights."""
    return _useful(turn, np.ones(len(turn.features)))


def effect_on_failures(turn: Turn) -> Sequence[int]:
    """The same times the probability of a failure."""
    return _useful(turn, turn.unsupported)


def doubly_uncertain(turn: Turn) -> Sequence[int]:
    """The same times the uncertainty once more."""
    return _useful(turn, 4 * turn.unsupported * (1 - turn.unsupported))


def dense_effect(turn: Turn) -> Sequence[int]:
    """The same times how near 200 cases of the pool lie on average."""
    some = turn.features[turn.random.permutation(len(turn.features))[:200]]
    gaps = ((turn.features[:, None, :] - some[None]) ** 2).sum(axis=2)
    return _useful(turn, np.exp(-gaps).mean(axis=1))


def half_random(turn: Turn) -> Sequence[int]:
    """Half of the batch as it ships, half at random."""
    useful = list(uncertainty_and_effect(turn))[: A_TURN // 2]
    others = [case for case in turn.random.permutation(len(turn.features)).tolist() if case not in set(useful)]
    return [*useful, *others[: A_TURN - len(useful)]]


def clusters_first(turn: Turn) -> Sequence[int]:
    """What ships: one likely failure of each cluster of questions, the largest first, then uncertainty x effect."""
    failures = np.flatnonzero(turn.unsupported > 0.5)
    labels, sizes = np.unique(turn.clusters[failures], return_counts=True)
    in_order = labels[np.argsort(-sizes, kind="stable")]
    first = [int(turn.random.choice(failures[turn.clusters[failures] == label])) for label in in_order][:A_TURN]
    return _useful(turn, np.ones(len(turn.features)), first)


STRATEGIES: dict[str, Strategy] = {
    "random": at_random,
    "uncertainty": most_uncertain,
    "likely failures": most_likely_failures,
    "half likely failures, half random": half_failures,
    "diversity (farthest)": farthest,
    "uncertainty x effect": uncertainty_and_effect,
    "uncertainty x effect, half at random": half_random,
    "uncertainty x effect x chance of failure": effect_on_failures,
    "uncertainty, squared, x effect": doubly_uncertain,
    "uncertainty x effect x density": dense_effect,
    "one per cluster, then uncertainty x effect (ships)": clusters_first,
}


def simulate(oracle: Oracle, strategy: Strategy, seeds: Sequence[int], strength: float = DEFAULT) -> Curves:
    """The strategy's curves; every strategy has the same split for the same seed."""
    runs = np.array([_turns(oracle, strategy, seed, strength) for seed in seeds])
    return Curves(*np.moveaxis(runs, 2, 0))


def _turns(oracle: Oracle, strategy: Strategy, seed: int, strength: float) -> list[tuple[float, float, int]]:
    random = np.random.default_rng(seed)
    tasks = random.permutation(np.unique(oracle.groups))
    in_pool = np.isin(oracle.groups, tasks[: len(tasks) // 2])
    pool, test = np.flatnonzero(in_pool), np.flatnonzero(~in_pool)
    belief = Posterior(np.zeros(oracle.features.shape[1]), np.linalg.inv(prior_precision(strength)))
    asked: list[int] = []
    curve = []
    for _ in range(N_TURNS):
        left = np.setdiff1d(pool, asked)
        asked += left[strategy(Turn(oracle.features[left], oracle.clusters[left], belief, random))].tolist()
        supported = (~oracle.unsupported[asked]).astype(np.float64)
        belief = logistic_posterior(oracle.features[asked], supported, np.zeros(6), prior_precision(strength))
        logits = oracle.features[test] @ belief.weights
        losses = log_losses(logits, (~oracle.unsupported[test]).astype(np.float64))
        area = roc_auc(-logits, oracle.unsupported[test]).value
        assert area is not None
        curve.append((area, float(losses.mean()), int(oracle.unsupported[asked].sum())))
    return curve


def _first(turn: Turn, values: Floats) -> Sequence[int]:
    return np.lexsort((turn.random.random(len(values)), values))[:A_TURN].tolist()


def _useful(turn: Turn, worth: Floats, first: Sequence[int] = ()) -> Sequence[int]:
    view = ScorerView(turn.features, turn.belief.weights, turn.belief.covariance)
    ranking, chosen = UsefulFirst(worth, 2**worth - 1, view), list(first)  # log2(1 + n_alike) is the worth
    for case in chosen:
        ranking.take(case)
    while len(chosen) < A_TURN and (best := ranking.best()) is not None:
        ranking.take(best)
        chosen.append(best)
    return chosen


def labels_for(level: float, curve: Floats) -> float:
    """Labels at which the curve first reaches the level, between turns by the straight line; at least one turn."""
    n_labels = A_TURN * np.arange(1, len(curve) + 1)
    reached = np.flatnonzero(curve >= level)
    if not len(reached):
        return float("inf")
    at = int(reached[0])
    if at == 0:
        return float(A_TURN)
    below = curve[at - 1]
    return float(n_labels[at - 1] + A_TURN * (level - below) / (curve[at] - below))


def _labels_ratio(chosen: Floats, random: Floats, turn: int) -> Estimate:
    """Labels that choosing needs for the mean AUC that random choice has after a turn, by random choice's labels."""

    def ratio(seeds: Floats) -> float | None:
        rows = seeds.astype(np.intp)
        needed = labels_for(float(random[rows, turn].mean()), chosen[rows].mean(axis=0))
        return needed / (A_TURN * (turn + 1)) if np.isfinite(needed) else 1.5

    return bootstrap_interval(np.arange(len(random), dtype=np.float64), ratio, seed=0)


def _report(oracle: Oracle) -> str:
    share = oracle.unsupported.mean()
    whole = logistic_posterior(
        oracle.features, (~oracle.unsupported).astype(np.float64), np.zeros(6), prior_precision(WEAK)
    )
    ceiling = roc_auc(-oracle.features @ whole.weights, oracle.unsupported).value
    lines = [
        f"**{oracle.name}**: {len(oracle.unsupported)} answers that can be scored, {share:.1%} unsupported; "
        f"fitted to all of them: AUC {ceiling:.3f}."
    ]
    for strength in (DEFAULT, WEAK):
        chosen = simulate(oracle, clusters_first, REPORTED, strength)
        random = simulate(oracle, at_random, REPORTED, strength)
        lines += [f"Prior strength {strength}:", _curves_table(chosen, random), _ratios(chosen, random)]
    return "\n\n".join(lines)


def _curves_table(chosen: Curves, random: Curves) -> str:
    header = [
        "labels",
        "AUC, chosen",
        "AUC, random",
        "difference, paired",
        "log loss",
        "random",
        "unsupported found",
        "random",
    ]
    rows = [
        [
            str(A_TURN * (turn + 1)),
            _shown(_mean(chosen.auc[:, turn])),
            _shown(_mean(random.auc[:, turn])),
            _shown(_mean(chosen.auc[:, turn] - random.auc[:, turn])),
            *(f"{fmean(each.log_loss[:, turn]):.3f}" for each in (chosen, random)),
            *(f"{fmean(each.found[:, turn]):.1f}" for each in (chosen, random)),
        ]
        for turn in range(N_TURNS)
    ]
    return table(header, rows)


def _ratios(chosen: Curves, random: Curves) -> str:
    found = [
        f"{A_TURN * (turn + 1)} random: {_shown(_labels_ratio(chosen.auc, random.auc, turn), 2)}"
        for turn in range(1, N_TURNS)
    ]
    return (
        f"Labels needed for the same AUC, as a share of (aim: .5; 1.5 stands for not reached): {'; '.join(found)}. "
        f"A turn of {A_TURN} is the least that is counted."
    )


def _explored(oracles: Sequence[Oracle]) -> str:
    rows = []
    for name, strategy in STRATEGIES.items():
        curves = [simulate(oracle, strategy, EXPLORED).auc for oracle in oracles]
        rows.append([name, *(_shown(_mean(curve.mean(axis=1))) for curve in curves)])
    return table(["strategy", *(oracle.name for oracle in oracles)], rows)


def _mean(values: Floats) -> Estimate:
    return bootstrap_interval(values, lambda rows: float(rows.mean()), seed=0)


def _shown(estimate: Estimate, digits: int = 3) -> str:
    if estimate.mean is None or estimate.low is None or estimate.high is None:
        return f"none ({estimate.reason})"
    return f"{estimate.mean:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


if __name__ == "__main__":
    print(run())
