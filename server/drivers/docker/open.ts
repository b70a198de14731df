import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { HatchwayError } from '../../core/errors.ts'
import type { Opened } from '../../core/driver.ts'
import type { Identity } from '../../core/identity.ts'
import type { CommandStream, TerminalStream } from '../../core/streams.ts'
import type { Target } from '../../core/target.ts'
import { dockerStatus, throwIfCancelled } from './errors.ts'
import { inspectContainer, readFacts } from './facts.ts'
import { chooseIdentity, type TargetFacts } from './identity.ts'
import { requireTold, type Inspected } from './read.ts'
import { readTargetFacts } from './target-facts.ts'
import { requireJudged } from '../shared/judged-facts.ts'
import { removeContainer } from './remove.ts'
import { startDebugContainer, type StartOptions, type StartPlan, type Started } from './start.ts'
import type { ReadyToolbox, ToolboxImages } from './toolbox.ts'
import { untilMayBegin } from '../shared/until-may-begin.ts'
import { notRunning } from './target-state.ts'
import type { LiveUser } from './target-process.ts'

export interface Opening<Stream extends TerminalStream | CommandStream> extends StartOptions<Stream> {
  images: ToolboxImages
  /** The target as it was when last looked at. */
  known: (id: string) => { info: Inspected; user?: LiveUser } | undefined
  restartWaitMs: number
  target: Target
}

/** What is asked before it starts is the same for both kinds of stream. */
type AnyOpening = Omit<Opening<TerminalStream | CommandStream>, 'joining'>

/**
 * One debug container, attached and started; nothing of it stays when this throws.
 *
 * The engine takes long to tell what the target and the image are now, so the container is started as they were when
 * last looked at, and that is asked while it starts. Only when nothing has changed is the terminal handed on; else it
 * goes away, unseen, and another is started. Never so for a command that runs unasked: it could do its work twice.
 */
export async function openDebugContainer<Stream extends TerminalStream | CommandStream>(
  opening: Opening<Stream>,
): Promise<Opened<Stream>> {
  opening.onProgress({ phase: 'resolving' })
  // What the others of a target's processes were when last looked at is not kept.
  const mayGuess = opening.joining.tty && opening.spec.process === undefined
  const guess = mayGuess ? await guessPlan(opening) : undefined
  if (guess !== undefined) {
    const opened = await startGuessed(opening, guess)
    if (opened !== undefined) return opened
  }
  // Nothing looks again at what was found out here, so that it must not be old when it is used.
  await untilMayBegin(opening.mayBegin, opening.signal)
  const plan = await resolvePlan(opening)
  return toOpened(plan, await startDebugContainer(opening, plan))
}

/** The terminal of a right guess; undefined for a wrong one. Throws what is wrong with the target or the image now. */
async function startGuessed<Stream extends TerminalStream | CommandStream>(
  opening: Opening<Stream>,
  guess: StartPlan,
): Promise<Opened<Stream> | undefined> {
  // Not before the start: an engine that answers questions creates more slowly.
  let asking: Promise<StartPlan> | undefined
  const ask = () => {
    asking ??= resolvePlan(opening)
    asking.catch(() => {})
    return asking
  }
  const [started] = await Promise.allSettled([startDebugContainer(opening, guess, () => void ask())])
  const [asked] = await Promise.allSettled([ask()])
  const fits = asked.status === 'fulfilled' && samePlan(asked.value, guess)
  if (started.status === 'fulfilled') {
    if (fits) return toOpened(guess, started.value)
    started.value.stream.detach()
    await removeContainer(opening.client, started.value.container.id)
  }
  if (asked.status === 'rejected') throw asked.reason
  if (fits && started.status === 'rejected') throw started.reason
  return undefined
}

function samePlan(one: StartPlan, other: StartPlan): boolean {
  return (
    one.target.State.StartedAt === other.target.State.StartedAt &&
    one.toolbox.id === other.toolbox.id &&
    isDeepStrictEqual(one.runAs, other.runAs)
  )
}

/** Undefined when something is not known yet, or the profile can't be used. */
async function guessPlan({
  client,
  images,
  spec,
  target,
  known,
  signal,
}: AnyOpening): Promise<StartPlan | undefined> {
  const toolbox = images.known(spec.toolbox)
  const { info, user } = known(target.id) ?? {}
  if (toolbox === undefined || user === undefined || info?.State.Running !== true) return undefined
  try {
    const facts = await readFacts(client, info, signal, { known: user })
    return { target: info, toolbox, runAs: chooseIdentity(facts, spec.profile) }
  } catch {
    return undefined
  }
}

/** What to start, by what target and image are now. Pulls the image when it is missing. */
async function resolvePlan(opening: AnyOpening): Promise<StartPlan> {
  const { images, spec, onProgress, signal, mayBegin } = opening
  const [joined, local] = await Promise.all([joinTarget(opening), images.find(spec.toolbox, signal)])
  // A missing image and a lost target are told before a wrong profile is.
  if (local === undefined) await untilMayBegin(mayBegin, signal)
  const toolbox = local ?? (await images.obtain(spec.toolbox, joined.info, onProgress, signal))
  await images.checkPlatform(toolbox, joined.info, signal)
  return { target: joined.info, toolbox, runAs: chooseIdentity(await joined.facts, spec.profile) }
}

interface Joined {
  info: Inspected
  facts: Promise<TargetFacts>
}

/** The target as it is now, once it runs. A restarting one is waited for. */
async function joinTarget(opening: AnyOpening): Promise<Joined> {
  const { client, target, restartWaitMs, signal } = opening
  const deadline = Date.now() + restartWaitMs
  for (;;) {
    const info = await inspectContainer(client, target.id, signal).catch((cause: unknown) => {
      if (dockerStatus(cause) !== 404) throw cause
      const words = `The container ${target.name} is gone: it was removed or recreated. Open the target again by its name.`
      throw new HatchwayError('target_not_found', words, { cause })
    })
    requireTold(info, client.environment)
    if (info.State.Running && !info.State.Restarting) {
      const facts = readJudged(opening, info)
      // Awaited later; until then a failure elsewhere must not leave this one unheard.
      facts.catch(() => {})
      return { info, facts }
    }
    if (!info.State.Restarting || Date.now() > deadline) throw notRunning(info)
    await delay(100, undefined, { signal }).catch(() => {})
    throwIfCancelled(signal, 'wait for the target')
  }
}

/** Throws `profile_insufficient` for a target that gives power beyond what policy has judged. */
async function readJudged(
  { client, spec, target, signal }: AnyOpening,
  info: Inspected,
): Promise<TargetFacts> {
  const [facts, found] = await Promise.all([
    readFacts(client, info, signal, { process: spec.process }),
    readTargetFacts(client, info, signal),
  ])
  requireJudged(found, spec, target.name)
  return facts
}

function toOpened<Stream extends TerminalStream | CommandStream>(
  { runAs, toolbox }: StartPlan,
  { container, stream }: Started<Stream>,
): Opened<Stream> {
  const { identity } = runAs
  const imageId = Promise.resolve(toolbox.id)
  return { container, stream, identity, imageId, notices: noticesOf(identity, toolbox) }
}

function noticesOf(identity: Identity, toolbox: ReadyToolbox): string[] {
  return [
    ...(toolbox.notice === undefined ? [] : [toolbox.notice]),
    ...(identity.seesFiles ? [] : [identity.explanation]),
  ]
}
