import { relative } from 'node:path/posix'
import { defineConfig, type OxlintOverride } from 'oxlint'

interface Room {
  /** The rooms whose files it may import; one with a * or an ending is a pattern of files. */
  from: readonly string[]
  /** The vendor packages that only it and others that name them may use. */
  vendors?: readonly string[]
}

// Who may import whom below server/, types too. A room's files are those of its folder and below; where a folder has rooms
// of its own, only those that lie in it directly. One override for each, because a later one replaces an earlier one.
const kubernetes = ['core', 'drivers/shared', 'drivers/kubernetes/api']
const drives = ['@kubernetes/client-node', 'ws']
const rooms: Record<string, Room> = {
  core: { from: [] },
  protocol: { from: ['core/vocabulary.ts'], vendors: ['zod'] },
  auth: { from: ['core'], vendors: ['jose', 'openid-client'] },
  policy: { from: ['core'], vendors: ['re2js', 'yaml', 'zod'] },
  'drivers/shared': { from: ['core', 'drivers/shared/guard'] },
  'drivers/shared/guard': { from: [] },
  'drivers/docker': { from: ['core', 'drivers/shared'], vendors: ['dockerode'] },
  'drivers/kubernetes': {
    from: [...kubernetes, 'drivers/kubernetes/catalog', 'drivers/kubernetes/debug'],
    vendors: drives,
  },
  'drivers/kubernetes/api': { from: ['core', 'drivers/shared'], vendors: drives },
  'drivers/kubernetes/catalog': { from: kubernetes, vendors: drives },
  'drivers/kubernetes/debug': { from: [...kubernetes, 'drivers/kubernetes/catalog'], vendors: drives },
  evidence: { from: ['core'] },
  notifications: { from: ['core'] },
  store: { from: ['core'], vendors: ['kysely', 'kysely/**', 'node:sqlite'] },
  blobs: { from: ['core'] },
  sessions: { from: ['core', 'protocol', 'sessions/kinds'] },
  'sessions/kinds': { from: ['core', 'protocol'] },
  'sessions/terminal': { from: ['core', 'protocol', 'sessions/*.ts'], vendors: ['@xterm/**'] },
  'sessions/life': { from: ['core', 'protocol', 'sessions/*.ts', 'sessions/kinds', 'sessions/terminal'] },
  gateway: { from: ['core', 'protocol', 'sessions/*.ts', 'sessions/kinds'] },
  http: {
    from: ['core', 'protocol', 'gateway', 'sessions/*.ts', 'sessions/kinds'],
    vendors: ['fastify', '@fastify/**', 'fastify-type-provider-zod', 'ws', 'zod', 'prom-client'],
  },
}
const vendors = [...new Set(Object.values(rooms).flatMap((room) => room.vendors ?? []))]
const hasRooms = (name: string) => Object.keys(rooms).some((other) => other.startsWith(`${name}/`))

function importRules([name, { from, vendors: own = [] }]: [string, Room]): OxlintOverride {
  const allowed = from.map((other) => relative(name, /[*]|\.ts$/.test(other) ? other : `${other}/**`))
  return {
    files: [`server/${name}/${hasRooms(name) ? '' : '**/'}*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: [
                '../**',
                './*/**',
                ...allowed.map((path) => `!${path.startsWith('.') ? path : `./${path}`}`),
              ],
              message: `server/${name} may import only: ${from.join(', ') || 'nothing'}.`,
            },
            {
              group: vendors.filter((vendor) => !own.includes(vendor)),
              message: `server/${name} does not own this package.`,
            },
          ],
        },
      ],
    },
  }
}

// The same below web/, from what draws nothing up to the screens; web/app, around them, imports them all. A screen is a folder
// of pages/, and screens do not import each other: what several show is in components, what several say in lib.
const webRooms: Record<string, readonly string[]> = {
  lib: [],
  bundle: [],
  components: ['lib', 'style'],
  terminal: ['components', 'lib', 'style'],
  player: ['components', 'lib', 'style'],
  'runbook-link': ['components', 'lib', 'style'],
  'pages/*': ['terminal', 'player', 'runbook-link', 'components', 'lib', 'style'],
}
const serverInWeb = {
  group: ['**/server/**', '!**/server/protocol/**'],
  message: 'The web app shares only server/protocol with the server.',
}

function webImportRules([name, from]: [string, readonly string[]]): OxlintOverride {
  const allowed = from.map((other) => `!${relative(name, `${other}/**`)}`)
  const message = `web/${name} may import only: ${from.join(', ') || 'nothing of web'}.`
  const patterns = [{ group: ['../**', '!**/server/**', ...allowed], message }, serverInWeb]
  return {
    files: [`web/${name}/**/*.{ts,tsx}`],
    rules: { 'no-restricted-imports': ['error', { patterns }] },
  }
}

// Use cases alone ask policy and write to the audit log; everybody else is handed what they need of it, as a contract of their own.
const asksPolicy = [
  { property: 'decide', message: 'Only server/gateway asks policy.' },
  { property: 'explain', message: 'Only server/gateway asks policy.' },
]
const writesAudit = { property: 'appendAudit', message: 'Only server/gateway writes to the audit log.' }

function callRules(files: string[], ...refused: object[]): OxlintOverride {
  return {
    files,
    rules: { 'no-restricted-properties': refused.length === 0 ? 'off' : ['error', ...refused] },
  }
}

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'import', 'promise', 'node'],
  categories: { correctness: 'error', suspicious: 'error' },
  ignorePatterns: ['web/dist', 'node_modules', 'data'],
  rules: {
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
    'typescript/await-thenable': 'error',
    'typescript/switch-exhaustiveness-check': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/no-unsafe-type-assertion': 'off',
    'import/no-cycle': 'error',
    'import/no-unassigned-import': 'off',
    'unicorn/consistent-function-scoping': 'off',
    // A worker's postMessage has no origin.
    'unicorn/require-post-message-target-origin': 'off',
    'no-await-in-loop': 'off',
    // Terminals are made of control characters.
    'no-control-regex': 'off',
    'no-underscore-dangle': 'off',
    'no-shadow': 'off',
    'no-console': 'error',
    'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
    eqeqeq: ['error', 'always'],
  },
  overrides: [
    ...Object.entries(rooms).map(importRules),
    callRules(['server/**/*.ts'], ...asksPolicy, writesAudit),
    callRules(['server/gateway/**/*.ts']),
    // `hatchway policy` asks files, of which no gateway knows.
    callRules(['server/policy/**/*.ts', 'server/cli/policy.ts'], writesAudit),
    callRules(['server/store/**/*.ts'], ...asksPolicy),
    {
      files: ['web/**/*.{ts,tsx}'],
      plugins: ['typescript', 'unicorn', 'import', 'promise', 'react', 'jsx-a11y'],
      rules: {
        'react/react-in-jsx-scope': 'off',
        // React throws when a render calls other hooks than the one before.
        'react/rules-of-hooks': 'error',
        'max-lines-per-function': ['error', { max: 100, skipBlankLines: true, skipComments: true }],
        'no-restricted-imports': ['error', { patterns: [serverInWeb] }],
      },
    },
    ...Object.entries(webRooms).map(webImportRules),
    {
      files: ['test/**/*.ts'],
      rules: {
        // node:test's describe/it return promises that the runner itself awaits.
        'typescript/no-floating-promises': [
          'error',
          {
            allowForKnownSafeCalls: [
              {
                from: 'package',
                name: ['describe', 'it', 'test', 'before', 'after', 'beforeEach', 'afterEach', 'suite'],
                package: 'node:test',
              },
            ],
          },
        ],
        'max-lines-per-function': 'off',
        'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
      },
    },
    {
      files: ['test/support/**/*.ts'],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                group: ['**/bench/**'],
                message: 'test/support imports nothing of test/bench, which imports it.',
              },
            ],
          },
        ],
      },
    },
    {
      files: [
        'server/main.ts',
        'server/cli/**/*.ts',
        'test/run.ts',
        'test/bench/**/*.ts',
        'web/bundle/build-if-stale.ts',
        'server/drivers/shared/guard/build-if-stale.ts',
        '**/*.config.ts',
      ],
      rules: { 'no-console': 'off' },
    },
  ],
})
