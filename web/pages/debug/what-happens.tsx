import type { ReactNode } from 'react'
import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { Badge } from '../../components/badge.tsx'
import { inWords } from '../../lib/format.ts'
import type { RunPlan } from '../../lib/link-text.ts'
import type { Where } from './session-scope.ts'
import './what-happens.css'

interface WhatHappensProps {
  target: TargetDetail
  options: NonNullable<TargetDetail['options']>
  toolbox: string
  profile: string
  where: Where
  plan: RunPlan
}

/** In plain words, before anything happens: what is started, as whom, who sees it, and when it ends. */
export function WhatHappens({ target, options, toolbox, profile, where, plan }: WhatHappensProps) {
  const box = options.toolboxes.find((one) => one.name === toolbox)
  const identity = options.profiles.find((one) => one.name === profile)?.identity
  return (
    <section className="what-happens" aria-labelledby="what-heading">
      <h2 id="what-heading">What will happen</h2>
      <dl>
        <Fact name="Starts">
          <Starts target={target} image={box?.image ?? 'no toolbox'} where={where} />
        </Fact>
        {identity === undefined ? null : (
          <>
            <Fact name="Runs as">
              <code>
                {identity.uid}:{identity.gid}
              </code>
              {identity.capabilities.length === 0 ? (
                <Badge>no capabilities</Badge>
              ) : (
                identity.capabilities.map((capability) => (
                  <Badge key={capability} tone={capability === 'ALL' ? 'bad' : 'neutral'}>
                    {capability}
                  </Badge>
                ))
              )}
              <span className="block muted">{identity.explanation}</span>
            </Fact>
            <Fact name="Files">
              {identity.seesFiles ? (
                <>
                  The target’s files are one word away: <code>cd $TARGET</code>.
                </>
              ) : where === 'network' ? (
                'None of the pod: this is its network alone.'
              ) : (
                <span className="warn-words">The target’s files cannot be seen with this profile.</span>
              )}
            </Fact>
          </>
        )}
        <Fact name="Recorded">
          Everything that the terminal shows{options.recordInput ? ', and every key that you press,' : ''} is
          recorded.
          {options.recordInput ? '' : ' What you type is not, unless it shows.'} Those whom policy allows can
          watch live and replay it later.
          {target.kind === 'kubernetes'
            ? ' What the terminal shows also lands in the container’s log on the node, where the cluster’s log collection may find it.'
            : ''}
        </Fact>
        {options.exclusive === true ? (
          <Fact name="Alone">While it runs, nobody else can open a session in this target.</Fact>
        ) : null}
        <Fact name="Ends">
          After {inWords(options.maxDurationSeconds)} at the latest, or {inWords(options.idleTimeoutSeconds)}{' '}
          without a key. A closed tab does not end it.
          {where === 'copy' ? ' The copy is deleted then.' : ''}
        </Fact>
        <Run plan={plan} />
        {options.rules.length === 0 ? null : <Fact name="Allowed by">{options.rules.join(', ')}</Fact>}
      </dl>
    </section>
  )
}

function Starts({ target, image, where }: { target: TargetDetail; image: string; where: Where }) {
  if (target.kind === 'docker') {
    return (
      <>
        A debug container from <code>{image}</code> beside <code>{target.name}</code>, with its processes and
        its network. The target itself is not changed.
      </>
    )
  }
  const container = <code>{target.container ?? target.name}</code>
  if (where === 'network') {
    return (
      <>
        A debug container from <code>{image}</code> in the network of pod{' '}
        <code>{target.pod ?? target.name}</code>, beside none of its processes and files. Kubernetes keeps it
        in the pod’s list when it has ended; nothing else of the pod is changed.
      </>
    )
  }
  if (where === 'copy') {
    return (
      <>
        A copy of pod <code>{target.pod}</code> in which no container runs its own command, and in it a debug
        container from <code>{image}</code> beside {container}. The pod itself is not touched.
      </>
    )
  }
  return (
    <>
      A debug container from <code>{image}</code> in pod <code>{target.pod ?? target.name}</code>, with the
      processes of {container} and the pod’s network. Kubernetes keeps it in the pod’s list when it has ended;
      nothing else of the pod is changed.
    </>
  )
}

/** The link's `run`: which of both it is must not be a surprise. */
function Run({ plan }: { plan: RunPlan }) {
  if (plan.kind === 'nothing') return null
  if (plan.kind === 'runbook') {
    return (
      <Fact name="Runbook">
        <strong>{plan.name}</strong> opens beside the terminal. Nothing is typed.
      </Fact>
    )
  }
  return (
    <Fact name="Typed for you">
      <code className="run-line">{plan.text}</code>
      <span className="block muted">
        It waits at the prompt. You press Enter, or you don’t.
        {/\s/.test(plan.text) ? '' : ' No runbook for this target has that name.'}
      </span>
    </Fact>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
