"""SMS providers: the contract, the registry, and one file for each."""
