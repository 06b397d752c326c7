# "Aligning to Thousands of Preferences via System Message Generalization" (Janus), from instructions to tables.
#
#   make rehearsal                                      the whole of it in small, on this machine
#   snakemake --profile profiles/slurm                  the paper, on a cluster
#   snakemake -n                                        what would run; nothing is touched
#   snakemake --configfile recipes/janus.yaml mine.yaml ...    with an overlay of yours
#
# A recipe says what to make, the rules say what depends on what, and `janus` does the work of one node at a time.

from snakemake.utils import min_version

min_version("9.27")


if not config:

    configfile: "recipes/janus.yaml"


include: "rules/common.smk"
# 3.2  Sample instructions, ask the teacher for preference sets, system messages and gold responses.
include: "rules/instructions.smk"
include: "rules/collection.smk"
# 3.2  Cut training sets from the Collection, and train models on them.
include: "rules/datasets.smk"
include: "rules/environments.smk"
include: "rules/training.smk"
# 4    Make Multifaceted Bench: unseen preferences, reference answers, rubrics.
include: "rules/benchmarks.smk"
# B, C Tell what the Collection is like, and how far the bench is from it.
include: "rules/analysis.smk"
# 5    Let every model answer the bench, judge the answers, average them into tables; let reward models rank answers.
include: "rules/generation.smk"
include: "rules/judging.smk"
include: "rules/best_of.smk"
include: "rules/calibration.smk"
include: "rules/ranking.smk"
include: "rules/win_rates.smk"
# 5, G Tell what the answers are like: lengths, likeness, examples.
include: "rules/answer_analyses.smk"
include: "rules/reporting.smk"


rule tables:
    """The tables alone, with the models that they need."""
    input:
        expand("<results>/tables/{table}.html", table=RECIPE.tables),


rule datasets:
    """The training sets alone, each with its card."""
    input:
        expand("<results>/datasets/{dataset}.card.md", dataset=RECIPE.datasets),


rule analyses:
    """What the Collection is like, beside the paper's figures; nothing is trained."""
    input:
        "<results>/collection/instructions.funnel.md",
        expand("<results>/analysis/{analysis}.csv", analysis=ANALYSES),


rule rankings:
    """What models make of held-out pairs; nothing is judged."""
    input:
        expand("<results>/rankings/{ranking}.csv", ranking=RECIPE.rankings),


rule best_of:
    """What the best of k answers comes to, for every k."""
    input:
        files.curve_files(RECIPE),


rule answer_analyses:
    """How long the models' answers are, how alike, and some of them beside each other: Figures 8 and 9, examples."""
    input:
        expand(
            "<results>/answer_analyses/{answers}/{page}.csv",
            answers=RECIPE.answer_analyses,
            page=["figure8", "figure9", "examples"],
        ),


rule calibrations:
    """How far judges agree on the same answers, and what they prefer beside the rubrics."""
    input:
        expand(
            "<results>/calibrations/{calibration}.{page}csv",
            calibration=RECIPE.calibrations,
            page=["", "bias."],
        ),


rule win_rates:
    """How often a model's answers win against another one's."""
    input:
        expand("<results>/win_rates/{win_rate}.csv", win_rate=RECIPE.win_rates),


rule all:
    """Every table, ranking, model card, data set and analysis of the recipe."""
    default_target: True
    input:
        rules.tables.input,
        rules.rankings.input,
        rules.best_of.input,
        rules.win_rates.input,
        rules.calibrations.input,
        rules.answer_analyses.input,
        expand("<results>/models/{model}/card.md", model=entries.trained_models(RECIPE)),
        rules.datasets.input,
        rules.analyses.input,


rule collection:
    """The Multifaceted Collection alone: nothing is trained."""
    input:
        "<results>/collection/responses.jsonl",


rule models:
    """Every model that the recipe trains; nothing is judged."""
    input:
        expand(
            "<results>/models/{model}/manifest.json",
            model=entries.trained_models(RECIPE),
        ),


rule environments:
    """The engines' environments alone: tests and clusters without a network on their nodes want them first."""
    input:
        [jobs.environment_of(RECIPE, tool) for tool in ("axolotl", "openrlhf", "vllm")],
