import { execFile } from 'node:child_process'
import { isAbsolute, resolve } from 'node:path'
import { HatchwayError, messageOf } from '../core/errors.ts'

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

/**
 * Runs a kubeconfig's exec plugin as client-go does (client.authentication.k8s.io/v1), but without a terminal and with
 * a deadline of 30 s: one that waits for somebody to sign in must not hold up the gateway.
 * Throws HatchwayError when it fails.
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
    maxBuffer: 1024 * 1024,
  }
  const child = execFile(file, [...(args ?? [])], options, (cause, stdout, stderr) => {
    if (cause === null) done(stdout)
    else reject(failed(call, reasonOf(cause, stderr, plugin.installHint), cause))
  })
  child.stdin?.end()
  return read(call, await promise)
}

function read(call: PluginCall, stdout: string): ExecCredential {
  let status: ExecCredential | undefined
  try {
    status = (JSON.parse(stdout) as { status?: ExecCredential }).status
  } catch (cause) {
    // Not the output itself: it may hold a token.
    throw failed(call, 'it did not print an ExecCredential', cause)
  }
  if (status?.token === undefined && status?.clientCertificateData === undefined) {
    throw failed(call, 'it gave neither a token nor a certificate')
  }
  return status
}

function reasonOf(
  cause: Error & { code?: unknown; killed?: boolean },
  stderr: string,
  hint?: string,
): string {
  if (cause.code === 'ENOENT')
    return `there is no such program. ${hint ?? 'Install it where the gateway runs'}`
  if (cause.killed === true)
    return `it did not answer within ${timeoutMs / 1000} seconds. It may be waiting for somebody to sign in`
  const words = stderr.trim().slice(-500)
  return words === '' ? (messageOf(cause).split('\n', 1)[0] ?? '') : words
}

function failed({ plugin, environment }: PluginCall, why: string, cause?: unknown): HatchwayError {
  return new HatchwayError(
    'backend_unavailable',
    `The credential plugin ${plugin.command ?? ''} of ${environment} failed: ${why}. Run it by hand as the gateway's user to see what it needs.`,
    { cause },
  )
}
