import { z } from 'zod'
import { createConfigSchema } from './config-schema.ts'

/** The parts of JSON Schema that zod writes for this schema. */
interface Node {
  type?: string
  format?: string
  description?: string
  default?: unknown
  const?: unknown
  enum?: readonly unknown[]
  properties?: Record<string, Node>
  required?: readonly string[]
  items?: Node
  anyOf?: readonly Node[]
  oneOf?: readonly Node[]
}

const start = `# Configuration

Hatchway reads one YAML file, named by \`--config\` or by the environment variable \`HATCHWAY_CONFIG\`. Without one it
listens on loopback only, uses the Docker engine that \`DOCKER_HOST\` names (else \`/var/run/docker.sock\`) and the current context
of the kubeconfig that \`KUBECONFIG\` names (else \`~/.kube/config\`, if there is one), and lets whoever opens the printed one-time
link do everything; \`HATCHWAY_PORT\` then changes the port.

- \`hatchway config check FILE\` reports every problem at once, with its line. The gateway does the same at its start and
  exits with 78.
- An unknown key is an error.
- A secret is \`{env: NAME}\` or \`{file: path}\`, never text in this file.
- Relative paths start at the configuration file's folder.
- Durations are written \`30s\`, \`15m\`, \`1h\`, \`1h30m\`, \`7d\`; sizes \`512MiB\`, \`1GiB\`.

This page is written by \`hatchway config docs\`; a test keeps it fresh.

\`\`\`yaml
listen: {host: 127.0.0.1, port: 8080}
publicUrl: https://hatchway.example.com
dataDir: ./data
auth:
  issuers:
    - issuer: https://idp.example.com
      audience: hatchway
      jwksUri: https://idp.example.com/jwks
      claims: {subject: sub, name: name, groups: groups}
environments:
  - {id: local, kind: docker, socket: /var/run/docker.sock}
  - {id: prod, kind: kubernetes, kubeconfig: /etc/hatchway/kubeconfig, context: prod, impersonate: true}
toolboxes:
  - {name: busybox, image: busybox:1.37, shell: [/bin/sh]}
policy: ./policy.yaml
\`\`\`
`

/** `docs/configuration.md`, written from the schema. */
export function renderConfigDocs(): string {
  const schema = createConfigSchema({ directory: '/', env: {} })
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Node
  const sections = Object.entries(root.properties ?? {}).map(([key, node]) => renderSection(key, node))
  return [start, ...sections].join('\n')
}

function renderSection(key: string, node: Node): string {
  const rows = childrenOf(key, node)
  const fallback =
    node.default === undefined || isEmptyMap(node.default) ? '' : ` Default: ${code(node.default)}.`
  const head = `## ${key}\n\n${node.description ?? ''}${fallback}\n`
  if (rows.length === 0) return `${head.trimEnd()} Type: ${typeOf(node)}.\n`
  return `${head}\n| key | type | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`
}

/** Rows for everything below a key: map entries, list entries, and the kinds of a union. */
function childrenOf(path: string, node: Node): string[] {
  if (node.properties !== undefined && !isSecret(node)) {
    return Object.entries(node.properties).flatMap(([key, child]) => [
      renderRow(
        `${path}.${key}`,
        child,
        node.required?.includes(key) === true && child.default === undefined,
      ),
      ...childrenOf(`${path}.${key}`, child),
    ])
  }
  if (node.items !== undefined) return childrenOf(`${path}[]`, node.items)
  return (node.oneOf ?? []).flatMap((kind) => childrenOf(path, kind))
}

function renderRow(path: string, node: Node, required: boolean): string {
  const fallback = node.default === undefined || isEmptyMap(node.default) ? '' : code(node.default)
  const meaning = (node.description ?? '').replaceAll('|', '\\|')
  return `| \`${path}\` | ${typeOf(node)} | ${required ? 'required' : fallback} | ${meaning} |`
}

function typeOf(node: Node): string {
  if (isSecret(node)) return 'secret'
  if (node.const !== undefined) return code(node.const)
  if (node.enum !== undefined) return node.enum.map(code).join(', ')
  if (node.anyOf !== undefined) return node.anyOf.map(typeOf).join(' or ')
  if (node.type === 'array') return `list of ${typeOf(node.items ?? {})}`
  if (node.type === 'object' || node.oneOf !== undefined) return 'map'
  if (node.format !== undefined) return node.format
  const names: Record<string, string> = {
    string: 'text',
    boolean: 'true or false',
    integer: 'whole number',
    number: 'number',
  }
  return names[node.type ?? ''] ?? 'anything'
}

function isSecret(node: Node): boolean {
  const keys = Object.keys(node.properties ?? {})
  return keys.length === 2 && keys.includes('env') && keys.includes('file')
}

function isEmptyMap(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
  )
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' && value !== '' ? value : JSON.stringify(value)}\``
}
