"""Ask the teacher: preference sets, system messages, gold responses (paper, section 3.2)."""


rule write_preference_sets:
    """Preference sets: one preference of each dimension, several sets an instruction."""
    input:
        instructions="<results>/collection/instructions.jsonl",
        prompt=RECIPE.prompts.preference_set,
        seeds=RECIPE.seeds.preferences,
        served=asking_job(RECIPE.collection.preference_sets).inputs,
    output:
        rows="<results>/collection/preferences.jsonl",
        manifest="<results>/collection/preferences.jsonl.manifest.json",
    log:
        "<logs>/collection/preferences.log",
    threads: asking_job(RECIPE.collection.preference_sets).cpus
    resources:
        gpu=asking_job(RECIPE.collection.preference_sets).gpus,
        mem_mb=asking_job(RECIPE.collection.preference_sets).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: asking_spec(RECIPE.collection.preference_sets),
        of="",
    shell:
        "janus collect preferences {params.of} --instructions {input.instructions} --out {output.rows} > {log} 2>&1"


rule write_system_messages:
    """System messages: each preference set in a paragraph that a user could have written."""
    input:
        preferences="<results>/collection/preferences.jsonl",
        prompt=RECIPE.prompts.system_message,
        seeds=RECIPE.seeds.system_messages,
        served=asking_job(RECIPE.collection.system_messages).inputs,
    output:
        rows="<results>/collection/system_messages.jsonl",
        manifest="<results>/collection/system_messages.jsonl.manifest.json",
    log:
        "<logs>/collection/system_messages.log",
    threads: asking_job(RECIPE.collection.system_messages).cpus
    resources:
        gpu=asking_job(RECIPE.collection.system_messages).gpus,
        mem_mb=asking_job(RECIPE.collection.system_messages).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: asking_spec(RECIPE.collection.system_messages),
        of="",
    shell:
        "janus collect system-messages {params.of} --preferences {input.preferences} --out {output.rows} > {log} 2>&1"


rule write_responses:
    """Gold responses: the teacher answers each instruction under each system message."""
    input:
        instructions="<results>/collection/instructions.jsonl",
        system_messages="<results>/collection/system_messages.jsonl",
        prompt=RECIPE.prompts.response,
        served=asking_job(RECIPE.collection.responses).inputs,
    output:
        rows="<results>/collection/responses.jsonl",
        manifest="<results>/collection/responses.jsonl.manifest.json",
    log:
        "<logs>/collection/responses.log",
    threads: asking_job(RECIPE.collection.responses).cpus
    resources:
        gpu=asking_job(RECIPE.collection.responses).gpus,
        mem_mb=asking_job(RECIPE.collection.responses).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: asking_spec(RECIPE.collection.responses),
        of="",
    shell:
        "janus collect responses {params.of} --instructions {input.instructions}"
        " --system-messages {input.system_messages} --out {output.rows} > {log} 2>&1"


rule write_helpful_responses:
    """Generally helpful responses, without a system message or under a default one; asked where a data set needs them."""
    input:
        instructions="<results>/collection/instructions.jsonl",
        prompt=RECIPE.prompts.response,
        served=lambda wildcards: asking_job(helpful_of(wildcards)).inputs,
    output:
        rows="<results>/collection/helpful.{condition}.jsonl",
        manifest="<results>/collection/helpful.{condition}.jsonl.manifest.json",
    log:
        "<logs>/collection/helpful.{condition}.log",
    wildcard_constraints:
        condition=entries.one_of(RECIPE.collection.helpful_responses),
    threads: lambda wildcards: asking_job(helpful_of(wildcards)).cpus
    resources:
        gpu=lambda wildcards: asking_job(helpful_of(wildcards)).gpus,
        mem_mb=lambda wildcards: asking_job(helpful_of(wildcards)).mem_mb,
        runtime=minutes(JOBS.asking_hours),
    params:
        spec=lambda wildcards: specs.helpful_spec(RECIPE, wildcards.condition),
    shell:
        "janus collect helpful-responses {wildcards.condition} --instructions {input.instructions}"
        " --out {output.rows} > {log} 2>&1"
