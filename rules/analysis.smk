"""Tell what the Collection is like, beside the paper's figures (paper, section 3 and appendices A to C)."""

NOTICE = RECIPE.rehearsal and RECIPE.rehearsal.notice
# Figure 5 compares the Collection with the benches: a recipe without one does the others.
ANALYSES = [name for name in RECIPE.analyses if name != "figure5" or RECIPE.benchmarks]


rule count_unique:
    """Table 1: unique instructions, system messages, dimensions, subdimensions and preferences."""
    input:
        instructions="<results>/collection/instructions.jsonl",
        preferences="<results>/collection/preferences.jsonl",
        system_messages="<results>/collection/system_messages.jsonl",
        published=RECIPE.published_figures,
    output:
        csv="<results>/analysis/table1.csv",
        markdown="<results>/analysis/table1.md",
        manifest="<results>/analysis/table1.csv.manifest.json",
    log:
        "<logs>/analysis/table1.log",
    resources:
        mem_mb=JOBS.asking_mem_mb,
    params:
        spec=lambda wildcards: specs.spec(NOTICE),
    shell:
        "janus analysis table1 --instructions {input.instructions} --preferences {input.preferences}"
        " --system-messages {input.system_messages} --out {output.csv} > {log} 2>&1"


rule count_sources:
    """Table 5: instructions by source, and by the source's own source."""
    input:
        instructions="<results>/collection/instructions.jsonl",
        published=RECIPE.published_figures,
    output:
        csv="<results>/analysis/table5.csv",
        markdown="<results>/analysis/table5.md",
        manifest="<results>/analysis/table5.csv.manifest.json",
    log:
        "<logs>/analysis/table5.log",
    params:
        spec=lambda wildcards: specs.spec(list(RECIPE.collection.sources), NOTICE),
    shell:
        "janus analysis table5 --instructions {input.instructions} --out {output.csv} > {log} 2>&1"


rule rank_subdimensions:
    """Table 7: the most frequent subdimensions, with some of their preferences."""
    input:
        preferences="<results>/collection/preferences.jsonl",
        published=RECIPE.published_figures,
    output:
        csv="<results>/analysis/table7.csv",
        markdown="<results>/analysis/table7.md",
        manifest="<results>/analysis/table7.csv.manifest.json",
    log:
        "<logs>/analysis/table7.log",
    resources:
        mem_mb=JOBS.asking_mem_mb,
    params:
        spec=lambda wildcards: specs.spec(RECIPE.seed, NOTICE),
    shell:
        "janus analysis table7 --preferences {input.preferences} --out {output.csv} > {log} 2>&1"


rule compare_descriptions:
    """Figure 4: ROUGE-L between the preference descriptions of an instruction."""
    input:
        preferences="<results>/collection/preferences.jsonl",
        published=RECIPE.published_figures,
    output:
        csv="<results>/analysis/figure4.csv",
        markdown="<results>/analysis/figure4.md",
        svg="<results>/analysis/figure4.svg",
        manifest="<results>/analysis/figure4.csv.manifest.json",
    log:
        "<logs>/analysis/figure4.log",
    resources:
        mem_mb=JOBS.asking_mem_mb,
    params:
        spec=lambda wildcards: specs.spec(
            RECIPE.collection.preference_sets.per_instruction, NOTICE
        ),
    shell:
        "janus analysis figure4 --preferences {input.preferences} --out {output.csv} > {log} 2>&1"


rule compare_messages:
    """Figure 5: ROUGE-L between all system messages of the Collection and of each bench."""
    input:
        system_messages="<results>/collection/system_messages.jsonl",
        benches=expand("<results>/bench/{bench}/bench.jsonl", bench=RECIPE.benchmarks),
        published=RECIPE.published_figures,
    output:
        csv="<results>/analysis/figure5.csv",
        markdown="<results>/analysis/figure5.md",
        svg="<results>/analysis/figure5.svg",
        manifest="<results>/analysis/figure5.csv.manifest.json",
    log:
        "<logs>/analysis/figure5.log",
    threads: JOBS.engine_cpus
    resources:
        mem_mb=JOBS.asking_mem_mb,
    params:
        spec=lambda wildcards: specs.spec(
            [
                [
                    bench.sources,
                    bench.preference_sets.per_instruction,
                    bench.published,
                    bench.excluded,
                ]
                for bench in RECIPE.benchmarks.values()
            ],
            NOTICE,
        ),
    shell:
        "janus analysis figure5 {input.benches} --system-messages {input.system_messages} --threads {threads}"
        " --out {output.csv} > {log} 2>&1"
