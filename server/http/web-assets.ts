import { readdirSync } from 'node:fs'
import staticFiles from '@fastify/static'
import { z } from 'zod'
import { HatchwayError } from '../core/errors.ts'
import type { TypedApp } from './typed-app.ts'

/**
 * The built web app: files under `/assets` carry a hash in their name and are kept for ever; every other address is
 * the app itself, which is asked for each time. Compressed siblings (`.br`, `.gz`) are served where the browser takes them.
 */
export async function registerWebAssets(app: TypedApp, webRoot: string): Promise<void> {
  const files = topFiles(webRoot)
  await app.register(staticFiles, {
    root: webRoot,
    serve: false,
    preCompressed: true,
    cacheControl: false,
    index: false,
  })
  const params = z.object({ '*': z.string().max(1000) })
  const route = { config: { access: 'public' as const }, schema: { hide: true, params } }
  app.get('/assets/*', route, (request, reply) => {
    reply.header('cache-control', 'public, max-age=31536000, immutable')
    return reply.sendFile(`assets/${request.params['*']}`)
  })
  app.get('/*', route, (request, reply) => {
    const path = request.params['*']
    if (path === 'api' || path.startsWith('api/')) return reply.callNotFound()
    reply.header('cache-control', 'no-cache')
    if (files.has(path)) return reply.sendFile(path)
    if (files.has('index.html')) return reply.sendFile('index.html')
    throw new HatchwayError(
      'not_found',
      'The web app has not been built: run `npm run build`. The API is at /api/v1.',
    )
  })
}

// Addresses of the app may hold dots (a container's name), so a file is known by being there.
function topFiles(webRoot: string): ReadonlySet<string> {
  try {
    const entries = readdirSync(webRoot, { withFileTypes: true })
    return new Set(entries.filter((entry) => entry.isFile()).map((entry) => entry.name))
  } catch {
    return new Set()
  }
}
