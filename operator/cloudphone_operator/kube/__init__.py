"""
Thin access to the Kubernetes API: raw dicts in and out, typed errors.

    resources   the kinds that the operator deals with, and their paths
    client      one request a method, on one connection pool
    transport   carries a request, again where that is safe
    errors      what the API server refused
    config      kubeconfig or service account

It decides nothing and reads nothing out of the objects that it carries.
"""
