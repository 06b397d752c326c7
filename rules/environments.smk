"""Build the engines' environments with uv: one each, pinned and locked in envs/, since their pins conflict."""


localrules:
    build_environment,


rule build_environment:
    """axolotl, OpenRLHF or vLLM, in its CUDA or CPU build as the recipe's `engines.build` says."""
    input:
        "envs/{environment}.lock",
    output:
        ".envs/{environment}/.ready",
    log:
        ".envs/logs/{environment}.log",
    shell:
        "janus env build {wildcards.environment} --out {output} > {log} 2>&1"
