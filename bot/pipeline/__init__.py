"""The pipeline: functions that combine the steps, such as plan, estimate and retrain."""
