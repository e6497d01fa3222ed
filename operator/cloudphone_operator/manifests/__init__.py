"""
The objects that a session needs, as manifests. Pure: equal arguments give equal manifests.

    metadata        name, labels and owner of each of them
    document        the session document
    pod             the streamer pod
    secret          document and keys
    service         where viewers reach the streamer's API
    networkpolicy   who may reach the streamer at all
    status          the status of the StreamSession
    event           an Event about the StreamSession
    difference      whether a stored object is as its manifest wants it
"""
