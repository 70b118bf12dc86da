# shellcheck shell=bash
# Read by every bash of a job (BASH_ENV). act returns from a step that failed before it has read the last of
# what the step printed, so that an error's own line would now and then be lost: wait until it has.
trap '[ $? = 0 ] || sleep 0.2' EXIT
