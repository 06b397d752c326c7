"""Which of two models' answers does the judge prefer, shown in both orders?"""


localrules:
    build_win_rates,


rule compare_answers:
    """Verdicts on a pair of models: each instance's two answers, in both orders."""
    input:
        bench=lambda wildcards: f"<results>/bench/{RECIPE.win_rates[wildcards.win_rate].benchmark}/bench.jsonl",
        first=lambda wildcards: files.compared_answers(
            RECIPE, wildcards.win_rate, wildcards.model
        ),
        second=lambda wildcards: files.compared_answers(
            RECIPE, wildcards.win_rate, wildcards.against
        ),
        prompt=RECIPE.prompts.compare,
        served=asking_job(RECIPE.judging).inputs,
    output:
        rows="<results>/win_rates/{win_rate}/{model}/{against}.jsonl",
        manifest="<results>/win_rates/{win_rate}/{model}/{against}.jsonl.manifest.json",
    log:
        "<logs>/win_rates/{win_rate}/{model}/{against}.log",
    threads: asking_job(RECIPE.judging).cpus
    resources:
        gpu=asking_job(RECIPE.judging).gpus,
        mem_mb=asking_job(RECIPE.judging).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: specs.comparing_spec(RECIPE, wildcards.win_rate),
    shell:
        "janus win-rates judge {wildcards.win_rate} --bench {input.bench} --first {input.first}"
        " --second {input.second} --out {output.rows} > {log} 2>&1"


rule build_win_rates:
    """One page of win rates as CSV, Markdown and a picture: wins, ties, losses, and what the order did."""
    input:
        bench=lambda wildcards: f"<results>/bench/{RECIPE.win_rates[wildcards.win_rate].benchmark}/bench.jsonl",
        verdicts=lambda wildcards: files.comparison_files(RECIPE, wildcards.win_rate),
    output:
        csv="<results>/win_rates/{win_rate}.csv",
        markdown="<results>/win_rates/{win_rate}.md",
        svg="<results>/win_rates/{win_rate}.svg",
        manifest="<results>/win_rates/{win_rate}.csv.manifest.json",
    log:
        "<logs>/win_rates/{win_rate}.log",
    params:
        spec=lambda wildcards: specs.win_rates_spec(RECIPE, wildcards.win_rate),
    shell:
        "janus win-rates build {wildcards.win_rate} {input.verdicts} --bench {input.bench} --out {output.csv}"
        " > {log} 2>&1"
