/** What a launcher itself exits with: before there is a shell, and (`badDirectory`) in place of it. */
export const launcherExits = { ordered: 96, unclaimed: 97, missingTool: 98, badDirectory: 125 } as const

/**
 * Shell text that settles where a shell or a command begins: a home that can be written to, the target's files one word
 * away, and a directory that has a path. Expects these variables:
 * - `root`: the target's root as it is seen from here, `unseen`: a line that is said where it can't be entered;
 * - `hint`: a line that is said where it can be (empty: nothing is said);
 * - `cwd`: the directory to begin in; empty for the home. `$TARGET` at its beginning is the target's root.
 *
 * A directory of another mount namespace has no path that getcwd(2) could give: what asks for it there fails, as every tool of a
 * JDK does. PWD is exported for what trusts it. An image's own HOME is kept where it can be written to.
 */
export const settle = `
for place in "$HOME" /tmp /var/tmp; do
  if [ "$place" != / ] && [ -d "$place" ] && [ -w "$place" ]; then break; fi
  place=
done
HOME=\${place:-/}
export HOME
if [ ! -w /tmp ]; then
  if [ -n "$place" ]; then TMPDIR=$place; export TMPDIR
  else echo 'Hatchway: this toolbox has no directory that can be written to: give its image a /tmp.' >&2; fi
fi
if cd "$root" 2>/dev/null; then
  TARGET=$root
  export TARGET
  [ -z "$hint" ] || printf '%s (%s)\\n' "$hint" "$root"
else
  printf '%s\\n' "$unseen" >&2
fi
case $cwd in
  '') cwd=$HOME ;;
  '$TARGET' | '$TARGET/'*) [ -z "$TARGET" ] || cwd=$TARGET\${cwd#'$TARGET'} ;;
esac
cd "$cwd" 2>/dev/null || { printf 'Hatchway: the directory %s cannot be entered.\\n' "$cwd" >&2; exit ${launcherExits.badDirectory}; }
export PWD`

/** Words to print: nothing in them moves the cursor or begins a line. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
}

/** Shown above the first prompt. */
export const hint = "The target's files: cd $TARGET"
