"""Sample instructions from pools of existing preference data (paper, section 3.2 and appendix A.1)."""


rule sample_instructions:
    """De-duplicate, sample evenly, top up, and remove instructions that carry a system message already."""
    input:
        files.instruction_pools(RECIPE),
        # Other figures to compare with do not make other instructions, which all that is asked later depends on.
        ancient(RECIPE.published_figures),
    output:
        rows="<results>/collection/instructions.jsonl",
        bad="<results>/collection/instructions.bad.jsonl",
        funnel="<results>/collection/instructions.funnel.csv",
        report="<results>/collection/instructions.funnel.md",
        manifest="<results>/collection/instructions.jsonl.manifest.json",
    log:
        "<logs>/collection/instructions.log",
    resources:
        mem_mb=JOBS.engine_mem_mb,
    params:
        spec=lambda wildcards: specs.instructions_spec(RECIPE),
    shell:
        "janus collect instructions --out {output.rows} > {log} 2>&1"
