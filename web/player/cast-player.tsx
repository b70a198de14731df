import 'asciinema-player/dist/bundle/asciinema-player.css'
import { create, type Player } from 'asciinema-player'
import { useEffect, useImperativeHandle, useMemo, useRef, useState, type Ref } from 'react'
import type { ITheme } from '@xterm/xterm'
import { terminalTheme, themeProperties, watchTheme } from '../lib/terminal-theme.ts'
import { Timeline, type Cast } from './cast.ts'
import './cast-player.css'

/** Steers the player. All times are seconds of the recording, whatever pauses are skipped. */
export interface CastPlayerHandle {
  seek(seconds: number): void
  seconds(): number
}

interface Props {
  cast: Cast
  speed: number
  /** Pauses are cut to this many seconds; undefined plays them as they were. */
  longestPause: number | undefined
  startAt: number
  handle: Ref<CastPlayerHandle>
}

/** asciinema's own player. It takes speed and pauses only when it is made, so a change makes it anew where it was. */
export function CastPlayer({ cast, speed, longestPause, startAt, handle }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const player = useRef<Player>(undefined)
  const resume = useRef({ seconds: startAt, playing: startAt === 0 })
  const theme = useTerminalTheme()
  const timeline = useMemo(() => new Timeline(cast, longestPause), [cast, longestPause])

  useEffect(() => {
    if (host.current === null) return undefined
    // The player reads its colours once, when it is made.
    for (const [name, value] of Object.entries(themeProperties('--cast', theme))) {
      host.current.style.setProperty(name, value)
    }
    host.current.style.setProperty('--cast-cols', String(cast.cols))
    host.current.style.setProperty('--cast-rows', String(cast.rows))
    const { seconds, playing } = resume.current
    const made = create({ data: () => ({ cast }), parser: () => cast }, host.current, {
      speed,
      ...(longestPause === undefined ? {} : { idleTimeLimit: longestPause }),
      startAt: Math.min(seconds, Math.max(0, cast.duration - 0.001)),
      autoPlay: playing,
      // Paused at a second that somebody linked to, its picture is what they want to see.
      ...(playing ? {} : { poster: `npt:${timeline.played(seconds)}` }),
      controls: true,
      fit: 'both',
      theme: 'hatchway',
      terminalFontFamily: 'var(--mono)',
      terminalLineHeight: 1.25,
    })
    player.current = made
    const state = resume.current
    made.addEventListener('playing', () => (state.playing = true))
    made.addEventListener('pause', () => (state.playing = false))
    made.addEventListener('ended', () => (state.playing = false))
    made.el.focus()
    return () => {
      state.seconds = timeline.recorded(made.getCurrentTime())
      made.dispose()
    }
  }, [cast, speed, longestPause, timeline, theme])

  useImperativeHandle(
    handle,
    () => ({
      seek: (seconds) => void player.current?.seek(timeline.played(seconds)),
      seconds: () => timeline.recorded(player.current?.getCurrentTime() ?? 0),
    }),
    [timeline],
  )
  return <div ref={host} className="ws-cast-player" />
}

function useTerminalTheme(): ITheme {
  const [theme, setTheme] = useState(terminalTheme)
  useEffect(() => {
    const watching = new AbortController()
    watchTheme(() => setTheme(terminalTheme()), watching.signal)
    return () => watching.abort()
  }, [])
  return theme
}
