"""Figures 3, 6 and 7 from annotators' answers, beside what the paper prints of them.

    results/janus/human/stage1/figure6.csv, .md, .svg        quality of reference answers and rubrics
    results/janus/human/stage2/figure7.csv, .md, .svg        difficulty of the problems
    results/janus/human/stage2/figure3.csv, .md, .svg        win / both good / both bad / loss, for each pair

No difference from the paper's figures is taken: other people judged other answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from janus_recipes.analysis.finding import Finding, cell
from janus_recipes.human.answers import AnswerStatus, HumanAnswer
from janus_recipes.human.charts import PAPER, Bar, PaperMark, stacked_svg
from janus_recipes.human.exclude import Judged
from janus_recipes.human.labels import DIFFICULTY, OUTCOMES, REFERENCE, RUBRIC
from janus_recipes.human.published import PublishedHuman
from janus_recipes.human.shares import (
    COLUMNS,
    HEAD,
    TEXT_COLUMNS,
    Shares,
    agreement_note,
    bar_of,
    csv_rows,
    page_lines,
    percent,
    percents,
    shares_of,
)
from janus_recipes.recipe.human import BadWhen
from janus_recipes.reporting.statistics import Estimate, mean_with_interval
from janus_recipes.seeding import derive_seed

FIGURE3 = "Figure 3: human comparison of two models' answers"
FIGURE6 = "Figure 6: quality of the bench's reference answers and rubrics, by annotators"
FIGURE7 = "Figure 7: difficulty of the bench's instances, by annotators"
INTERVALS = "Brackets are 95% intervals by bootstrap over instructions."
NOT_THE_PAPERS = "The paper's figures are other annotators' of other answers: no difference is taken."
TOGETHER = {"win_or_both_good": ("win", "both_good")}


def figure6(
    answers: Sequence[HumanAnswer],
    judged: Judged,
    rule: BadWhen,
    published: PublishedHuman,
    seed: int,
    notice: str | None,
) -> Finding:
    """The shares of yes, maybe and no, and how many instances the recipe's rule excludes."""
    asked = {"reference": list(REFERENCE.choices.values()), "rubric": list(RUBRIC.choices.values())}
    found = [
        shares_of(name, _about(answers, name), words, seed=seed, published=published.figure6.get(name))
        for name, words in asked.items()
    ]
    words = asked["reference"]
    bars = [bar for one in found for bar in (bar_of(one, list(one.shares)), _paper_bar(one)) if bar is not None]
    rows = [row for one in found for row in csv_rows(one)]
    note = f"{len(judged.bad)} of {_instances(judged)} instances are bad by the rule {rule}, which excluded.jsonl names"
    kept = f"; {len(judged.unjudged)} stay because no answer decides it" if judged.unjudged else ""
    paper = f"The paper excluded {published.excluded.instances} of {published.excluded.of}, by a rule it does not give."
    return Finding(
        title=FIGURE6,
        columns=COLUMNS,
        rows=[*rows, _excluded_row(judged, rule, published)],
        head=HEAD,
        lines=[line for one in found for line in page_lines(one)],
        text_columns=TEXT_COLUMNS,
        notes=[f"{note}{kept}. {paper}", *map(agreement_note, found), f"{INTERVALS} {NOT_THE_PAPERS}"],
        notice=notice,
        svg=stacked_svg(bars, words, FIGURE6, notice),
    )


def figure7(answers: Sequence[HumanAnswer], seed: int, notice: str | None) -> Finding:
    """The shares of easy, intermediate and hard. A problem is the same under every pair, so there annotators meet."""
    words = list(DIFFICULTY.choices.values())
    found = shares_of("difficulty", _about(answers, "difficulty"), words, seed=seed, level="ordinal")
    bar = bar_of(found, words)
    return Finding(
        title=FIGURE7,
        columns=COLUMNS,
        rows=list(csv_rows(found)),
        head=HEAD,
        lines=list(page_lines(found)),
        text_columns=TEXT_COLUMNS,
        notes=[agreement_note(found), f"{INTERVALS} The paper does not print the shares of its Figure 7."],
        notice=notice,
        svg=stacked_svg([bar] if bar else [], words, FIGURE7, notice),
    )


def figure3(
    answers: Sequence[HumanAnswer],
    pairs: Sequence[Sequence[str]],
    published: PublishedHuman,
    seed: int,
    notice: str | None,
) -> Finding:
    """For each pair how often its first model won, lost, and neither."""
    compared = _about(answers, "comparison")
    found = [
        shares_of(
            f"{first} vs {second}",
            [one for one in compared if one.pair == (first, second)],
            OUTCOMES,
            seed=seed,
            together=TOGETHER,
            published=published.compared(first, second),
        )
        for first, second in pairs
    ]
    bars = [bar for one in found if (bar := bar_of(one, OUTCOMES)) is not None]
    return Finding(
        title=FIGURE3,
        columns=COLUMNS,
        rows=[*(row for one in found for row in csv_rows(one)), _side_row(compared, seed)],
        head=HEAD,
        lines=[line for one in found for line in page_lines(one)],
        text_columns=TEXT_COLUMNS,
        notes=[*map(agreement_note, found), _side_note(compared, seed), f"{INTERVALS} {NOT_THE_PAPERS}"],
        notice=notice,
        svg=stacked_svg(bars, OUTCOMES, FIGURE3, notice, [mark for one in found for mark in _marks(one)]),
    )


def _about(answers: Sequence[HumanAnswer], subject: str) -> list[HumanAnswer]:
    return [one for one in answers if one.subject == subject]


def _paper_bar(found: Shares) -> Bar | None:
    return Bar(f"{found.of}, {PAPER}", found.published) if set(found.published) == set(found.shares) else None


def _marks(found: Shares) -> Iterator[PaperMark]:
    if {"win", "loss"} <= set(found.published):
        yield PaperMark(found.of, found.published["win"])
        yield PaperMark(found.of, 1 - found.published["loss"])


def _instances(judged: Judged) -> int:
    return len(judged.bad) + len(judged.good) + len(judged.unjudged)


def _excluded_row(judged: Judged, rule: BadWhen, published: PublishedHuman) -> list[str]:
    used, expected = len(judged.bad) + len(judged.good), _instances(judged)
    share = len(judged.bad) / used if used else None
    paper = published.excluded.instances / published.excluded.of
    n = [str(expected), str(used), str(expected - used)]
    left_out = f"{len(judged.unjudged)} not decided by any answer" if judged.unjudged else ""
    return ["instance", "excluded_share", rule, cell(share), "", "", cell(paper), *n, left_out]


def _decided(compared: Sequence[HumanAnswer]) -> list[HumanAnswer]:
    return [one for one in compared if one.side]


def _side_row(compared: Sequence[HumanAnswer], seed: int) -> list[str]:
    estimate, decided = _left(compared, seed), len(_decided(compared))
    answered = sum(one.status is AnswerStatus.ANSWERED for one in compared)
    ends = estimate.interval or (None, None)
    n = [str(answered), str(decided), str(answered - decided)]
    figures = [cell(value) for value in (estimate.value, *ends)]
    return ["side", "share", "left", *figures, "", *n, "both good or both bad" if answered > decided else ""]


def _side_note(compared: Sequence[HumanAnswer], seed: int) -> str:
    estimate = _left(compared, seed)
    return (
        f"Which side is better does not depend on the models, as sides are drawn at random: the left one was chosen in "
        f"{percent(estimate.value)} {percents(estimate.interval)} of the {estimate.n} answers that chose one."
    )


def _left(compared: Sequence[HumanAnswer], seed: int) -> Estimate:
    decided = _decided(compared)
    left = {one.id: float(one.side == "left") for one in decided}
    return mean_with_interval(left, {one.id: one.instruction_id for one in decided}, derive_seed(seed, "human", "side"))
