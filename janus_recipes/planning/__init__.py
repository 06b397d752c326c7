"""What a recipe would ask, learn and spend, before anything runs (contract 5).

    janus plan recipes/janus.yaml [--json]

`nodes` lists the steps that ask, `count` their requests and those in the ledger, `typical` stands in for requests that
cannot be built yet, `tokens` counts tokens, `asking` has dollars and hours, `engines` trainings by the arithmetic of
`gpu_hours`, `sampling` answers and scores, `made` what is done, `plan` puts all together, `show` prints it.
"""
