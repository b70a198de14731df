/** Just enough of tar (POSIX ustar): images are built from it, files of containers are read from it. */

export type TarEntry =
  | { path: string; mode?: number; content: Uint8Array | string }
  | { path: string; symlink: string }
  | { path: string; mode?: number; directory: true }

const block = 512

/** One tar file. Paths up to 100 bytes, owned by root, without times: the same entries give the same bytes. */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = 'content' in entry ? Buffer.from(entry.content) : Buffer.alloc(0)
    return [header(entry, content.length), content, Buffer.alloc((block - (content.length % block)) % block)]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * block)])
}

/** The first regular file of a tar; undefined when there is none. */
export function readFirstFile(tar: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(tar.buffer, tar.byteOffset, tar.byteLength)
  let at = 0
  while (at + block <= bytes.length && bytes[at] !== 0) {
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 136), 8) || 0
    const kind = bytes.toString('latin1', at + 156, at + 157)
    const start = at + block
    if (kind === '0' || kind === '\0') return bytes.subarray(start, start + size)
    at = start + Math.ceil(size / block) * block
  }
  return undefined
}

function header(entry: TarEntry, size: number): Buffer {
  const bytes = Buffer.alloc(block)
  const isDirectory = 'directory' in entry
  const path = entry.path.replace(/^\/+/, '').replace(/\/*$/, isDirectory ? '/' : '')
  if (Buffer.byteLength(path) > 100) throw new RangeError(`the path ${path} is too long for this tar`)
  const isLink = 'symlink' in entry
  const mode = isLink ? 0o777 : (entry.mode ?? (isDirectory ? 0o755 : 0o644))
  bytes.write(path, 0)
  bytes.write(octal(mode, 7), 100)
  bytes.write(octal(0, 7), 108)
  bytes.write(octal(0, 7), 116)
  bytes.write(octal(size, 11), 124)
  bytes.write(octal(0, 11), 136)
  bytes.write('        ', 148)
  bytes.write(isLink ? '2' : isDirectory ? '5' : '0', 156)
  if (isLink) bytes.write(entry.symlink, 157, 100)
  bytes.write('ustar\u000000', 257, 'latin1')
  const sum = bytes.reduce((total, byte) => total + byte, 0)
  bytes.write(`${octal(sum, 6)}\0 `, 148)
  return bytes
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}
