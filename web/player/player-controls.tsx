import { Menu } from '@base-ui/react/menu'
import { Switch } from '@base-ui/react/switch'
import { Toggle } from '@base-ui/react/toggle'
import { ToggleGroup } from '@base-ui/react/toggle-group'
import { useEffect, useState, type RefObject } from 'react'
import { DownloadIcon } from '../components/icons.tsx'
import { clock } from '../lib/format.ts'
import type { CastPlayerHandle } from './cast-player.tsx'
import { recordingUrl } from './load-recording.ts'
import { Button } from '../components/button.tsx'
import './player-controls.css'

const speeds = [0.5, 1, 2, 4, 8] as const
const copiedMs = 2_000

interface Props {
  sessionId: string
  player: RefObject<CastPlayerHandle | null>
  speed: number
  onSpeed: (speed: number) => void
  skips: boolean
  onSkips: (skips: boolean) => void
}

/** What asciinema's own control bar does not have. */
export function PlayerControls({ sessionId, player, speed, onSpeed, skips, onSkips }: Props) {
  return (
    <div className="ws-player-controls">
      <ToggleGroup
        className="ws-speeds"
        aria-label="Speed"
        value={[String(speed)]}
        onValueChange={([value]) => value !== undefined && onSpeed(Number(value))}
      >
        {speeds.map((value) => (
          <Toggle key={value} className="ws-speed" value={String(value)}>
            {value}×
          </Toggle>
        ))}
      </ToggleGroup>
      <span className="ws-skip">
        <Switch.Root
          className="ws-switch"
          aria-labelledby="skip-pauses"
          checked={skips}
          onCheckedChange={onSkips}
        >
          <Switch.Thumb className="ws-switch-thumb" />
        </Switch.Root>
        <span id="skip-pauses">Skip pauses</span>
      </span>
      <span className="ws-player-actions">
        <LinkToSecond player={player} />
        <Download sessionId={sessionId} />
      </span>
    </div>
  )
}

function LinkToSecond({ player }: { player: Props['player'] }) {
  const [second, setSecond] = useState(0)
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    const timer = setInterval(() => setSecond(Math.floor(player.current?.seconds() ?? 0)), 250)
    return () => clearInterval(timer)
  }, [player])
  useEffect(() => {
    if (!copied) return undefined
    const timer = setTimeout(() => setCopied(false), copiedMs)
    return () => clearTimeout(timer)
  }, [copied])

  const copy = async () => {
    const link = new URL(location.href)
    link.search = new URLSearchParams({ t: String(second) }).toString()
    link.hash = ''
    try {
      await navigator.clipboard.writeText(link.href)
      setCopied(true)
    } catch {
      // Without the clipboard the address bar is the place to copy it from.
      history.replaceState(history.state, '', link)
    }
  }
  return (
    <Button onClick={() => void copy()}>
      <span aria-live="polite">{copied ? 'Link copied' : `Copy link to ${clock(second * 1000)}`}</span>
    </Button>
  )
}

const formats = [
  { format: 'asciicast-v3', name: 'asciicast v3', hint: 'as recorded' },
  { format: 'asciicast-v2', name: 'asciicast v2', hint: 'older players' },
  { format: 'text', name: 'Plain text', hint: 'what was shown' },
] as const

function Download({ sessionId }: { sessionId: string }) {
  return (
    <Menu.Root>
      <Menu.Trigger className="button plain">
        <span className="button-words">
          <DownloadIcon /> Download
        </span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={6} align="end" className="layer">
          <Menu.Popup className="popup menu">
            {formats.map(({ format, name, hint }) => (
              <Menu.Item
                key={format}
                className="menu-item"
                render={
                  <a href={recordingUrl(sessionId, format)} download>
                    {name}
                    <span className="ws-menu-note">{hint}</span>
                  </a>
                }
              />
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}
