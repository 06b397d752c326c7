"""Make Multifaceted Bench (paper, section 4 and appendix C.1): the Collection's own steps on unseen instructions."""


rule choose_bench_prompts:
    """Each benchmark's quota of instructions that the Collection does not use."""
    input:
        instructions="<results>/collection/instructions.jsonl",
        pools=lambda wildcards: files.local_files(bench_of(wildcards).sources),
    output:
        rows="<results>/bench/{bench}/prompts.jsonl",
        bad="<results>/bench/{bench}/prompts.bad.jsonl",
        manifest="<results>/bench/{bench}/prompts.jsonl.manifest.json",
    log:
        "<logs>/bench/{bench}/prompts.log",
    params:
        spec=lambda wildcards: specs.prompts_spec(RECIPE, wildcards.bench),
    shell:
        "janus bench prompts {wildcards.bench} --instructions {input.instructions} --out {output.rows} > {log} 2>&1"


use rule write_preference_sets as write_bench_preference_sets with:
    input:
        instructions="<results>/bench/{bench}/prompts.jsonl",
        prompt=RECIPE.prompts.preference_set,
        seeds=RECIPE.seeds.preferences,
        served=lambda wildcards: asking_job(bench_of(wildcards).preference_sets).inputs,
    output:
        rows="<results>/bench/{bench}/preferences.jsonl",
        manifest="<results>/bench/{bench}/preferences.jsonl.manifest.json",
    log:
        "<logs>/bench/{bench}/preferences.log",
    threads: lambda wildcards: asking_job(bench_of(wildcards).preference_sets).cpus
    resources:
        gpu=lambda wildcards: asking_job(bench_of(wildcards).preference_sets).gpus,
        mem_mb=lambda wildcards: asking_job(bench_of(wildcards).preference_sets).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: asking_spec(bench_of(wildcards).preference_sets),
        of=bench_option,


use rule write_system_messages as write_bench_system_messages with:
    input:
        preferences="<results>/bench/{bench}/preferences.jsonl",
        prompt=RECIPE.prompts.system_message,
        seeds=RECIPE.seeds.system_messages,
        served=lambda wildcards: asking_job(bench_of(wildcards).system_messages).inputs,
    output:
        rows="<results>/bench/{bench}/system_messages.jsonl",
        manifest="<results>/bench/{bench}/system_messages.jsonl.manifest.json",
    log:
        "<logs>/bench/{bench}/system_messages.log",
    threads: lambda wildcards: asking_job(bench_of(wildcards).system_messages).cpus
    resources:
        gpu=lambda wildcards: asking_job(bench_of(wildcards).system_messages).gpus,
        mem_mb=lambda wildcards: asking_job(bench_of(wildcards).system_messages).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: asking_spec(bench_of(wildcards).system_messages),
        of=bench_option,


use rule write_responses as write_reference_answers with:
    input:
        instructions="<results>/bench/{bench}/prompts.jsonl",
        system_messages="<results>/bench/{bench}/system_messages.jsonl",
        prompt=RECIPE.prompts.response,
        served=lambda wildcards: asking_job(
            bench_of(wildcards).reference_answers
        ).inputs,
    output:
        rows="<results>/bench/{bench}/references.jsonl",
        manifest="<results>/bench/{bench}/references.jsonl.manifest.json",
    log:
        "<logs>/bench/{bench}/references.log",
    threads: lambda wildcards: asking_job(bench_of(wildcards).reference_answers).cpus
    resources:
        gpu=lambda wildcards: asking_job(bench_of(wildcards).reference_answers).gpus,
        mem_mb=lambda wildcards: asking_job(
            bench_of(wildcards).reference_answers
        ).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: asking_spec(bench_of(wildcards).reference_answers),
        of=bench_option,


rule write_rubrics:
    """Score rubrics: one for each of the four preferences behind a system message."""
    input:
        preferences="<results>/bench/{bench}/preferences.jsonl",
        prompt=RECIPE.prompts.rubric,
        seeds=RECIPE.seeds.rubrics,
        served=lambda wildcards: asking_job(bench_of(wildcards).rubrics).inputs,
    output:
        rows="<results>/bench/{bench}/rubrics.jsonl",
        manifest="<results>/bench/{bench}/rubrics.jsonl.manifest.json",
    log:
        "<logs>/bench/{bench}/rubrics.log",
    threads: lambda wildcards: asking_job(bench_of(wildcards).rubrics).cpus
    resources:
        gpu=lambda wildcards: asking_job(bench_of(wildcards).rubrics).gpus,
        mem_mb=lambda wildcards: asking_job(bench_of(wildcards).rubrics).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: asking_spec(bench_of(wildcards).rubrics),
    shell:
        "janus bench rubrics {wildcards.bench} --preferences {input.preferences} --out {output.rows} > {log} 2>&1"


rule assemble_bench:
    """The instances: instruction, system message, reference answer and four rubrics, with preferences never trained on."""
    input:
        excluded=lambda wildcards: files.excluded_file(RECIPE, wildcards.bench),
        prompts="<results>/bench/{bench}/prompts.jsonl",
        preferences="<results>/bench/{bench}/preferences.jsonl",
        system_messages="<results>/bench/{bench}/system_messages.jsonl",
        references="<results>/bench/{bench}/references.jsonl",
        rubrics="<results>/bench/{bench}/rubrics.jsonl",
        collection="<results>/collection/preferences.jsonl",
    output:
        rows="<results>/bench/{bench}/bench.jsonl",
        unseen="<results>/bench/{bench}/bench.unseen.csv",
        manifest="<results>/bench/{bench}/bench.jsonl.manifest.json",
    log:
        "<logs>/bench/{bench}/bench.log",
    wildcard_constraints:
        bench=entries.one_of(entries.published_benches(RECIPE, published=False)),
    resources:
        mem_mb=JOBS.asking_mem_mb,
    params:
        spec=lambda wildcards: specs.assembling_spec(RECIPE, wildcards.bench),
    shell:
        "janus bench assemble {wildcards.bench} --prompts {input.prompts} --preferences {input.preferences}"
        " --system-messages {input.system_messages} --references {input.references} --rubrics {input.rubrics}"
        " --collection-preferences {input.collection} --out {output.rows} > {log} 2>&1"


rule load_published_bench:
    """The same of a bench that somebody has published whole, as the paper's authors have theirs: nothing is asked."""
    input:
        records=lambda wildcards: files.published_file(RECIPE, wildcards.bench),
        excluded=lambda wildcards: files.excluded_file(RECIPE, wildcards.bench),
    output:
        rows="<results>/bench/{bench}/bench.jsonl",
        manifest="<results>/bench/{bench}/bench.jsonl.manifest.json",
    log:
        "<logs>/bench/{bench}/bench.log",
    wildcard_constraints:
        bench=entries.one_of(entries.published_benches(RECIPE, published=True)),
    params:
        spec=lambda wildcards: specs.published_spec(RECIPE, wildcards.bench),
    shell:
        "janus bench load {wildcards.bench} --out {output.rows} > {log} 2>&1"
