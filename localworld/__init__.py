"""The local world: what stands in for GitHub and the Hub on one machine, behind the same HTTP."""
