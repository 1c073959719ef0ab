"""The paper's claims, tested on the results: declared in config/claims.yaml, one verdict each."""
