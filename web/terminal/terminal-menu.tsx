import { Menu } from '@base-ui/react/menu'
import { useSyncExternalStore } from 'react'
import { CheckIcon } from '../components/icons.tsx'
import { askForLink, linkRequestOf } from '../lib/link-request.ts'
import type { OpenTerminal } from './open-terminal.ts'
import {
  changeFontSize,
  onTerminalsChange,
  setExactColours,
  setScreenReader,
  terminalPreferences,
} from './open-terminals.ts'
import { pasteClipboard } from './paste-clipboard.ts'
import { typingProblem } from './typing-problem.ts'

interface Props {
  terminal: OpenTerminal
  onSearch: () => void
  /** Absent: there are none. */
  onRunbooks: (() => void) | undefined
}

/** What the terminal can do besides being typed into. */
export function TerminalMenu({ terminal, onSearch, onRunbooks }: Props) {
  const state = useSyncExternalStore(terminal.subscribe, terminal.getState)
  const preferences = useSyncExternalStore(onTerminalsChange, terminalPreferences)
  return (
    <Menu.Root>
      <Menu.Trigger className="icon-button" aria-label="Terminal menu">
        <MoreIcon />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={6} align="end" className="layer">
          <Menu.Popup className="popup menu">
            <Item label="Search" keys="Ctrl Shift F" onClick={onSearch} />
            {onRunbooks === undefined ? null : (
              <Item label="Runbooks" keys="Ctrl Shift L" onClick={onRunbooks} />
            )}
            <Item label="Copy" keys="Ctrl Shift C" onClick={() => void terminal.view.copySelection()} />
            <Item
              label="Paste"
              keys="Ctrl Shift V"
              isDisabled={typingProblem(state) !== undefined}
              onClick={() => void pasteClipboard(terminal)}
            />
            <Menu.Separator className="menu-line" />
            <Item label="Larger letters" keys="Ctrl +" keepOpen onClick={() => changeFontSize(1)} />
            <Item label="Smaller letters" keys="Ctrl −" keepOpen onClick={() => changeFontSize(-1)} />
            <Item
              label={`Normal size (now ${preferences.fontSize})`}
              keys="Ctrl 0"
              onClick={() => changeFontSize(0)}
            />
            <Menu.Separator className="menu-line" />
            <Menu.Item className="menu-item" onClick={() => askForLink(linkRequestOf(state.session))}>
              Copy runbook link
            </Menu.Item>
            <Menu.CheckboxItem
              className="menu-item"
              checked={preferences.screenReader}
              onCheckedChange={(on) => setScreenReader(on)}
            >
              Screen reader mode
              <Menu.CheckboxItemIndicator>
                <CheckIcon />
              </Menu.CheckboxItemIndicator>
            </Menu.CheckboxItem>
            <Menu.CheckboxItem
              className="menu-item"
              checked={preferences.exactColours}
              onCheckedChange={(on) => setExactColours(on)}
              title="Without it, colours that can hardly be read are made darker or lighter."
            >
              Exact colours
              <Menu.CheckboxItemIndicator>
                <CheckIcon />
              </Menu.CheckboxItemIndicator>
            </Menu.CheckboxItem>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}

interface ItemProps {
  label: string
  keys: string
  onClick: () => void
  keepOpen?: boolean
  isDisabled?: boolean
}

function Item({ label, keys, onClick, keepOpen = false, isDisabled = false }: ItemProps) {
  return (
    <Menu.Item className="menu-item" onClick={onClick} closeOnClick={!keepOpen} disabled={isDisabled}>
      {label}
      <kbd>{keys}</kbd>
    </Menu.Item>
  )
}

function MoreIcon() {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true">
      <circle cx="3" cy="8" r="1.4" />
      <circle cx="8" cy="8" r="1.4" />
      <circle cx="13" cy="8" r="1.4" />
    </svg>
  )
}
