#!/usr/bin/env node
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createGunzip } from 'node:zlib'
import { runCli } from './cli/run-cli.ts'
import type { Config } from './config/config.ts'
import { secretFiles } from './store/secret-files.ts'
import { version } from './start/version.ts'

const [major = 0] = process.versions.node.split('.').map(Number)
if (major < 24) {
  console.error(
    `Hatchway needs Node 24 and found ${process.version}. Start it by npm, which brings the right one.`,
  )
  process.exit(1)
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  directory: process.cwd(),
  version,
  isInteractive: process.stderr.isTTY,
  interruption,
  print: (text) => process.stdout.write(text),
  printError: (text) => process.stderr.write(text),
  serve: runGateway,
  verify: verifyFile,
  secrets: (config) => secretFiles(join(config.dataDir, 'secrets')),
})

function interruption() {
  const controller = new AbortController()
  const abort = () => controller.abort()
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const name of signals) process.once(name, abort)
  return {
    signal: controller.signal,
    release: () => {
      for (const name of signals) process.off(name, abort)
    },
  }
}

/** Runs until SIGTERM or SIGINT; a second signal ends it at once. */
async function runGateway(config: Config): Promise<number> {
  // Loaded only here: the other commands are quicker without the gateway's libraries.
  const { serve } = await import('./start/serve.ts')
  const gateway = await serve(config)
  console.log(`Hatchway ${version} is ready at ${gateway.url}`)
  if (gateway.signInLink !== undefined) {
    console.log(`Sign in once within 15 minutes:\n\n  ${gateway.signInLink}\n`)
  }
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
  const atOnce = () => process.exit(1)
  process.once('SIGTERM', atOnce)
  process.once('SIGINT', atOnce)
  console.log('Stopping. Sessions go on; the next start takes them over.')
  await gateway.close()
  process.off('SIGTERM', atOnce)
  process.off('SIGINT', atOnce)
  return 0
}

async function verifyFile(file: string): Promise<number> {
  const { checkRecording } = await import('./evidence/verify.ts')
  const source = createReadStream(file)
  const recording = file.endsWith('.gz') ? source.pipe(createGunzip()) : source
  if (recording !== source) source.on('error', (cause) => recording.destroy(cause))
  const { whole, checked } = await checkRecording(recording)
  for (const { check, passed, detail } of checked)
    console.log(`${passed ? 'ok  ' : 'FAIL'} ${check}: ${detail}`)
  return whole ? 0 : 1
}
