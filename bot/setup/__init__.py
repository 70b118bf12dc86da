"""Set-up of a repository: `init` sets it up, `doctor` checks it."""
