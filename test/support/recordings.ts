/** Every output byte of an asciicast v3, exact: read here from the documented format, not by the product's decoder. */
export function outputOf(asciicast: string): Buffer {
  const parts: Buffer[] = []
  let exact: Buffer | undefined
  for (const line of asciicast.split('\n').slice(1)) {
    const comment = /^# hatchway-bytes (\S*)$/.exec(line)
    if (comment) exact = Buffer.from(comment[1] ?? '', 'base64')
    if (!line.startsWith('[')) continue
    const [, code, data] = JSON.parse(line) as [number, string, string]
    if (code === 'o') parts.push(exact ?? Buffer.from(data))
    exact = undefined
  }
  return Buffer.concat(parts)
}

/** The labels of its markers. */
export function markersOf(asciicast: string): string[] {
  return asciicast
    .split('\n')
    .slice(1)
    .filter((line) => line.startsWith('['))
    .map((line) => JSON.parse(line) as [number, string, string])
    .filter(([, code]) => code === 'm')
    .map(([, , data]) => data)
}
