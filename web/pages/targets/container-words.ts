/** What an engine says of a container, as short as a list needs it. Pure. */

type Labels = Readonly<Record<string, string>>

// Of the image or of the tool that started it: they tell no container from another.
const ofNoOne =
  /^(org\.opencontainers\.|org\.label-schema\.|maintainer$|desktop\.docker\.io\/|com\.docker\.compose\.(?!(project|service)$))/
const compose = /^com\.docker\.compose\./

/** `team=payments, service=api`: what tells it apart; a dash when there is nothing. */
export function labelsInWords(labels: Labels): string {
  const telling = Object.entries(labels).filter(([name]) => !ofNoOne.test(name))
  return telling.map(([name, value]) => `${name.replace(compose, '')}=${value}`).join(', ') || '—'
}

/** Every label on a line of its own. */
export function allLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')
}

/** `Up (healthy)` of `Up 3 hours (healthy)`: how long has a column of its own. When it ended has none, so that stays. */
export function withoutAge(status: string): string {
  return status.replace(/^Up [^(]+/, 'Up ').trimEnd()
}
