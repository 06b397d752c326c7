"""Judge the answers by rubric (paper, appendix F.2)."""


rule judge_answers:
    """Verdicts: each answer by its four rubrics, three times. `swapped`: by another system message's rubrics (control)."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        answers="<results>/answers/{bench}/{model}/{condition}.jsonl",
        prompt=RECIPE.prompts.judge,
        served=asking_job(RECIPE.judging).inputs,
    output:
        rows="<results>/verdicts/{bench}/{model}/{condition}.{rubrics}.jsonl",
        manifest="<results>/verdicts/{bench}/{model}/{condition}.{rubrics}.jsonl.manifest.json",
    log:
        "<logs>/verdicts/{bench}/{model}/{condition}.{rubrics}.log",
    threads: asking_job(RECIPE.judging).cpus
    resources:
        gpu=asking_job(RECIPE.judging).gpus,
        mem_mb=asking_job(RECIPE.judging).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: specs.judging_spec(RECIPE),
    shell:
        "janus judge --bench {input.bench} --answers {input.answers} --rubrics {wildcards.rubrics}"
        " --out {output.rows} > {log} 2>&1"
