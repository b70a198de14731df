import { Menu } from '@base-ui/react/menu'
import { useState } from 'react'
import type { Me } from '../../server/protocol/sign-in-api.ts'
import { asApiError } from '../lib/api-error.ts'
import { chooseDensity, chosenDensity } from '../lib/density.ts'
import { moment } from '../lib/format.ts'
import { signOut } from '../lib/sign-in.ts'
import { chooseTheme, chosenTheme, type Theme } from '../lib/theme.ts'
import { CheckIcon, UserIcon } from '../components/icons.tsx'
import { SignOutDialog } from './sign-out-dialog.tsx'
import { toast } from '../components/toasts.tsx'
import './user-menu.css'

const themes: readonly (readonly [Theme, string])[] = [
  ['auto', 'System theme'],
  ['dark', 'Dark'],
  ['light', 'Light'],
]

export function UserMenu({ me, onShortcuts }: { me: Me; onShortcuts: () => void }) {
  const [theme, setTheme] = useState(chosenTheme)
  const [isDense, setIsDense] = useState(chosenDensity() === 'dense')
  const [isLeavingAll, setIsLeavingAll] = useState(false)
  const leave = (): void => {
    signOut().catch((cause: unknown) => toast('bad', 'Not signed out', asApiError(cause).message))
  }
  return (
    <>
      <Menu.Root
        onOpenChange={() => {
          setTheme(chosenTheme())
        }}
      >
        <Menu.Trigger className="icon-button" aria-label={`User menu: ${me.name}`}>
          <UserIcon />
        </Menu.Trigger>
        <Menu.Portal>
          <Menu.Positioner sideOffset={6} align="end" collisionPadding={8} className="layer">
            <Menu.Popup className="popup menu">
              {/* A menu holds items and groups of them, so what is only read is the name of one. */}
              <Menu.Group>
                <Menu.GroupLabel className="menu-head">
                  <strong>{me.name}</strong>
                  {me.subject === me.name ? null : <span className="mono faint">{me.subject}</span>}
                  <span className="menu-fact">
                    <span className="faint">Groups</span>{' '}
                    <span>{me.groups.length === 0 ? 'none' : me.groups.join(', ')}</span>
                  </span>
                  <span className="menu-fact">
                    <span className="faint">Signed in</span>{' '}
                    <span>
                      {me.provider === undefined ? 'with a token' : `with ${me.provider}`}, until{' '}
                      {moment(me.signInEndsAt ?? me.expiresAt)}
                    </span>
                  </span>
                </Menu.GroupLabel>
              </Menu.Group>
              <Menu.Separator className="menu-line" />
              <Menu.RadioGroup
                value={theme}
                onValueChange={(value: Theme) => {
                  chooseTheme(value)
                  setTheme(value)
                }}
                aria-label="Theme"
              >
                {themes.map(([value, words]) => (
                  <Menu.RadioItem key={value} value={value} className="menu-item" closeOnClick={false}>
                    <span className="menu-check">
                      <Menu.RadioItemIndicator>
                        <CheckIcon />
                      </Menu.RadioItemIndicator>
                    </span>
                    {words}
                  </Menu.RadioItem>
                ))}
              </Menu.RadioGroup>
              <Menu.Separator className="menu-line" />
              <Menu.CheckboxItem
                className="menu-item"
                checked={isDense}
                onCheckedChange={(dense) => {
                  chooseDensity(dense ? 'dense' : 'roomy')
                  setIsDense(dense)
                }}
              >
                <span className="menu-check">
                  <Menu.CheckboxItemIndicator>
                    <CheckIcon />
                  </Menu.CheckboxItemIndicator>
                </span>
                Dense lists
              </Menu.CheckboxItem>
              <Menu.Separator className="menu-line" />
              <Menu.Item className="menu-item" onClick={onShortcuts}>
                <span className="menu-check" />
                Keyboard shortcuts
                <kbd>?</kbd>
              </Menu.Item>
              <Menu.Item className="menu-item" onClick={leave}>
                <span className="menu-check" />
                Sign out
              </Menu.Item>
              <Menu.Item className="menu-item" onClick={() => setIsLeavingAll(true)}>
                <span className="menu-check" />
                Sign out everywhere…
              </Menu.Item>
            </Menu.Popup>
          </Menu.Positioner>
        </Menu.Portal>
      </Menu.Root>
      <SignOutDialog me={me} isOpen={isLeavingAll} onClose={() => setIsLeavingAll(false)} />
    </>
  )
}
