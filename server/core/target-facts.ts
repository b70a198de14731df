import { targetFacts, type TargetFact } from './vocabulary.ts'

/**
 * The facts by which a shell has power over the target's host, since it can read the target's files and, as its user or with
 * SYS_PTRACE, run code in its processes (ptrace(2)). `hostNetwork` and `userNamespace` are told and ask for nothing.
 */
export const powerFacts: readonly TargetFact[] = [
  'privileged',
  'hostPid',
  'hostPath',
  'engineSocket',
  'extraCapabilities',
  'unconfined',
]

/** The facts of one target, each in the order of {@link targetFacts}. */
export interface FoundFacts {
  facts: readonly TargetFact[]
  /** Could not be found out: they count where a rule takes away, never where it gives. */
  unknownFacts: readonly TargetFact[]
}

/** Whether a shell there asks for more than a rule about the target in general. */
export function givesPower(fact: TargetFact): boolean {
  return powerFacts.includes(fact)
}

/** What is there or may be there and gives power, and is not among those that were judged: in the order of the vocabulary. */
export function unjudgedFacts(
  { facts, unknownFacts }: FoundFacts,
  judged: readonly TargetFact[],
): TargetFact[] {
  return powerFacts.filter(
    (fact) => (facts.includes(fact) || unknownFacts.includes(fact)) && !judged.includes(fact),
  )
}

/** Each of the vocabulary once, in its order. */
export function inOrder(facts: Iterable<TargetFact>): TargetFact[] {
  const found = new Set(facts)
  return targetFacts.filter((fact) => found.has(fact))
}

/** What a fact means for whoever opens a shell there: one sentence. */
export const factWarnings: Readonly<Record<TargetFact, string>> = {
  privileged: 'Privileged: a shell here can become root on the host.',
  hostPid: "Sees its host's processes, and so does a shell here.",
  hostNetwork: "Uses its host's network: a shell here reaches whatever the host reaches.",
  hostPath: 'Has files or devices of its host: a shell here reaches them as the target does.',
  engineSocket: "Has a container engine's socket: whoever reaches that is root on the host.",
  extraCapabilities: "Has capabilities beyond the runtime's default: a shell here can come to use them.",
  unconfined:
    'Runs without seccomp, AppArmor, SELinux or the masks of /proc: a shell here can come to do without them too.',
  userNamespace: 'Its user ids are mapped: those shown are the ones inside it.',
}

/** How facts are called within a sentence: `is privileged`. */
export const factWords: Readonly<Record<TargetFact, string>> = {
  privileged: 'is privileged',
  hostPid: "sees its host's processes",
  hostNetwork: "uses its host's network",
  hostPath: 'has files or devices of its host',
  engineSocket: "has a container engine's socket",
  extraCapabilities: "has capabilities beyond the runtime's default",
  unconfined: 'runs without some of the confinement that containers have',
  userNamespace: 'has mapped user ids',
}

/** The sentences about a target, those about what could not be found out last. */
export function warningsOfFacts({ facts, unknownFacts }: FoundFacts): string[] {
  const unknown = unknownFacts.filter(givesPower)
  return [
    ...facts.map((fact) => factWarnings[fact]),
    ...(unknown.length === 0
      ? []
      : [`Could not be found out: whether it ${unknown.map((fact) => factWords[fact]).join(', or ')}.`]),
  ]
}
