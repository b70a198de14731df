import { isIP } from 'node:net'
import { z } from 'zod'
import { authSchema } from './auth-schema.ts'
import { environmentsSchema } from './environment-schema.ts'
import {
  byteSize,
  duration,
  laterVersion,
  list,
  oneOf,
  path,
  secret,
  section,
  text,
  unique,
  wholeNumber,
  type ConfigSource,
} from './fields.ts'
import { runbooksSchema } from './runbook-schema.ts'
import { isLoopback, parseUrl } from '../core/urls.ts'

const hourMs = 3_600_000

const listen = () =>
  section({
    host: text()
      .default('127.0.0.1')
      .describe('Address to listen on. Anything but a loopback address needs `publicUrl`.'),
    port: wholeNumber(0, 65_535).default(8080).describe('Port to listen on; 0 takes any free one.'),
  })

const publicUrl = () =>
  text(2000)
    .refine(isOrigin, 'must be an address such as https://hatchway.example.com, without a path')
    .refine(isSafeOrigin, 'must start with https: sign-in would cross the network in clear text')
    .transform((value) => new URL(value).origin)

const store = (source: ConfigSource) =>
  z.discriminatedUnion(
    'kind',
    [
      section({ kind: z.literal('sqlite').describe('A database file under `dataDir`.') }),
      section({
        kind: z
          .literal('postgres')
          .refine(() => false, laterVersion('postgres'))
          .describe('Not available in this version.'),
        url: secret(source).describe('Connection URL.'),
      }),
    ],
    { error: 'must be a map with kind: sqlite' },
  )

const blobs = (source: ConfigSource) =>
  z.discriminatedUnion(
    'kind',
    [
      section({ kind: z.literal('directory').describe('Files under `dataDir`.') }),
      section({
        kind: z
          .literal('s3')
          .refine(() => false, laterVersion('s3'))
          .describe('Not available in this version.'),
        endpoint: text(2000).describe('URL of the object store.'),
        bucket: text().describe('Bucket.'),
        region: text().describe('Region.'),
        accessKeyId: secret(source).describe('Access key id.'),
        secretAccessKey: secret(source).describe('Secret access key.'),
      }),
    ],
    { error: 'must be a map with kind: directory' },
  )

const toolboxes = (source: ConfigSource) =>
  list(
    section({
      name: text(63)
        .regex(
          /^[a-z0-9][a-z0-9._-]*$/,
          'must consist of small letters, digits, dots, dashes and underscores',
        )
        .describe('Name in policy, links and lists.'),
      image: text(512)
        .regex(/^[a-zA-Z0-9][\w.\-/:@]*$/, 'must be an image reference such as busybox:1.37')
        .describe('Image reference; `@sha256:…` pins it.'),
      shell: list(text(4096))
        .min(1, 'must name the program')
        .default(['/bin/sh'])
        .describe('Interactive shell as argv. `/bin/sh` has to exist too.'),
      registryAuth: section({
        username: text().describe('User name.'),
        password: secret(source).describe('Password or token.'),
      })
        .optional()
        .describe("Sent to the image's registry when it has to be pulled."),
    }),
  )
    .min(1, 'must name at least one')
    .superRefine(unique('name'))

const limits = () =>
  section({
    sessionsPerUser: wholeNumber(1, 10_000).default(10).describe('Live sessions per user.'),
    openingsPerMinute: wholeNumber(1, 100_000)
      .default(120)
      .describe('Sessions that one person may ask for in a minute, refused ones included.'),
    runsPerMinute: wholeNumber(1, 100_000).default(120).describe('The same of runs.'),
    sessions: wholeNumber(1, 10_000).default(500).describe('Live sessions altogether.'),
    detachedGrace: duration(24 * hourMs)
      .prefault('5m')
      .describe('How long a session goes on without any viewer.'),
    reattach: duration(24 * hourMs)
      .prefault('10m')
      .describe(
        'How long a session is kept whose engine, node or cluster cannot be reached; its shell goes on meanwhile.',
      ),
  })

const sidecar = () =>
  section({
    memory: byteSize().prefault('512MiB').describe('Memory limit of a debug container, swap included.'),
    cpus: z
      .number({ error: 'must be a number' })
      .min(0.1, 'must be from 0.1 to 64')
      .max(64, 'must be from 0.1 to 64')
      .default(1)
      .describe('CPU limit of a debug container.'),
    pids: wholeNumber(16, 32_768).default(256).describe('Limit of its processes and threads.'),
  })

const recordings = () =>
  section({
    maxSize: byteSize()
      .prefault('1GiB')
      .describe('Size that one recording may grow to, uncompressed; the session ends there.'),
    minFree: byteSize()
      .prefault('256MiB')
      .describe(
        'Room that is kept free on the disks of database and recordings, of a disk smaller than ten times that a tenth of it. Below it nothing new starts, and whoever writes the most ends.',
      ),
  })

const approvals = () =>
  section({
    expiresAfter: duration(7 * 24 * hourMs)
      .prefault('1h')
      .describe('How long a request waits for its approval before it expires, at most `7d`.'),
  })

const notifications = (source: ConfigSource) =>
  list(
    section({
      url: z
        .union([text(2000), secret(source)], { error: 'must be an address, or {env: NAME} or {file: path}' })
        .refine(isSafeHook, 'must be an https address (http only on loopback)')
        .describe(
          'Where notifications are posted; `{env: NAME}` or `{file: path}` where the address is a secret.',
        ),
      kind: oneOf(['generic', 'slack'])
        .default('generic')
        .describe("`slack`: the body that Slack's incoming webhooks take."),
      secret: secret(source, 16).optional().describe('Signs each body: see docs/approvals.md.'),
    }),
  )

const metrics = (source: ConfigSource) =>
  section({
    token: secret(source, 16)
      .optional()
      .describe(
        'Bearer token for `/metrics`. Without it, only programs on this machine may read them, by a loopback address and through no proxy.',
      ),
  })

/** The configuration file. Reading it also reads the secrets and files that it names, so every problem is found at once. */
export const createConfigSchema = (source: ConfigSource) =>
  section({
    listen: listen().prefault({}).describe('Where the gateway listens.'),
    publicUrl: publicUrl()
      .optional()
      .describe(
        'Address that browsers use. Must be https unless it is a loopback address. Default: the address that it listens on.',
      ),
    dataDir: path(source).prefault('./data').describe('Folder for database, recordings and keys.'),
    store: store(source).prefault({ kind: 'sqlite' }).describe('Where sessions and audit events are kept.'),
    blobs: blobs(source).prefault({ kind: 'directory' }).describe('Where finished recordings are kept.'),
    auth: authSchema(source).prefault({}).describe('Who may sign in.'),
    environments: environmentsSchema(source)
      .prefault([{ id: 'local', kind: 'docker', socket: '/var/run/docker.sock' }])
      .describe('What can be debugged.'),
    toolboxes: toolboxes(source)
      .prefault([{ name: 'busybox', image: 'busybox:1.37', shell: ['/bin/sh'] }])
      .describe('Images with the tools; the first one is offered first.'),
    policy: path(source)
      .optional()
      .describe(
        'Policy file, followed while the gateway runs. Needed with issuers or a provider; without any of them, whoever signs in may do everything.',
      ),
    runbooks: runbooksSchema()
      .default([])
      .describe('Steps and commands that are shown beside the terminals of a target: see docs/runbooks.md.'),
    limits: limits()
      .prefault({})
      .describe('Limits of the gateway as a whole; those of one session are in the policy.'),
    recordings: recordings().prefault({}).describe('What recordings may take of the disk.'),
    approvals: approvals().prefault({}).describe('Requests for sessions that policy wants approved.'),
    notifications: notifications(source).default([]).describe('Webhooks that are told about approvals.'),
    sidecar: sidecar().prefault({}).describe('Resources of one debug container.'),
    trustProxy: list(text().refine(isAddressOrNetwork, 'must be an address or a network such as 10.0.0.0/8'))
      .default([])
      .describe('Addresses or networks of reverse proxies whose `X-Forwarded-For` is believed.'),
    logLevel: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace'])
      .default('info')
      .describe('Least level that is logged.'),
    metrics: metrics(source).prefault({}).describe('Prometheus metrics at `/metrics`.'),
  }).superRefine((value, context) => {
    const complain = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message })
    if (value.publicUrl === undefined && !isLoopback(value.listen.host)) {
      complain(
        'publicUrl',
        'is missing: with a listen.host that is not loopback, say which address browsers use',
      )
    }
    if (value.policy === undefined && (value.auth.issuers.length > 0 || value.auth.oidc !== undefined)) {
      complain('policy', 'is missing: with issuers or a provider, say in a policy file who may do what')
    }
  })

function isAddressOrNetwork(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

function isOrigin(value: string): boolean {
  const url = parseUrl(value)
  return (
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    [url.origin, `${url.origin}/`].includes(value.toLowerCase())
  )
}

function isSafeOrigin(value: string): boolean {
  const url = parseUrl(value)
  return url?.protocol !== 'http:' || isLoopback(url.hostname)
}

function isSafeHook(value: string): boolean {
  const url = parseUrl(value)
  if (url === undefined || url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}
