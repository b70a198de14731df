import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { shownCommand } from '../../server/protocol/shown-command.ts'

describe('a command that is shown before it runs', () => {
  it('tells arguments apart and hides nothing of them', () => {
    const cases: [string[], string][] = [
      [['ls', '-l', '/proc/1/root'], 'ls -l /proc/1/root'],
      [['sh', '-c', 'ls /'], 'sh -c "ls /"'],
      [['sh', '-c ls', '/'], 'sh "-c ls" /'],
      [['echo', '', '"'], 'echo "" "\\""'],
      [['sh', '-c', 'ls\nrm -rf /'], 'sh -c "ls\\nrm -rf /"'],
      [['sh', '-c', 'ls \u202Eevil'], 'sh -c "ls \\u{202e}evil"'],
      [['a\u200Bb', '\u00A0', '\u009B31m'], '"a\\u{200b}b" "\\u{a0}" "\\u{9b}31m"'],
      [['\u{E0041}'], '"\\u{e0041}"'],
    ]
    for (const [argv, shown] of cases) assert.equal(shownCommand(argv), shown)
  })
})
