import type { Problem } from '../../server/protocol/api.ts'
import { ApiError } from '../lib/api-error.ts'
import { apiUrl } from '../lib/api.ts'
import { signedInAgain } from '../lib/sign-in-gate.ts'

/**
 * Fetches a whole recording as text, telling how many bytes have come. Asks for a sign-in where one is needed.
 * Throws ApiError, or the signal's reason when it aborts.
 */
export async function loadRecording(
  sessionId: string,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<string> {
  for (;;) {
    const response = await fetch(recordingUrl(sessionId), { signal, credentials: 'same-origin' })
    if (response.ok) return await readText(response, onProgress)
    if (response.status !== 401) throw await problemOf(response)
    await signedInAgain(signal)
  }
}

/** Where a recording is to be had, as an attachment when `format` is given. */
export function recordingUrl(sessionId: string, format?: 'asciicast-v3' | 'asciicast-v2' | 'text'): string {
  const path = `/sessions/${encodeURIComponent(sessionId)}/recording`
  return apiUrl(path, format === undefined ? {} : { format, download: 'true' })
}

async function readText(response: Response, onProgress: (bytes: number) => void): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    text += decoder.decode(chunk, { stream: true })
    onProgress(bytes)
  }
  return text + decoder.decode()
}

async function problemOf(response: Response): Promise<ApiError> {
  const fallback = {
    status: response.status,
    code: 'bad_answer',
    title: 'The recording cannot be had',
    detail: `The gateway answered with status ${response.status}.`,
  }
  try {
    const problem = (await response.json()) as Partial<Problem>
    return new ApiError({ ...fallback, ...problem })
  } catch {
    return new ApiError(fallback)
  }
}
