"""Let models answer the bench with vLLM (paper, appendix D.1), under a system message or without one (Table 8)."""


rule generate_answers:
    """One model under one condition. Base models and trained models go the same way."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
        model=lambda wildcards: lookups.made_model(RECIPE, wildcards.model),
        template=lambda wildcards: lookups.base_spec(
            RECIPE, wildcards.model
        ).chat_template,
        env=lookups.environment_of(RECIPE, "vllm"),
    output:
        rows="<results>/answers/{bench}/{model}/{condition}.jsonl",
        manifest="<results>/answers/{bench}/{model}/{condition}.jsonl.manifest.json",
    log:
        "<logs>/answers/{bench}/{model}/{condition}.log",
    threads: JOBS.engine_cpus
    resources:
        gpu=RECIPE.generation.gpus,
        mem_mb=JOBS.engine_mem_mb,
        runtime=minutes(RECIPE.generation.hours),
    params:
        spec=lambda wildcards: lookups.generation_spec(
            RECIPE, wildcards.model, wildcards.condition
        ),
    shell:
        "janus generate {wildcards.model} --condition {wildcards.condition} --bench {input.bench} --env {input.env}"
        " --out {output.rows} > {log} 2>&1"
