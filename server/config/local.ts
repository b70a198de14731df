import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import type { DockerEngine } from './environment-schema.ts'
import { ConfigError } from '../core/config-error.ts'
import { messageOf } from '../core/errors.ts'
import type { ClusterSource } from '../drivers/kubernetes/api/config.ts'
import { parseUrl } from '../core/urls.ts'

/** The engine that `docker` itself would use: DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, else the usual socket. */
export function localEngine(env: Readonly<Record<string, string | undefined>>): DockerEngine {
  const value = env['DOCKER_HOST'] ?? ''
  if (value === '') return { kind: 'socket', path: '/var/run/docker.sock' }
  if (value.startsWith('unix:///')) return { kind: 'socket', path: value.slice('unix://'.length) }
  const url = parseUrl(value)
  if (url?.protocol !== 'tcp:' || url.hostname === '') {
    throw problem('DOCKER_HOST', 'must look like unix:///var/run/docker.sock or tcp://127.0.0.1:2375')
  }
  const verified = (env['DOCKER_TLS_VERIFY'] ?? '') !== ''
  const tls = verified ? readCertificates(env['DOCKER_CERT_PATH'] ?? '') : undefined
  const port = url.port === '' ? (verified ? 2376 : 2375) : Number(url.port)
  return { kind: 'tcp', host: url.hostname.replace(/^\[|\]$/g, ''), port, ...(tls !== undefined && { tls }) }
}

/**
 * The kubeconfig that `kubectl` itself would use, KUBECONFIG or else `~/.kube/config`; undefined when there is none or none of
 * its files chooses a context.
 */
export function localKubeconfig(
  env: Readonly<Record<string, string | undefined>>,
): ClusterSource | undefined {
  const { KUBECONFIG: listed = '', HOME: home = '' } = env
  const usual = home === '' ? [] : [join(home, '.kube', 'config')]
  const files = listed === '' ? usual : listed.split(delimiter).filter((file) => file !== '')
  const paths = files.map((file) => resolve(file)).filter((file) => existsSync(file))
  return paths.some(choosesContext) ? { kind: 'kubeconfig', paths } : undefined
}

/** Whatever is wrong with the file beyond that is told by its environment, which is shown as unreachable. */
function choosesContext(path: string): boolean {
  try {
    return /"?current-context"?:\s*(?!""|'')[^\s#]/.test(readFileSync(path, 'utf8'))
  } catch {
    return true
  }
}

/** Whom the one-time link signs in: always the same subject, shown by the name of the account that runs the gateway. */
export function localUser(): { subject: string; name: string; groups: readonly string[] } {
  let name = 'Local user'
  try {
    name = userInfo().username
  } catch {
    // An account without an entry in passwd, as containers have.
  }
  return { subject: 'local', name, groups: [] }
}

function readCertificates(directory: string): { ca: string; cert: string; key: string } {
  const read = (name: string) => {
    try {
      return readFileSync(join(directory, `${name}.pem`), 'utf8')
    } catch (cause) {
      throw problem('DOCKER_CERT_PATH', `${name}.pem cannot be read: ${messageOf(cause)}`)
    }
  }
  return { ca: read('ca'), cert: read('cert'), key: read('key') }
}

function problem(path: string, message: string): ConfigError {
  return new ConfigError('environment', [{ path, message }])
}
