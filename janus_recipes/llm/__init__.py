"""Asking models: requests in, answers with a status out, and nothing that was answered is ever asked again.

`ask` is the one function that steps use. `chat` has the types, `ledger` keeps the answers, `flow` sends, `faults` says
what an error means, `endpoint` says where to send, `progress` says how far it is.
"""
