"""Sample instructions from pools of existing preference data (paper, section 3.2 and appendix A.1)."""


rule sample_instructions:
    """De-duplicate, sample evenly, top up, and remove instructions that carry a system message already."""
    input:
        lookups.local_files(RECIPE.collection.sources),
    output:
        rows="<results>/collection/instructions.jsonl",
        manifest="<results>/collection/instructions.jsonl.manifest.json",
    log:
        "<logs>/collection/instructions.log",
    resources:
        mem_mb=JOBS.engine_mem_mb,
    params:
        spec=lambda wildcards: lookups.spec(
            RECIPE.seed, RECIPE.collection.sources, RECIPE.collection.instructions
        ),
    shell:
        "janus collect instructions --out {output.rows} > {log} 2>&1"
