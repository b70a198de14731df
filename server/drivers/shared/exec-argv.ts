/**
 * Ends a launcher, whose remaining arguments are an argv: executes it. A shell of its own executes what is named without a
 * path, because busybox runs its applets in place, and `ps` would show them under the launcher's whole text.
 */
export const execArgv = `case $1 in */*) exec "$@" ;; esac
exec /bin/sh -c 'exec "$@"' hatchway "$@"
`
