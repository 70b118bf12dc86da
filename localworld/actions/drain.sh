# shellcheck shell=bash
# Every bash process of a job reads this file (BASH_ENV). When a step fails, act returns before it has read all
# of the step's output, so the error message could be lost. Wait until act has read it.
trap '[ $? = 0 ] || sleep 0.2' EXIT
