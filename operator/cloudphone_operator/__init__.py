"""
The operator: reconciles each StreamSession to one streamer pod for one phone.

It never touches media and keeps no state that the API server lacks: killed anywhere, its successor
converges from what it reads.
"""
