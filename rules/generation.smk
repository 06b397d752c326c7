"""Let models answer the bench (paper, appendix D.1), under a system message or without one (Table 8).

Those with weights are sampled by vLLM, the others asked of their provider. The rows are the same.
"""


rule generate_answers:
    """One model under one condition. Base models and trained models go the same way."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        model=lambda wildcards: files.made_model(RECIPE, wildcards.model),
        template=lambda wildcards: entries.base_spec(
            RECIPE, wildcards.model
        ).chat_template,
        env=jobs.environment_of(RECIPE, "vllm"),
    output:
        rows="<results>/answers/{bench}/{model}/{condition}.jsonl",
        manifest="<results>/answers/{bench}/{model}/{condition}.jsonl.manifest.json",
    log:
        "<logs>/answers/{bench}/{model}/{condition}.log",
    wildcard_constraints:
        model=entries.one_of(entries.sampled_models(RECIPE)),
    threads: JOBS.engine_cpus
    resources:
        gpu=lambda wildcards: jobs.generation_gpus(RECIPE, wildcards.model),
        mem_mb=JOBS.engine_mem_mb,
        runtime=minutes(RECIPE.generation.hours),
    params:
        spec=lambda wildcards: specs.generation_spec(
            RECIPE, wildcards.model, wildcards.condition
        ),
    shell:
        "janus generate {wildcards.model} --condition {wildcards.condition} --bench {input.bench} --env {input.env}"
        " --out {output.rows} > {log} 2>&1"


rule ask_for_answers:
    """A model that a provider answers for, under one condition."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        served=lambda wildcards: answering_job(wildcards).inputs,
    output:
        rows="<results>/answers/{bench}/{model}/{condition}.jsonl",
        manifest="<results>/answers/{bench}/{model}/{condition}.jsonl.manifest.json",
    log:
        "<logs>/answers/{bench}/{model}/{condition}.log",
    wildcard_constraints:
        model=entries.one_of(entries.asked_models(RECIPE)),
    threads: lambda wildcards: answering_job(wildcards).cpus
    resources:
        gpu=lambda wildcards: answering_job(wildcards).gpus,
        mem_mb=lambda wildcards: answering_job(wildcards).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: specs.asked_answers_spec(
            RECIPE, wildcards.model, wildcards.condition
        ),
    shell:
        "janus generate {wildcards.model} --condition {wildcards.condition} --bench {input.bench}"
        " --out {output.rows} > {log} 2>&1"
