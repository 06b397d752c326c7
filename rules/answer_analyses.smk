"""Tell what the models' answers are like, beside the paper's figures (paper, section 5.1 and appendix G)."""


localrules:
    measure_lengths,
    measure_likeness,
    show_examples,


rule measure_lengths:
    """Figure 8: how long the models' answers are, beside the reference answers."""
    input:
        bench=lambda wildcards: files.analysed_bench(RECIPE, wildcards.answers),
        answers=lambda wildcards: files.analysed_answers(RECIPE, wildcards.answers),
    output:
        csv="<results>/answer_analyses/{answers}/figure8.csv",
        markdown="<results>/answer_analyses/{answers}/figure8.md",
        svg="<results>/answer_analyses/{answers}/figure8.svg",
        manifest="<results>/answer_analyses/{answers}/figure8.csv.manifest.json",
    log:
        "<logs>/answer_analyses/{answers}/figure8.log",
    params:
        spec=lambda wildcards: specs.answer_analysis_spec(RECIPE, wildcards.answers),
    shell:
        "janus analysis figure8 {wildcards.answers} {input.answers} --bench {input.bench} --out {output.csv} > {log} 2>&1"


rule measure_likeness:
    """Figure 9: ROUGE-L between a model's answers to the system messages of one instruction."""
    input:
        bench=lambda wildcards: files.analysed_bench(RECIPE, wildcards.answers),
        answers=lambda wildcards: files.analysed_answers(RECIPE, wildcards.answers),
        published=RECIPE.published_figures,
    output:
        csv="<results>/answer_analyses/{answers}/figure9.csv",
        markdown="<results>/answer_analyses/{answers}/figure9.md",
        svg="<results>/answer_analyses/{answers}/figure9.svg",
        manifest="<results>/answer_analyses/{answers}/figure9.csv.manifest.json",
    log:
        "<logs>/answer_analyses/{answers}/figure9.log",
    params:
        spec=lambda wildcards: specs.answer_analysis_spec(RECIPE, wildcards.answers),
    shell:
        "janus analysis figure9 {wildcards.answers} {input.answers} --bench {input.bench} --out {output.csv} > {log} 2>&1"


rule show_examples:
    """Tables 12 to 14: some instances with every model's answer and the judge's scores."""
    input:
        bench=lambda wildcards: files.analysed_bench(RECIPE, wildcards.answers),
        answers=lambda wildcards: files.analysed_answers(RECIPE, wildcards.answers),
        verdicts=lambda wildcards: files.analysed_verdicts(RECIPE, wildcards.answers),
    output:
        csv="<results>/answer_analyses/{answers}/examples.csv",
        markdown="<results>/answer_analyses/{answers}/examples.md",
        manifest="<results>/answer_analyses/{answers}/examples.csv.manifest.json",
    log:
        "<logs>/answer_analyses/{answers}/examples.log",
    params:
        spec=lambda wildcards: specs.answer_analysis_spec(
            RECIPE, wildcards.answers, examples=True
        ),
    shell:
        "janus analysis examples {wildcards.answers} {input.answers} {input.verdicts} --bench {input.bench}"
        " --out {output.csv} > {log} 2>&1"
