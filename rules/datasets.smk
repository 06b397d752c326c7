"""Cut training sets from the Collection (paper, section 3.2 and appendix E.1)."""


rule cut_dataset:
    """Conversations, or preference pairs: from gold responses and their system messages, or from helpful responses."""
    input:
        instructions="<results>/collection/instructions.jsonl",
        system_messages=lambda wildcards: files.message_file(RECIPE, wildcards.dataset),
        responses=lambda wildcards: files.response_file(RECIPE, wildcards.dataset),
    output:
        rows="<results>/datasets/{dataset}.jsonl",
        manifest="<results>/datasets/{dataset}.jsonl.manifest.json",
    log:
        "<logs>/datasets/{dataset}.log",
    wildcard_constraints:
        dataset=entries.one_of(entries.cut_datasets(RECIPE)),
    resources:
        mem_mb=JOBS.asking_mem_mb,
    params:
        spec=lambda wildcards: specs.dataset_spec(RECIPE, wildcards.dataset),
        messages=messages_option,
    shell:
        "janus dataset {wildcards.dataset} --instructions {input.instructions} {params.messages}"
        " --responses {input.responses} --out {output.rows} > {log} 2>&1"


rule mix_helpful_pairs:
    """Pairs of general helpfulness from public pools, for the reward model's second stage."""
    input:
        lambda wildcards: files.local_files(
            entries.pools_of_mix(RECIPE, wildcards.dataset)
        ),
    output:
        rows="<results>/datasets/{dataset}.jsonl",
        bad="<results>/datasets/{dataset}.bad.jsonl",
        manifest="<results>/datasets/{dataset}.jsonl.manifest.json",
    log:
        "<logs>/datasets/{dataset}.log",
    wildcard_constraints:
        dataset=entries.one_of(entries.helpful_mixes(RECIPE)),
    resources:
        mem_mb=JOBS.asking_mem_mb,
    params:
        spec=lambda wildcards: specs.mix_spec(RECIPE, wildcards.dataset),
    shell:
        "janus helpful-mix {wildcards.dataset} --out {output.rows} > {log} 2>&1"


rule write_card:
    """A data set's card: what it is, what it was made from, and what is known to be wrong with it."""
    input:
        rows="<results>/datasets/{dataset}.jsonl",
        manifest="<results>/datasets/{dataset}.jsonl.manifest.json",
        published=RECIPE.published_figures,
        known_models=RECIPE.known_models,
    output:
        card="<results>/datasets/{dataset}.card.md",
        manifest="<results>/datasets/{dataset}.card.md.manifest.json",
    log:
        "<logs>/datasets/{dataset}.card.log",
    params:
        spec=lambda wildcards: specs.card_spec(RECIPE, wildcards.dataset),
    shell:
        "janus card {wildcards.dataset} --rows {input.rows} --out {output.card} > {log} 2>&1"
