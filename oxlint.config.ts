import { defineConfig, type OxlintOverride } from 'oxlint'

// Which server folder may import which, and which vendor packages only one folder may use.
// One override per folder, because a later override replaces an earlier one of the same rule.
const folders: Record<string, { folders: string[]; vendors: string[] }> = {
  core: { folders: [], vendors: [] },
  protocol: { folders: [], vendors: ['zod'] },
  auth: { folders: ['core'], vendors: ['jose', 'openid-client'] },
  policy: { folders: ['core'], vendors: ['re2js', 'yaml', 'zod'] },
  targets: { folders: ['core'], vendors: ['dockerode', '@kubernetes/client-node', 'ws'] },
  recording: { folders: ['core'], vendors: [] },
  notifications: { folders: ['core'], vendors: [] },
  store: { folders: ['core'], vendors: ['kysely', 'kysely/**', 'node:sqlite'] },
  sessions: { folders: ['core', 'protocol'], vendors: ['@xterm/**'] },
  http: {
    folders: ['core', 'protocol', 'sessions'],
    vendors: ['fastify', '@fastify/**', 'fastify-type-provider-zod', 'ws', 'zod', 'prom-client'],
  },
}
const vendors = [...new Set(Object.values(folders).flatMap((folder) => folder.vendors))]

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
    ...Object.entries(folders).map(([folder, may]): OxlintOverride => ({
      files: [`server/${folder}/**/*.ts`],
      rules: {
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                group: ['../**', ...may.folders.map((name) => `!../${name}/**`)],
                message: `server/${folder} may import only: ${may.folders.join(', ') || 'nothing'}.`,
              },
              {
                group: vendors.filter((vendor) => !may.vendors.includes(vendor)),
                message: `server/${folder} does not own this package.`,
              },
            ],
          },
        ],
      },
    })),
    {
      files: ['web/**/*.{ts,tsx}'],
      plugins: ['typescript', 'unicorn', 'import', 'promise', 'react', 'jsx-a11y'],
      rules: {
        'react/react-in-jsx-scope': 'off',
        // React throws when a render calls other hooks than the one before.
        'react/rules-of-hooks': 'error',
        'max-lines-per-function': ['error', { max: 140, skipBlankLines: true, skipComments: true }],
        'no-restricted-imports': [
          'error',
          {
            patterns: [
              {
                group: ['**/server/**', '!**/server/protocol/**'],
                message: 'The web app shares only server/protocol with the server.',
              },
            ],
          },
        ],
      },
    },
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
