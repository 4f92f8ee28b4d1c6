"""The far sides for trying and testing: servers on loopback that speak the real HTTP APIs.

They share no code with our clients, so that a misreading of an API can't hide in both.
"""
