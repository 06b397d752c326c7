"""Train models (paper, section 3.2, appendices D and E): axolotl for SFT, DPO and ORPO, OpenRLHF for reward models."""


localrules:
    write_training_config,
    write_reward_config,
    write_model_card,


rule make_tiny_base:
    """Rehearsal only: the tiny random Mistral, with a tokenizer of the Collection, that stands for a base model."""
    input:
        env=jobs.environment_of(RECIPE, "axolotl"),
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
        spec=lambda wildcards: specs.spec(
            RECIPE.seed, RECIPE.rehearsal and RECIPE.rehearsal.tiny_model
        ),
    shell:
        "janus tiny-base {wildcards.base} {input.texts} --env {input.env} --out {output} > {log} 2>&1"


rule write_training_config:
    """The recipe's training as axolotl's own YAML."""
    input:
        template=lambda wildcards: entries.base_spec(
            RECIPE, wildcards.model
        ).chat_template,
    output:
        config="<results>/models/{model}/axolotl.yaml",
        manifest="<results>/models/{model}/axolotl.yaml.manifest.json",
    log:
        "<logs>/models/{model}.config.log",
    wildcard_constraints:
        model=entries.one_of(entries.axolotl_models(RECIPE)),
    params:
        spec=lambda wildcards: specs.training_spec(RECIPE, wildcards.model),
    shell:
        "janus train config {wildcards.model} --out {output.config} > {log} 2>&1"


rule train_model:
    """One axolotl run. Checkpoints lie in the work folder, which outlives a failed job; the manifest is written last."""
    input:
        config="<results>/models/{model}/axolotl.yaml",
        data=lambda wildcards: f"<results>/datasets/{model_of(wildcards).train.dataset}.jsonl",
        start=lambda wildcards: files.start_of(RECIPE, wildcards.model),
        env=jobs.environment_of(RECIPE, "axolotl"),
    output:
        manifest="<results>/models/{model}/manifest.json",
        curve="<results>/models/{model}/training.csv",
        figure="<results>/models/{model}/training.svg",
    log:
        "<logs>/models/{model}.log",
    wildcard_constraints:
        model=entries.one_of(entries.axolotl_models(RECIPE)),
    threads: JOBS.engine_cpus
    resources:
        gpu=lambda wildcards: model_of(wildcards).train.gpus,
        mem_mb=JOBS.engine_mem_mb,
        runtime=lambda wildcards: minutes(model_of(wildcards).train.hours),
    params:
        # The configuration is an input and has no number of GPUs, nor the batch, of which it knows accumulated steps.
        spec=lambda wildcards: specs.training_spec(RECIPE, wildcards.model),
    shell:
        "janus train run {wildcards.model} --config {input.config} --data {input.data} --env {input.env}"
        " --out {output.manifest} > {log} 2>&1"


rule write_reward_config:
    """The recipe's training of a reward model as OpenRLHF's own flags."""
    input:
        template=lambda wildcards: entries.base_spec(
            RECIPE, wildcards.model
        ).chat_template,
    output:
        config="<results>/models/{model}/openrlhf.args",
        manifest="<results>/models/{model}/openrlhf.args.manifest.json",
    log:
        "<logs>/models/{model}.config.log",
    wildcard_constraints:
        model=entries.one_of(entries.reward_models(RECIPE)),
    params:
        spec=lambda wildcards: specs.training_spec(RECIPE, wildcards.model),
    shell:
        "janus reward config {wildcards.model} --out {output.config} > {log} 2>&1"


rule train_reward_model:
    """One stage of a reward model, one OpenRLHF run. Stage 2 starts from the model of stage 1."""
    input:
        config="<results>/models/{model}/openrlhf.args",
        data=lambda wildcards: f"<results>/datasets/{model_of(wildcards).train.dataset}.jsonl",
        start=lambda wildcards: files.start_of(RECIPE, wildcards.model),
        env=jobs.environment_of(RECIPE, "openrlhf"),
    output:
        manifest="<results>/models/{model}/manifest.json",
        curve="<results>/models/{model}/training.csv",
        figure="<results>/models/{model}/training.svg",
    log:
        "<logs>/models/{model}.log",
    wildcard_constraints:
        model=entries.one_of(entries.reward_models(RECIPE)),
    threads: JOBS.engine_cpus
    resources:
        gpu=lambda wildcards: model_of(wildcards).train.gpus,
        mem_mb=JOBS.engine_mem_mb,
        runtime=lambda wildcards: minutes(model_of(wildcards).train.hours),
    params:
        spec=lambda wildcards: specs.training_spec(RECIPE, wildcards.model),
    shell:
        "janus reward run {wildcards.model} --config {input.config} --data {input.data} --env {input.env}"
        " --out {output.manifest} > {log} 2>&1"


rule write_model_card:
    """A model's card: data, hyperparameters, what differs from the paper, and its figures where a table has some."""
    input:
        model="<results>/models/{model}/manifest.json",
        tables=lambda wildcards: files.tables_with(RECIPE, wildcards.model),
        published=RECIPE.published_figures,
        known_models=RECIPE.known_models,
    output:
        card="<results>/models/{model}/card.md",
        manifest="<results>/models/{model}/card.md.manifest.json",
    log:
        "<logs>/models/{model}.card.log",
    wildcard_constraints:
        model=entries.one_of(entries.trained_models(RECIPE)),
    params:
        spec=lambda wildcards: specs.model_card_spec(RECIPE, wildcards.model),
    shell:
        "janus model-card {wildcards.model} {input.tables} --out {output.card} > {log} 2>&1"
