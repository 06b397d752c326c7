"""Train models with axolotl (paper, section 3.2 and appendix D.1)."""


localrules:
    write_training_config,


rule make_tiny_base:
    """Rehearsal only: the tiny random Mistral, with a tokenizer of the Collection, that stands for a base model."""
    input:
        env=lookups.environment_of(RECIPE, "axolotl"),
        template=lambda wildcards: RECIPE.base_models[wildcards.base].chat_template,
        texts=expand(
            "<results>/collection/{texts}.jsonl",
            texts=["instructions", "system_messages", "responses"],
        ),
    output:
        "<results>/base_models/{base}/manifest.json",
    log:
        "<logs>/base_models/{base}.log",
    params:
        spec=lambda wildcards: lookups.spec(
            RECIPE.seed, RECIPE.rehearsal and RECIPE.rehearsal.tiny_model
        ),
    shell:
        "janus tiny-base {wildcards.base} {input.texts} --env {input.env} --out {output} > {log} 2>&1"


rule write_training_config:
    """The recipe's training as axolotl's own YAML."""
    input:
        template=lambda wildcards: lookups.base_spec(
            RECIPE, wildcards.model
        ).chat_template,
    output:
        config="<results>/models/{model}/axolotl.yaml",
        manifest="<results>/models/{model}/axolotl.yaml.manifest.json",
    log:
        "<logs>/models/{model}.config.log",
    params:
        spec=lambda wildcards: lookups.training_spec(RECIPE, wildcards.model),
    shell:
        "janus train config {wildcards.model} --out {output.config} > {log} 2>&1"


rule train_model:
    """One axolotl run. Checkpoints lie in the work folder, which outlives a failed job; the manifest is written last."""
    input:
        config="<results>/models/{model}/axolotl.yaml",
        data=lambda wildcards: f"<results>/datasets/{model_of(wildcards).train.dataset}.jsonl",
        base=lambda wildcards: lookups.made_base(RECIPE, wildcards.model),
        env=lookups.environment_of(RECIPE, "axolotl"),
    output:
        "<results>/models/{model}/manifest.json",
    log:
        "<logs>/models/{model}.log",
    threads: JOBS.engine_cpus
    resources:
        gpu=lambda wildcards: model_of(wildcards).train.gpus,
        mem_mb=JOBS.engine_mem_mb,
        runtime=lambda wildcards: minutes(model_of(wildcards).train.hours),
    shell:
        "janus train run {wildcards.model} --config {input.config} --data {input.data} --env {input.env}"
        " --out {output} > {log} 2>&1"
