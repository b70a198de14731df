import { useMe } from '../queries.ts'

/** For whoever followed a link and may not: as whom they came, and whose word would help. */
export function WhomToAsk() {
  const me = useMe().data
  return (
    <p>
      {me === undefined ? '' : `You are signed in as ${me.name}${groupsInWords(me.groups)}. `}
      If you need it, ask somebody who may, or whoever maintains the policy of this gateway.
    </p>
  )
}

const shownGroups = 5

function groupsInWords(groups: readonly string[]): string {
  if (groups.length === 0) return ', a member of no group'
  const more = groups.length - shownGroups
  return `, a member of ${groups.slice(0, shownGroups).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
