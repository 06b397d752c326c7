"""Best-of-n (paper, section 6.3, Table 11): sample several answers, reward them all, keep the best, tell the curve."""


localrules:
    choose_best_answers,
    build_best_of_curve,


rule sample_answers:
    """Several answers of one model to each instance, for all selections that choose from so many."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        model=lambda wildcards: files.made_model(RECIPE, wildcards.model),
        template=lambda wildcards: entries.base_spec(
            RECIPE, wildcards.model
        ).chat_template,
        env=jobs.environment_of(RECIPE, "vllm"),
    output:
        rows="<results>/samples/{bench}/{model}/{condition}.{samples}.jsonl",
        manifest="<results>/samples/{bench}/{model}/{condition}.{samples}.jsonl.manifest.json",
    log:
        "<logs>/samples/{bench}/{model}/{condition}.{samples}.log",
    threads: JOBS.engine_cpus
    resources:
        gpu=lambda wildcards: jobs.generation_gpus(RECIPE, wildcards.model),
        mem_mb=JOBS.engine_mem_mb,
        runtime=lambda wildcards: minutes(sampling_hours(wildcards)),
    params:
        spec=lambda wildcards: specs.generation_spec(
            RECIPE, wildcards.model, wildcards.condition
        ),
    shell:
        "janus best-of sample {wildcards.model} --samples {wildcards.samples} --condition {wildcards.condition}"
        " --bench {input.bench} --env {input.env} --out {output.rows} > {log} 2>&1"


rule reward_samples:
    """The reward model's score of every sample."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        samples=lambda wildcards: files.sample_file(RECIPE, wildcards),
        model=lambda wildcards: files.made_model(RECIPE, reward_model_of(wildcards)),
        template=lambda wildcards: entries.base_spec(
            RECIPE, reward_model_of(wildcards)
        ).chat_template,
        env=jobs.environment_of(RECIPE, "vllm"),
    output:
        rows="<results>/rewards/{bench}/{model}/{condition}.{selection}.jsonl",
        manifest="<results>/rewards/{bench}/{model}/{condition}.{selection}.jsonl.manifest.json",
    log:
        "<logs>/rewards/{bench}/{model}/{condition}.{selection}.log",
    threads: JOBS.engine_cpus
    resources:
        gpu=lambda wildcards: jobs.generation_gpus(RECIPE, reward_model_of(wildcards)),
        mem_mb=JOBS.engine_mem_mb,
        runtime=lambda wildcards: minutes(RECIPE.best_of[wildcards.selection].hours),
    params:
        spec=lambda wildcards: specs.rewarding_spec(
            RECIPE, wildcards.selection, wildcards.condition
        ),
    shell:
        "janus best-of reward {wildcards.selection} --condition {wildcards.condition} --bench {input.bench}"
        " --samples {input.samples} --env {input.env} --out {output.rows} > {log} 2>&1"


rule choose_best_answers:
    """The answers of a selection: of each instance's samples the one with the highest reward."""
    input:
        samples=lambda wildcards: files.sample_file(RECIPE, wildcards),
        rewards="<results>/rewards/{bench}/{model}/{condition}.{selection}.jsonl",
    output:
        rows="<results>/answers/{bench}/{model}/{condition}.{selection}.jsonl",
        manifest="<results>/answers/{bench}/{model}/{condition}.{selection}.jsonl.manifest.json",
    log:
        "<logs>/answers/{bench}/{model}/{condition}.{selection}.log",
    params:
        spec=lambda wildcards: specs.spec(RECIPE.best_of[wildcards.selection].samples),
    shell:
        "janus best-of choose {wildcards.selection} --samples {input.samples} --rewards {input.rewards}"
        " --out {output.rows} > {log} 2>&1"


use rule judge_answers as judge_best_answers with:
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        answers="<results>/answers/{bench}/{model}/{condition}.{selection}.jsonl",
        prompt=RECIPE.prompts.judge,
        served=asking_job(RECIPE.judging).inputs,
    output:
        rows="<results>/verdicts/{bench}/{model}/{condition}.{selection}.{rubrics}.jsonl",
        manifest="<results>/verdicts/{bench}/{model}/{condition}.{selection}.{rubrics}.jsonl.manifest.json",
    log:
        "<logs>/verdicts/{bench}/{model}/{condition}.{selection}.{rubrics}.log",


rule judge_samples:
    """Verdicts on every sample, where the recipe wants the curve in the judge's scores."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        samples=lambda wildcards: files.sample_file(RECIPE, wildcards),
        prompt=RECIPE.prompts.judge,
        served=asking_job(RECIPE.judging).inputs,
    output:
        rows="<results>/verdicts/{bench}/{model}/{condition}.{selection}.samples.jsonl",
        manifest="<results>/verdicts/{bench}/{model}/{condition}.{selection}.samples.jsonl.manifest.json",
    log:
        "<logs>/verdicts/{bench}/{model}/{condition}.{selection}.samples.log",
    threads: asking_job(RECIPE.judging).cpus
    resources:
        gpu=asking_job(RECIPE.judging).gpus,
        mem_mb=asking_job(RECIPE.judging).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: specs.judging_spec(RECIPE),
    shell:
        "janus best-of judge {wildcards.selection} --bench {input.bench} --samples {input.samples}"
        " --out {output.rows} > {log} 2>&1"


rule build_best_of_curve:
    """What the best of k comes to for every k, with 95% intervals: CSV, Markdown and a picture."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        rewards=lambda wildcards: files.curve_inputs(
            RECIPE, wildcards.bench, wildcards.selection, verdicts=False
        ),
        verdicts=lambda wildcards: files.curve_inputs(
            RECIPE, wildcards.bench, wildcards.selection, verdicts=True
        ),
    output:
        csv="<results>/best_of/{bench}/{selection}.csv",
        markdown="<results>/best_of/{bench}/{selection}.md",
        svg="<results>/best_of/{bench}/{selection}.svg",
        manifest="<results>/best_of/{bench}/{selection}.csv.manifest.json",
    log:
        "<logs>/best_of/{bench}/{selection}.log",
    params:
        spec=lambda wildcards: specs.curve_spec(RECIPE, wildcards.selection),
        verdicts=lambda wildcards, input: [
            f"--verdicts {path}" for path in input.verdicts
        ],
    shell:
        "janus best-of curve {wildcards.selection} {input.rewards} {params.verdicts} --bench {input.bench}"
        " --of {wildcards.bench} --out {output.csv} > {log} 2>&1"
