"""Runners that take one job and are gone.

once          one runner: registered, one job in a sandbox, removed
registration  what GitHub knows of it: just-in-time configuration, state, removal
sandbox       the job's view of the machine, made by bubblewrap
disk          a job's folder as a file system of its own, in memory or on disk
gpu_hours     the account of the day's GPU hours
gpus          the machine's GPUs and what is left in their memory
"""
