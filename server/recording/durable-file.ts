import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Makes created, renamed and removed names in the directory survive a power cut. */
export async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes a small file whole or not at all, mode 0600; it is on the disk when this resolves. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
  await flushDirectory(dirname(path))
}
