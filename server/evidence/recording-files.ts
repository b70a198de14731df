import type { Stats } from 'node:fs'
import { copyFile, open, rename, stat, type FileHandle } from 'node:fs/promises'
import { HatchwayError, messageOf } from '../core/errors.ts'

/** Undefined when there is no such file. Throws `recording_failed`. */
export async function openIfThere(path: string, flags: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, flags)
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw recordingFailed(path, 'opened', cause)
  }
}

/** Nothing follows from a file without a header, but it may be evidence of what happened: it is kept under another name. */
export async function setAside(path: string, sessionId: string): Promise<HatchwayError> {
  await rename(path, `${path}.damaged`)
  return new HatchwayError(
    'recording_not_found',
    `The recording of session ${sessionId} has no readable header. It was kept as ${path}.damaged.`,
  )
}

/** Whether the path still leads to this file. */
export async function namesSame(file: Pick<Stats, 'dev' | 'ino'>, path: string): Promise<boolean> {
  const named = await stat(path).catch((cause: unknown) => {
    if (isMissing(cause)) return undefined
    throw cause
  })
  return named?.ino === file.ino && named.dev === file.dev
}

/** Gives an open file whose name was taken away, or is another file's now, its name again: as long as it is open, it is there. */
export async function restoreName(file: FileHandle, path: string): Promise<void> {
  if (await namesSame(await file.stat(), path)) return
  await rename(path, `${path}.damaged`).catch((cause: unknown) => {
    if (!isMissing(cause)) throw cause
  })
  await copyFile(`/proc/self/fd/${file.fd}`, path)
}

export function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
}

export function recordingNotFound(sessionId: string): HatchwayError {
  const shown = JSON.stringify(sessionId.slice(0, 128))
  return new HatchwayError('recording_not_found', `There is no recording of session ${shown}.`)
}

export function recordingFailed(path: string, act: string, cause: unknown): HatchwayError {
  if (cause instanceof HatchwayError) return cause
  const detail = `The recording ${path} cannot be ${act}: ${messageOf(cause)}. Check the disk and the permissions of the data directory.`
  return new HatchwayError('recording_failed', detail, { cause })
}
