import type { CommandSpec } from './parse-args.ts'

const config = {
  config: { value: 'FILE', summary: 'configuration file; else HATCHWAY_CONFIG, else the built-in local one' },
} as const

const gateway = {
  value: 'URL',
  summary: 'which gateway; else HATCHWAY_GATEWAY, else http://127.0.0.1:8080',
} as const

/** One question to a policy. */
const request = {
  user: { value: 'SUBJECT', summary: 'who asks' },
  group: { value: 'GROUP', repeatable: true, summary: 'a group of theirs' },
  action: {
    value: 'ACTION',
    summary: 'list, open, watch, terminate, run, read-recording, read-audit or approve; default open',
  },
  target: { value: 'REF', summary: 'ENVIRONMENT/CONTAINER, or ENVIRONMENT/NAMESPACE/KIND/NAME' },
  label: { value: 'NAME=VALUE', repeatable: true, summary: "one of the target's labels" },
  fact: { value: 'FACT', repeatable: true, summary: 'what the target has, such as privileged' },
  toolbox: { value: 'NAME', summary: 'toolbox that is asked for' },
  profile: { value: 'NAME', summary: 'profile that is asked for' },
  reason: {
    value: 'TEXT',
    summary: 'reason that is given',
  },
  ticket: { value: 'TEXT', summary: 'ticket that is given' },
  at: { value: 'TIME', summary: 'another moment than now, such as 2026-11-24T22:30:00Z' },
} as const

/** Every command, as the help shows them. */
export const commands = [
  { name: 'serve', summary: 'Runs the gateway.', positionals: [], options: config },
  {
    name: 'login',
    summary: 'Signs you in at a gateway by its identity provider, from a machine without a browser.',
    positionals: [],
    options: { gateway },
  },
  {
    name: 'logout',
    summary: 'Forgets that sign-in, and gives it back to the identity provider.',
    positionals: [],
    options: { gateway },
  },
  {
    name: 'token',
    summary:
      "Prints a JWT signed with this installation's own key; with --gateway, the one of `hatchway login`.",
    positionals: [],
    options: {
      gateway: { value: 'URL', summary: 'the access token of your sign-in there, renewed when it is time' },
      ...config,
      user: { value: 'SUBJECT', summary: 'for whom; default: the local user' },
      name: { value: 'NAME', summary: 'name to show' },
      group: { value: 'GROUP', repeatable: true, summary: 'a group that policy looks at' },
      ttl: { value: 'DURATION', summary: 'how long it is good, such as 30m; default 12h, at most 90d' },
    },
  },
  {
    name: 'policy check',
    summary: 'Reports every problem of a policy file.',
    positionals: ['FILE'],
    options: {},
  },
  {
    name: 'policy explain',
    summary: 'Says what a policy file decides about one request, and by which rules.',
    positionals: ['FILE'],
    options: {
      ...request,
    },
  },
  {
    name: 'policy simulate',
    summary: 'Says what one request meets before and after a change of the policy file.',
    positionals: [],
    options: {
      before: { value: 'FILE', summary: 'the policy as it is' },
      after: { value: 'FILE', summary: 'the policy as it would be' },
      ...request,
    },
  },
  {
    name: 'config check',
    summary: 'Reports every problem of a configuration file, else prints what it means.',
    positionals: ['FILE'],
    options: {},
  },
  {
    name: 'config docs',
    summary: 'Prints the reference of the configuration file as Markdown.',
    positionals: [],
    options: {},
  },
  {
    name: 'verify',
    summary: 'Checks a recording offline: is it whole and unaltered?',
    positionals: ['FILE'],
    options: {},
  },
] as const satisfies readonly CommandSpec[]

export type Command = (typeof commands)[number]
