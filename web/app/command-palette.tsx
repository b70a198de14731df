import { Autocomplete } from '@base-ui/react/autocomplete'
import { Dialog } from '@base-ui/react/dialog'
import { useDeferredValue, useMemo, useState } from 'react'
import { useLocation } from 'wouter'
import type { Session } from '../../server/protocol/session-api.ts'
import { refPath } from '../lib/api.ts'
import { queryClient, useMe, useMyLiveSessions, useTargetSearch } from '../lib/queries.ts'
import { askForLink, linkRequestOf, type LinkRequest } from '../lib/link-request.ts'
import { isTargetReference } from '../lib/target-reference.ts'
import { chooseTheme } from '../lib/theme.ts'
import './command-palette.css'

interface Entry {
  value: string
  label: string
  note: string
  run: () => void
}

// oxlint-disable-next-line typescript/consistent-type-definitions -- the list wants what an interface is not assignable to
type Group = {
  value: string
  items: Entry[]
}

/** Jumps to a target, a live session or a page. Loaded when it is first opened. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const [words, setWords] = useState('')
  const { groups, isSearching } = useEntries(useDeferredValue(words))
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
            <Autocomplete.Root
              open
              inline
              items={groups}
              filteredItems={groups}
              value={words}
              onValueChange={setWords}
              autoHighlight="always"
              keepHighlight
            >
              <Autocomplete.Input
                aria-label="Go to"
                placeholder="Go to a target, session or page…"
                className="palette-input"
              />
              <Dialog.Close className="visually-hidden">Close</Dialog.Close>
              <div className="palette-list">
                <Autocomplete.Empty>
                  <p className="palette-empty">{isSearching ? 'Searching…' : 'Nothing fits.'}</p>
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
                            className="popup-option"
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

/** Targets are searched by the gateway, which knows them all; the rest is here. */
function useEntries(words: string): { groups: Group[]; isSearching: boolean } {
  const [path, navigate] = useLocation()
  const search = useTargetSearch(words.trim())
  const targets = search.data
  const sessions = useMyLiveSessions().data
  const me = useMe().data
  const groups = useMemo(() => {
    const go = (value: string, label: string, note: string, path: string): Entry => ({
      value,
      label,
      note,
      run: () => navigate(path),
    })
    const here = linkOfPage(path)
    const all: Group[] = [
      {
        value: 'This page',
        items:
          here === undefined
            ? []
            : [
                {
                  value: 'l here',
                  label: 'Copy runbook link',
                  note: here.ref,
                  run: () => askForLink(here),
                },
              ],
      },
      {
        value: 'Live sessions',
        items: (sessions?.items ?? []).map((session) =>
          go(
            `s ${session.id}`,
            session.target.name,
            `open · ${session.toolbox}`,
            `/sessions/${session.id}/terminal`,
          ),
        ),
      },
      {
        value: 'Targets',
        items: (targets?.items ?? []).map((target) =>
          go(`t ${target.ref} ${target.image}`, target.ref, target.image, `/debug/${refPath(target.ref)}`),
        ),
      },
      {
        value: 'Pages',
        items: [
          go('p targets', 'Targets', 'page', '/'),
          go('p sessions', 'Sessions', 'page', '/sessions'),
          go('p my sessions', 'My sessions', 'page', '/sessions?user=me'),
          ...(me?.can.readAudit === true
            ? [
                go('p audit', 'Audit log', 'page', '/audit'),
                go('p policy', 'What policy says', 'page', '/policy'),
              ]
            : []),
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
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
    const fits = ({ label, note, value }: Entry): boolean =>
      value.startsWith('t ') || wanted.every((word) => `${label} ${note}`.toLowerCase().includes(word))
    return all
      .map((group) => ({ ...group, items: group.items.filter(fits) }))
      .filter((group) => group.items.length > 0)
  }, [targets, sessions, me, path, navigate, words])
  return { groups, isSearching: search.isPending || search.isPlaceholderData }
}

/** The target that the page is about. */
function linkOfPage(path: string): LinkRequest | undefined {
  const [, place, rest = ''] = /^\/(debug|sessions)\/(.+)$/.exec(path) ?? []
  if (place === 'debug') return isTargetReference(rest) ? { ref: rest } : undefined
  const id = rest.split('/')[0] ?? ''
  const session = queryClient.getQueryData<Session>(['session', id])
  return session === undefined ? undefined : linkRequestOf(session)
}
