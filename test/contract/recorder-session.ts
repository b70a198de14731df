import type { RecordingHeader } from '../../server/core/recording.ts'

/** The header of a recorded session, always the same but for the id. */
export function headerOf(sessionId: string): RecordingHeader {
  return {
    sessionId,
    size: { cols: 80, rows: 24 },
    startedAt: new Date('2026-02-03T04:05:06.789Z'),
    title: 'local/web-1',
    command: '/bin/sh',
    facts: { user: 'ada', rule: 'on-call' },
  }
}

/** The n-th chunk of output that test programs record: of different sizes, every third one not UTF-8. */
export function chunkAt(index: number): Buffer {
  const text = `${index} größe ✓\r\n`.repeat(1 + (index % 50) * 20)
  return index % 3 === 2
    ? Buffer.concat([Buffer.from(text), Buffer.from([0xff, index & 0xff])])
    : Buffer.from(text)
}
