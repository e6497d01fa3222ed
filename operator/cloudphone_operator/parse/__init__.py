"""
Raw API objects to values: the only readers of raw dicts.

    fields      checked access to the fields of a raw object
    times       RFC 3339 times of the Kubernetes API
    session     StreamSession
    pod         Pod
    node        Node
    children    Secret, Service, NetworkPolicy

They raise `ParseError` and nothing else, whatever they are given.
"""
