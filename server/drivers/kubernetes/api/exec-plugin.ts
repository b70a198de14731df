import { execFile, type ExecFileException } from 'node:child_process'
import { basename, isAbsolute, resolve } from 'node:path'
import { HatchwayError } from '../../../core/errors.ts'

/** `users[].user.exec` of a kubeconfig. */
export interface ExecPlugin {
  apiVersion?: string
  command?: string
  args?: readonly string[] | null
  env?: readonly { name: string; value: string }[] | null
  installHint?: string
  interactiveMode?: string
  provideClusterInfo?: boolean
}

/** What a plugin gave, as in `status` of an ExecCredential. Certificate and key are PEM texts. */
export interface ExecCredential {
  token?: string
  clientCertificateData?: string
  clientKeyData?: string
  expirationTimestamp?: string
}

interface PluginCall {
  plugin: ExecPlugin
  environment: string
  /** Where a relative command starts: the kubeconfig's folder. */
  directory: string
  /** As in `spec.cluster` of an ExecCredential. */
  cluster: Readonly<Record<string, unknown>>
}

const timeoutMs = 30_000
const maxBuffer = 1024 * 1024
/** Of what it printed to stderr, the end: that is where a program says why it gives up. */
const maxPrinted = 500

/**
 * Runs a kubeconfig's exec plugin as client-go does (client.authentication.k8s.io/v1), but without a terminal and with
 * a deadline of 30 s: one that waits for somebody to sign in must not hold up the gateway.
 * Throws HatchwayError when it fails. Everybody who is signed in reads its message, so that names the program and how it
 * ended, and nothing of its arguments and its output. What it printed to stderr is the cause, for the log.
 */
export async function runExecPlugin(call: PluginCall): Promise<ExecCredential> {
  const { plugin, directory } = call
  const { command = '', args, env } = plugin
  if (command === '') throw failed(call, 'the kubeconfig names no command')
  if (plugin.interactiveMode === 'Always') {
    throw failed(
      call,
      'it wants a terminal, and the gateway has none. Use a plugin or a token that needs none',
    )
  }
  const file = command.includes('/') && !isAbsolute(command) ? resolve(directory, command) : command
  const info = {
    apiVersion: plugin.apiVersion ?? 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    spec: { interactive: false, ...(plugin.provideClusterInfo === true && { cluster: call.cluster }) },
  }
  const { promise, resolve: done, reject } = Promise.withResolvers<string>()
  const options = {
    env: {
      ...process.env,
      ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])),
      KUBERNETES_EXEC_INFO: JSON.stringify(info),
    },
    timeout: timeoutMs,
    killSignal: 'SIGKILL' as const,
    maxBuffer,
  }
  try {
    const child = execFile(file, [...(args ?? [])], options, (cause, stdout, stderr) => {
      if (cause === null) done(stdout)
      else reject(failed(call, reasonOf(cause, plugin.installHint), printed(plugin, stderr)))
    })
    child.stdin?.end()
  } catch {
    // Node's message quotes the argument that it does not take.
    throw failed(call, 'its arguments or its environment in the kubeconfig are no plain texts')
  }
  return read(call, await promise)
}

function read(call: PluginCall, stdout: string): ExecCredential {
  let status: ExecCredential | undefined
  try {
    status = (JSON.parse(stdout) as { status?: ExecCredential }).status
  } catch {
    // Neither the output nor the parser's message, which quotes it: it may hold a token.
    throw failed(call, 'it did not print an ExecCredential')
  }
  if (status?.token === undefined && status?.clientCertificateData === undefined) {
    throw failed(call, 'it gave neither a token nor a certificate')
  }
  return status
}

/** Never in Node's own words: they are the whole command line. */
function reasonOf(cause: ExecFileException, hint?: string): string {
  const { code, killed, signal } = cause
  if (code === 'ENOENT') return `there is no such program. ${hint ?? 'Install it where the gateway runs'}`
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `it printed more than ${maxBuffer / 1024} KiB`
  if (typeof code === 'string') return `it could not be started (${code})`
  if (killed === true)
    return `it did not answer within ${timeoutMs / 1000} seconds. It may be waiting for somebody to sign in`
  return typeof code === 'number' ? `exit code ${code}` : `it was ended by ${signal ?? 'a signal'}`
}

function printed(plugin: ExecPlugin, stderr: string): Error | undefined {
  let words = stderr.trim()
  for (const secret of secretsOf(plugin)) words = words.replaceAll(secret, '[hidden]')
  return words === '' ? undefined : new Error(`It printed: ${words.slice(-maxPrinted)}`)
}

/** Values that a program which complains about its arguments might repeat. */
function secretsOf({ args, env }: ExecPlugin): string[] {
  const byFlag = (args ?? []).map((arg, index, all) => {
    const at = arg.indexOf('=')
    const before = all[index - 1] ?? ''
    if (at !== -1) return { name: arg.slice(0, at), value: arg.slice(at + 1) }
    return { name: before.startsWith('-') ? before : '', value: arg }
  })
  return [...byFlag, ...(env ?? [])]
    .filter(({ name, value }) => /secret|token|passw|key|credential/i.test(name) && value !== '')
    .map(({ value }) => value)
}

function failed({ plugin, environment }: PluginCall, why: string, cause?: unknown): HatchwayError {
  return new HatchwayError(
    'backend_unavailable',
    `The credential plugin ${basename(plugin.command ?? '')} of ${environment} failed: ${why}. Run it by hand as the gateway's user to see what it needs.`,
    { cause },
  )
}
