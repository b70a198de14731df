/** A launcher's argv as it would be in an image whose `/bin/sh` is this shell. */
export function underShell(
  [, flag = '', script = '', ...rest]: readonly string[],
  shell: readonly string[],
): string[] {
  return [...shell, flag, script.replaceAll('/bin/sh', shell.join(' ')), ...rest]
}
