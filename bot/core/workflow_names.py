"""Names of workflow files that keep them in every repository, because the Hub trusts workflows by these."""

RETRAIN, ROLLBACK = "retrain.yml", "rollback.yml"
