"""See how far judges agree on the same answers, and what they prefer beside the rubrics."""


localrules:
    calibrate_judges,
    report_bias,


rule judge_by_another:
    """Verdicts of a judge of the registry on answers that the recipe's own judge has, or has not, judged."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        answers="<results>/answers/{bench}/{model}/{condition}.jsonl",
        prompt=lambda wildcards: files.judge_prompt(RECIPE, wildcards.judge),
        served=lambda wildcards: asking_job(judge_of(wildcards)).inputs,
    output:
        rows="<results>/verdicts/{bench}/{model}/{condition}.own@{judge}.jsonl",
        manifest="<results>/verdicts/{bench}/{model}/{condition}.own@{judge}.jsonl.manifest.json",
    log:
        "<logs>/verdicts/{bench}/{model}/{condition}.own@{judge}.log",
    threads: lambda wildcards: asking_job(judge_of(wildcards)).cpus
    resources:
        gpu=lambda wildcards: asking_job(judge_of(wildcards)).gpus,
        mem_mb=lambda wildcards: asking_job(judge_of(wildcards)).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: specs.judge_spec(RECIPE, wildcards.judge),
    shell:
        "janus judge --judge {wildcards.judge} --bench {input.bench} --answers {input.answers}"
        " --out {output.rows} > {log} 2>&1"


rule calibrate_judges:
    """Agreement of the judges of a calibration, each with itself too: rank correlation, kappa, shift, swapped models."""
    input:
        bench=lambda wildcards: f"<results>/bench/{calibration_of(wildcards).benchmark}/bench.jsonl",
        verdicts=lambda wildcards: files.calibrated_files(RECIPE, wildcards.calibration),
    output:
        csv="<results>/calibrations/{calibration}.csv",
        markdown="<results>/calibrations/{calibration}.md",
        manifest="<results>/calibrations/{calibration}.csv.manifest.json",
    log:
        "<logs>/calibrations/{calibration}.log",
    params:
        spec=lambda wildcards: specs.calibration_spec(RECIPE, wildcards.calibration),
    shell:
        "janus judge calibrate {wildcards.calibration} {input.verdicts} --bench {input.bench}"
        " --out {output.csv} > {log} 2>&1"


rule report_bias:
    """What the judges of a calibration prefer beside the rubrics: length, place, their own family's models."""
    input:
        bench=lambda wildcards: f"<results>/bench/{calibration_of(wildcards).benchmark}/bench.jsonl",
        verdicts=lambda wildcards: files.calibrated_files(RECIPE, wildcards.calibration),
        answers=lambda wildcards: files.judged_answers(RECIPE, wildcards.calibration),
        win_rates=lambda wildcards: files.win_rates_beside(
            RECIPE, wildcards.calibration
        ),
    output:
        csv="<results>/calibrations/{calibration}.bias.csv",
        markdown="<results>/calibrations/{calibration}.bias.md",
        svg="<results>/calibrations/{calibration}.bias.svg",
        manifest="<results>/calibrations/{calibration}.bias.csv.manifest.json",
    log:
        "<logs>/calibrations/{calibration}.bias.log",
    params:
        spec=lambda wildcards: specs.calibration_spec(RECIPE, wildcards.calibration),
        answers=lambda wildcards: f"results/{RECIPE.name}/answers/{calibration_of(wildcards).benchmark}",
        win_rates=lambda wildcards, input: " ".join(
            f"--win-rates {one}" for one in input.win_rates
        ),
    shell:
        "janus judge bias {wildcards.calibration} {input.verdicts} --bench {input.bench} --answers {params.answers}"
        " {params.win_rates} --out {output.csv} > {log} 2>&1"
