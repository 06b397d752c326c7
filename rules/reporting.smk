"""Average the verdicts into tables, beside the paper's figures."""


localrules:
    build_table,


rule build_table:
    """One table as CSV, Markdown and HTML: mean, 95% interval, counts, the paper's figure and both judges."""
    input:
        bench=lambda wildcards: f"<results>/bench/{RECIPE.tables[wildcards.table].benchmark}/bench.jsonl",
        verdicts=lambda wildcards: files.verdict_files(RECIPE, wildcards.table),
        published=RECIPE.published_figures,
    output:
        html="<results>/tables/{table}.html",
        markdown="<results>/tables/{table}.md",
        csv="<results>/tables/{table}.csv",
        comparisons="<results>/tables/{table}.comparisons.csv",
        reliability="<results>/tables/{table}.reliability.csv",
        manifest="<results>/tables/{table}.html.manifest.json",
    log:
        "<logs>/tables/{table}.log",
    params:
        spec=lambda wildcards: specs.table_spec(RECIPE, wildcards.table),
    shell:
        "janus table {wildcards.table} {input.verdicts} --bench {input.bench} --out {output.html} > {log} 2>&1"
