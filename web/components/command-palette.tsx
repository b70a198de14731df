import { Autocomplete } from '@base-ui/react/autocomplete'
import { Dialog } from '@base-ui/react/dialog'
import { useMemo } from 'react'
import { useLocation } from 'wouter'
import { refPath } from '../api.ts'
import { useMe, useMyLiveSessions, useTargets } from '../queries.ts'
import { chooseTheme } from '../theme.ts'

interface Entry {
  value: string
  label: string
  note: string
  run: () => void
}

interface Group {
  value: string
  items: Entry[]
}

/** Jumps to a target, a live session or a page. Loaded when it is first opened. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const groups = useEntries()
  return (
    <Dialog.Root
      open
      onOpenChange={(open) => {
        if (!open) onClose()
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Viewport className="dialog-viewport top">
          <Dialog.Popup className="popup palette" aria-label="Go to">
            <Autocomplete.Root open inline items={groups} autoHighlight="always" keepHighlight>
              <Autocomplete.Input
                aria-label="Go to"
                placeholder="Go to a target, session or page…"
                className="palette-input"
              />
              <Dialog.Close className="visually-hidden">Close</Dialog.Close>
              <div className="palette-list">
                <Autocomplete.Empty>
                  <p className="palette-empty">Nothing fits.</p>
                </Autocomplete.Empty>
                <Autocomplete.List>
                  {(group: Group) => (
                    <Autocomplete.Group key={group.value} items={group.items}>
                      <Autocomplete.GroupLabel className="palette-group">
                        {group.value}
                      </Autocomplete.GroupLabel>
                      <Autocomplete.Collection>
                        {(entry: Entry) => (
                          <Autocomplete.Item
                            key={entry.value}
                            value={entry}
                            className="palette-item"
                            onClick={() => {
                              onClose()
                              entry.run()
                            }}
                          >
                            <span className="palette-name">{entry.label}</span>
                            <span className="palette-note">{entry.note}</span>
                          </Autocomplete.Item>
                        )}
                      </Autocomplete.Collection>
                    </Autocomplete.Group>
                  )}
                </Autocomplete.List>
              </div>
            </Autocomplete.Root>
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function useEntries(): Group[] {
  const [, navigate] = useLocation()
  const targets = useTargets().data
  const sessions = useMyLiveSessions().data
  const me = useMe().data
  return useMemo(() => {
    const go = (value: string, label: string, note: string, path: string): Entry => ({
      value,
      label,
      note,
      run: () => navigate(path),
    })
    const running = (targets?.items ?? []).filter((target) => target.state === 'running')
    const groups: Group[] = [
      {
        value: 'Live sessions',
        items: (sessions?.items ?? []).map((session) =>
          go(
            `s ${session.id}`,
            session.target.name,
            `resume · ${session.toolbox}`,
            `/sessions/${session.id}/terminal`,
          ),
        ),
      },
      {
        value: 'Targets',
        items: running.map((target) =>
          go(`t ${target.ref} ${target.image}`, target.ref, target.image, `/debug/${refPath(target.ref)}`),
        ),
      },
      {
        value: 'Pages',
        items: [
          go('p targets', 'Targets', 'page', '/'),
          go('p sessions', 'Sessions', 'page', '/sessions'),
          go('p my sessions', 'My sessions', 'page', '/sessions?user=me'),
          ...(me?.can.readAudit === true ? [go('p audit', 'Audit log', 'page', '/audit')] : []),
        ],
      },
      {
        value: 'Theme',
        items: (['auto', 'dark', 'light'] as const).map((theme) => ({
          value: `theme ${theme}`,
          label: theme === 'auto' ? 'Theme of the system' : `${theme === 'dark' ? 'Dark' : 'Light'} theme`,
          note: 'theme',
          run: () => chooseTheme(theme),
        })),
      },
    ]
    return groups.filter((group) => group.items.length > 0)
  }, [targets, sessions, me, navigate])
}
