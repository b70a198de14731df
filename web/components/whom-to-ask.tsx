import { useMe } from '../lib/queries.ts'
import { saysWhomToAsk } from '../lib/words.ts'

/** For whoever followed a link and may not: as whom they came, and whose word would help, unless `said` tells that already. */
export function WhomToAsk({ said = '' }: { said?: string | undefined }) {
  const me = useMe().data
  const who = me === undefined ? '' : `You are signed in as ${me.name}${groupsInWords(me.groups)}. `
  const whom = saysWhomToAsk(said)
    ? ''
    : 'If you need it, ask somebody who may, or whoever maintains the policy of this gateway.'
  return who + whom === '' ? null : (
    <p>
      {who}
      {whom}
    </p>
  )
}

const shownGroups = 5

function groupsInWords(groups: readonly string[]): string {
  if (groups.length === 0) return ', a member of no group'
  const more = groups.length - shownGroups
  return `, a member of ${groups.slice(0, shownGroups).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
