"""Cut training sets from the Collection (paper, section 3.2 and appendix E.1)."""


rule cut_dataset:
    """Conversations of system message, instruction and gold response."""
    input:
        instructions="<results>/collection/instructions.jsonl",
        system_messages="<results>/collection/system_messages.jsonl",
        responses="<results>/collection/responses.jsonl",
    output:
        rows="<results>/datasets/{dataset}.jsonl",
        manifest="<results>/datasets/{dataset}.jsonl.manifest.json",
    log:
        "<logs>/datasets/{dataset}.log",
    resources:
        mem_mb=JOBS.asking_mem_mb,
    params:
        spec=lambda wildcards: lookups.spec(
            RECIPE.seed, RECIPE.datasets[wildcards.dataset]
        ),
    shell:
        "janus dataset {wildcards.dataset} --instructions {input.instructions}"
        " --system-messages {input.system_messages} --responses {input.responses} --out {output.rows} > {log} 2>&1"
