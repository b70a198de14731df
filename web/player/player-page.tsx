import '../style/workspace.css'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import type { Session } from '../../server/protocol/session-api.ts'
import { asApiError, type ApiError } from '../lib/api-error.ts'
import { bytes } from '../lib/format.ts'
import { useSession } from '../lib/queries.ts'
import { terminalPath } from '../lib/session-paths.ts'
import { useTitle } from '../lib/use-title.ts'
import { parseCast, type Cast } from './cast.ts'
import { CastPlayer, type CastPlayerHandle } from './cast-player.tsx'
import { loadRecording } from './load-recording.ts'
import { PlayerControls } from './player-controls.tsx'
import { RecordingFacts } from './recording-facts.tsx'
import { Button, ButtonLink } from '../components/button.tsx'
import './player-page.css'

// The player keeps the whole recording in memory, several times over.
const largeBytes = 100 * 1024 * 1024
const longestPause = 2

/** Replays one session's recording, from `startAt` seconds on. */
export function PlayerPage({ sessionId, startAt }: { sessionId: string; startAt?: number }) {
  const session = useSession(sessionId)
  useTitle(session.data === undefined ? 'Recording' : `Recording of ${session.data.target.name}`)
  if (session.data !== undefined)
    return <Recording key={sessionId} session={session.data} startAt={startAt ?? 0} />
  return (
    <div className="ws-replay" data-whole="" aria-busy={session.error === null}>
      <h1 className="visually-hidden">Recording</h1>
      {session.error === null ? null : <Problem error={asApiError(session.error)} />}
    </div>
  )
}

function Recording({ session, startAt }: { session: Session; startAt: number }) {
  const size = session.recording.bytes ?? 0
  const [wanted, setWanted] = useState(size <= largeBytes)
  const { cast, error, loaded, reload } = useCast(session.id, wanted && session.recording.state !== 'missing')
  const [speed, setSpeed] = useState(1)
  const [skips, setSkips] = useState(true)
  const player = useRef<CastPlayerHandle>(null)
  return (
    <div className="ws-replay" data-whole="">
      <div className="ws-replay-main">
        <header className="ws-session-bar">
          <div className="ws-session-who">
            <h1 title={session.target.ref}>{session.target.name}</h1>
            <span className="ws-session-facts">
              <span>{session.target.environment}</span>
              <span>{session.user.name}</span>
            </span>
          </div>
          <span className="ws-mark ws-session-marks">Recording</span>
        </header>
        {session.state === 'ended' ? null : <StillRunning session={session} onReload={reload} />}
        <div className="ws-replay-screen">
          {session.recording.state === 'missing' ? <Missing session={session} /> : null}
          {error === undefined ? null : <Problem error={error} />}
          {wanted ? null : <Large size={size} onPlay={() => setWanted(true)} />}
          {cast === undefined && error === undefined && wanted && session.recording.state !== 'missing' ? (
            <p className="ws-stage-quiet ws-replay-wait" aria-live="polite">
              Loading the recording… {loaded > 0 ? bytes(loaded) : ''}
            </p>
          ) : null}
          {cast === undefined ? null : (
            <CastPlayer
              cast={cast}
              speed={speed}
              longestPause={skips ? longestPause : undefined}
              startAt={startAt}
              handle={player}
            />
          )}
        </div>
        {cast === undefined ? null : (
          <PlayerControls
            sessionId={session.id}
            player={player}
            speed={speed}
            onSpeed={setSpeed}
            skips={skips}
            onSkips={setSkips}
          />
        )}
      </div>
      <RecordingFacts session={session} cast={cast} onSeek={(seconds) => player.current?.seek(seconds)} />
    </div>
  )
}

interface LoadedCast {
  cast: Cast | undefined
  error: ApiError | undefined
  /** Bytes that have come so far. */
  loaded: number
  reload: () => void
}

/** Loads once: each reading of a recording is an audit event. */
function useCast(sessionId: string, wanted: boolean): LoadedCast {
  const [loaded, setLoaded] = useState(0)
  const query = useQuery({
    queryKey: ['recording', sessionId],
    queryFn: async ({ signal }) => parseCast(await loadRecording(sessionId, signal, setLoaded)),
    enabled: wanted,
    retry: false,
    staleTime: Infinity,
    gcTime: 0,
    structuralSharing: false,
  })
  const error = query.error === null ? undefined : asApiError(query.error)
  return { cast: query.data, error, loaded, reload: () => void query.refetch() }
}

function StillRunning({ session, onReload }: { session: Session; onReload: () => void }) {
  return (
    <div className="ws-notice" data-level="info">
      <span>This session is still running. You see what it had shown when the recording was loaded.</span>
      <span className="ws-end-links">
        <Button onClick={onReload}>Load again</Button>
        <ButtonLink href={terminalPath(session.id)}>Open the terminal</ButtonLink>
      </span>
    </div>
  )
}

function Missing({ session }: { session: Session }) {
  return (
    <section className="ws-stage-card">
      <h2>There is no recording</h2>
      <p>
        {session.startedAt === undefined
          ? 'The session never got as far as a terminal, so there was nothing to record.'
          : 'The recording of this session is not stored here any more.'}
      </p>
    </section>
  )
}

function Large({ size, onPlay }: { size: number; onPlay: () => void }) {
  return (
    <section className="ws-stage-card">
      <h2>This recording is large ({bytes(size)})</h2>
      <p>
        Playing it here needs several times its size in memory. Downloading it and playing it with asciinema
        does not.
      </p>
      <Button onClick={onPlay}>Play it here</Button>
    </section>
  )
}

function Problem({ error }: { error: ApiError }) {
  return (
    <section className="ws-stage-card" role="alert">
      <h2>{error.title}</h2>
      <p>{error.message}</p>
      <ButtonLink href="/sessions">All sessions</ButtonLink>
    </section>
  )
}
