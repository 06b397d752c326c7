"""Does a model put the answer to its own system message above the answer to another one (paper, appendix E)?"""


localrules:
    build_ranking,


rule pair_reference_answers:
    """Held-out pairs: each bench instance's reference answer, and that to another system message of its instruction."""
    input:
        bench="<results>/bench/{bench}/bench.jsonl",
    output:
        rows="<results>/bench/{bench}/pairs.jsonl",
        manifest="<results>/bench/{bench}/pairs.jsonl.manifest.json",
    log:
        "<logs>/bench/{bench}/pairs.log",
    params:
        spec=lambda wildcards: specs.spec(RECIPE.seed),
    shell:
        "janus rank pairs --bench {input.bench} --out {output.rows} > {log} 2>&1"


rule score_pairs:
    """What one model makes of both answers of each pair: a reward, or the log-probability that it gives to them."""
    input:
        pairs="<results>/bench/{bench}/pairs.jsonl",
        model=lambda wildcards: files.made_model(RECIPE, wildcards.model),
        template=lambda wildcards: entries.base_spec(
            RECIPE, wildcards.model
        ).chat_template,
        env=jobs.environment_of(RECIPE, "vllm"),
    output:
        rows="<results>/scores/{bench}/{model}.jsonl",
        manifest="<results>/scores/{bench}/{model}.jsonl.manifest.json",
    log:
        "<logs>/scores/{bench}/{model}.log",
    threads: JOBS.engine_cpus
    resources:
        gpu=lambda wildcards: jobs.generation_gpus(RECIPE, wildcards.model),
        mem_mb=JOBS.engine_mem_mb,
        runtime=minutes(RECIPE.generation.hours),
    params:
        spec=lambda wildcards: specs.scoring_spec(RECIPE, wildcards.model),
    shell:
        "janus rank score {wildcards.model} --pairs {input.pairs} --env {input.env} --out {output.rows} > {log} 2>&1"


rule build_ranking:
    """One ranking as CSV and Markdown: share of pairs in the right order and mean margin, with 95% intervals."""
    input:
        pairs=lambda wildcards: f"<results>/bench/{RECIPE.rankings[wildcards.ranking].benchmark}/pairs.jsonl",
        scores=lambda wildcards: files.score_files(RECIPE, wildcards.ranking),
    output:
        csv="<results>/rankings/{ranking}.csv",
        comparisons="<results>/rankings/{ranking}.comparisons.csv",
        markdown="<results>/rankings/{ranking}.md",
        manifest="<results>/rankings/{ranking}.csv.manifest.json",
    log:
        "<logs>/rankings/{ranking}.log",
    params:
        spec=lambda wildcards: specs.ranking_spec(RECIPE, wildcards.ranking),
    shell:
        "janus rank build {wildcards.ranking} {input.scores} --pairs {input.pairs} --out {output.csv} > {log} 2>&1"
