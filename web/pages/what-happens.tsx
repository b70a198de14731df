import type { ReactNode } from 'react'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { Badge } from '../components/badge.tsx'
import { inWords } from '../format.ts'

interface WhatHappensProps {
  target: TargetDetail
  options: NonNullable<TargetDetail['options']>
  toolbox: string
  profile: string
  run: string
}

/** In plain words, before anything happens: what is started, as whom, who sees it, and when it ends. */
export function WhatHappens({ target, options, toolbox, profile, run }: WhatHappensProps) {
  const box = options.toolboxes.find((one) => one.name === toolbox)
  const identity = options.profiles.find((one) => one.name === profile)?.identity
  return (
    <section className="what-happens" aria-labelledby="what-heading">
      <h2 id="what-heading">What will happen</h2>
      <dl>
        <Fact name="Starts">
          A debug container from <code>{box?.image ?? 'no toolbox'}</code> beside <code>{target.name}</code>,
          with its processes and its network. The target itself is not changed.
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
                  The target’s files are at <code>/proc/1/root</code>.
                </>
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
        </Fact>
        <Fact name="Ends">
          After {inWords(options.maxDurationSeconds)} at the latest, or {inWords(options.idleTimeoutSeconds)}{' '}
          without a key. A closed tab does not end it.
        </Fact>
        {run === '' ? null : (
          <Fact name="Typed for you">
            <code className="run-line">{run}</code>
            <span className="block muted">It waits at the prompt. You press Enter, or you don’t.</span>
          </Fact>
        )}
        {options.rules.length === 0 ? null : <Fact name="Allowed by">{options.rules.join(', ')}</Fact>}
      </dl>
    </section>
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
