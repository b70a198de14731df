import type { Session, SessionEnd, StartProgress, Viewer } from '../../server/protocol/session-api.ts'
import type { Role, ServerMessage } from '../../server/protocol/terminal.ts'
import { api } from '../lib/api.ts'
import { printable } from '../lib/printable.ts'
import { signedInAgain } from '../lib/sign-in-gate.ts'
import type { InputProgress } from './input-queue.ts'
import { hasPrefill, takePrefill } from './prefill.ts'
import { Questions, type Question } from './questions.ts'
import { ReadNotices, type Said } from './read-notices.ts'
import { refusalOf } from './refusal.ts'
import {
  TerminalConnection,
  type ConnectionState,
  type Refusal,
  type TerminalListener,
} from './terminal-connection.ts'
import type { TerminalCommand } from './terminal-keys.ts'
import type { TerminalPreferences } from './terminal-preferences.ts'
import { TerminalView, type TerminalViewHost } from './terminal-view.ts'
import { typingProblem } from './typing-problem.ts'

export interface Notice extends Said {
  id: number
  level: 'info' | 'warning' | 'error'
}

/** All that the page shows of one terminal. Replaced, never changed. */
export interface OpenTerminalState {
  connection: ConnectionState
  session: Session
  role: Role
  progress: StartProgress | undefined
  viewers: readonly Viewer[]
  /** This tab's own id among the viewers. */
  self: string
  notices: readonly Notice[]
  end: SessionEnd | undefined
  title: string
  /** Something has been drawn: there is a screen worth keeping. */
  drawn: boolean
  paste?: InputProgress | undefined
  question?: Question | undefined
  found?: { index: number; count: number } | undefined
  linkHint?: string | undefined
  /** Keys were pressed while there was no line; they were not sent. */
  inputDropped: boolean
  /** The next key is sent as a control key (the key bar's Ctrl). */
  ctrl: boolean
}

export interface OpenTerminalOptions {
  role: Role
  preferences: TerminalPreferences
  /** Key combinations that mean the page. */
  onCommand: (command: TerminalCommand) => void
}

const stateOrder: readonly Session['state'][] = ['pending-approval', 'starting', 'running', 'ended']
const nothingYet = {
  connection: { kind: 'connecting' },
  self: '',
  notices: [],
  title: '',
  drawn: false,
  inputDropped: false,
  ctrl: false,
} as const
const droppedHintMs = 3_000
const promptQuietMs = 200
const mostNotices = 4

/** One session's terminal with its line and its screen. It outlives the page that shows it. */
export class OpenTerminal {
  readonly id: string
  readonly view: TerminalView
  readonly #connection: TerminalConnection
  readonly #onCommand: (command: TerminalCommand) => void
  readonly #life = new AbortController()
  readonly #listeners = new Set<() => void>()
  readonly #encoder = new TextEncoder()
  #state: OpenTerminalState
  readonly #read = new ReadNotices()
  readonly #questions = new Questions((question) => this.#set({ question }))
  #noticeId = 0
  #droppedTimer: ReturnType<typeof setTimeout> | undefined
  #promptTimer: ReturnType<typeof setTimeout> | undefined

  constructor(session: Session, options: OpenTerminalOptions) {
    this.id = session.id
    this.#onCommand = options.onCommand
    this.#state = {
      ...nothingYet,
      role: options.role,
      session,
      viewers: session.viewers,
      progress: session.progress,
      end: session.end,
    }
    this.view = new TerminalView(this.#viewHost(), options.preferences)
    const origin = location.origin.replace(/^http/, 'ws')
    this.#connection = new TerminalConnection({
      url: `${origin}/api/v1/sessions/${encodeURIComponent(session.id)}/terminal`,
      role: options.role,
      listener: this.#lineListener(),
      explainRefusal: (signal) => this.#explainRefusal(signal),
    })
    if (session.state === 'ended') this.#connection.close()
    else this.#connection.connect()
    this.#watchBrowser()
  }

  /** For useSyncExternalStore. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly getState = (): OpenTerminalState => this.#state

  takeControl(): void {
    if (this.#connection.state.kind === 'live') this.#connection.takeControl()
    else this.#connection.connect({ role: 'controller', take: true })
    // The button that asked for it goes away; the next key belongs to the shell.
    this.view.focus()
  }

  watch(): void {
    this.#connection.connect({ role: 'observer' })
    this.view.focus()
  }

  retryNow(): void {
    this.#connection.connect()
    this.view.focus()
  }

  /** Types it after whatever of it has to be asked. */
  async paste(text: string): Promise<void> {
    const typed = await this.#questions.paste(text, () => this.view.bracketedPaste)
    if (typed === undefined) return
    this.#send(this.#encoder.encode(typed))
    // The next question has the keys, where there is one.
    if (this.#state.question === undefined) this.view.focus()
  }

  /** Types for the key bar; its arrows come in the form that the program asked for. */
  type(text: string): void {
    this.#send(this.#encoder.encode(text))
  }

  /** Puts a runbook's command at the prompt, only what can be seen of it: running it stays the user's own act. */
  async typeCommand(command: string): Promise<void> {
    const typed = printable(command)
    if (typed !== '' && typingProblem(this.#state) === undefined) await this.paste(typed)
  }

  cancelPaste(): void {
    this.#connection.cancelInput()
  }

  setCtrl(ctrl: boolean): void {
    this.#set({ ctrl })
  }

  dismiss(noticeId: number): void {
    const dismissed = this.#state.notices.find((notice) => notice.id === noticeId)
    if (dismissed !== undefined) this.#read.add(dismissed)
    this.#set({ notices: this.#state.notices.filter((notice) => notice.id !== noticeId) })
  }

  notify(level: Notice['level'], text: string, standing?: true): void {
    const others = this.#state.notices.filter((notice) => notice.text !== text)
    const notice = { id: ++this.#noticeId, level, text, ...(standing && { standing }) }
    this.#set({ notices: [...others, notice].slice(-mostNotices) })
  }

  dispose(): void {
    this.#life.abort()
    clearTimeout(this.#droppedTimer)
    clearTimeout(this.#promptTimer)
    this.#questions.close()
    this.#connection.close()
    this.view.dispose()
  }

  /** Takes over what a later look at the session has found. */
  update(session: Session): void {
    const isOlder = stateOrder.indexOf(session.state) < stateOrder.indexOf(this.#state.session.state)
    if (isOlder) return
    this.#set({
      session,
      end: session.end ?? this.#state.end,
      progress: session.progress ?? this.#state.progress,
    })
  }

  #lineListener(): TerminalListener {
    return {
      onState: (state) => this.#connectionChanged(state),
      onMessage: (message) => this.#handle(message),
      onClear: (size) => this.view.clear(size),
      onOutput: (part, drawn) => {
        this.view.write(part, drawn)
        if (!this.#state.drawn) this.#set({ drawn: true })
        if (part.catchesUp) this.view.fitAfterOutput()
        this.#promptMayBeThere()
      },
      onInputProgress: (paste) => this.#set({ paste }),
    }
  }

  #viewHost(): TerminalViewHost {
    return {
      onInput: (bytes) => this.#send(this.#withCtrl(bytes)),
      onPaste: (text) => void this.paste(text),
      onRoom: (size) => this.#connection.resize(size),
      onTitle: (title) => this.#set({ title }),
      onCommand: (command) => {
        // Ctrl-C means stop: what is still being pasted must not follow it.
        if (command.kind === 'interrupt') this.cancelPaste()
        else if (command.kind === 'type') this.type(command.text)
        else this.#onCommand(command)
      },
      onLinkHint: (linkHint) => this.#set({ linkHint }),
      onSearchResult: (found) => this.#set({ found }),
      onClipboardRefused: (why) => this.notify('warning', why),
      confirmClipboard: (text) => this.#questions.mayCopy(text),
    }
  }

  #connectionChanged(connection: ConnectionState): void {
    this.#set({ connection, role: this.#connection.role })
    if (connection.kind === 'live') {
      this.view.setRole(this.#connection.role)
      // A dialog, such as the one for signing in again, may have left the focus nowhere.
      if (document.activeElement === document.body && this.view.element.isConnected) this.view.focus()
    }
    if (connection.kind === 'ended') {
      this.view.freeze()
      if (!this.#life.signal.aborted) void this.#refresh()
    }
    if (connection.kind === 'expired') void this.#signInAgain()
  }

  #handle(message: ServerMessage): void {
    if (message.type === 'hello') {
      this.update(message.session)
      this.view.setRole(message.role)
    } else if (message.type === 'state') {
      const { session, progress } = this.#state
      this.#set({ session: { ...session, state: message.state }, progress: message.progress ?? progress })
      // The identity and the deadline are known only now.
      if (message.state === 'running') void this.#refresh()
    } else if (message.type === 'resize') this.view.setSize(message.size)
    else if (message.type === 'viewers') {
      this.#set({ viewers: message.viewers, self: message.self, role: this.#connection.role })
      this.view.setRole(this.#connection.role)
    } else if (message.type === 'notice') {
      // The gateway says the same again after each reconnect.
      if (!this.#read.has(message)) this.notify(message.level, message.text, message.standing)
    }
    if (message.type === 'exit') this.#set({ end: message.end })
  }

  async #refresh(): Promise<void> {
    try {
      this.update(await this.#fetchSession(this.#life.signal))
    } catch {
      // What the socket told stays; the next message or reload brings the rest.
    }
  }

  #fetchSession(signal: AbortSignal): Promise<Session> {
    return api<Session>(`/sessions/${encodeURIComponent(this.id)}`, { signal, onUnauthenticated: 'throw' })
  }

  async #explainRefusal(signal: AbortSignal): Promise<Refusal> {
    try {
      const session = await this.#fetchSession(signal)
      this.update(session)
      if (session.state === 'ended') return { kind: 'ended' }
      if (session.can.watch || session.can.control) return { kind: 'retry' }
      return { kind: 'refused', detail: 'Policy does not let you watch this session.' }
    } catch (cause) {
      return refusalOf(cause)
    }
  }

  async #signInAgain(): Promise<void> {
    try {
      await signedInAgain(this.#life.signal)
      this.#connection.connect()
    } catch {
      // Closed while waiting.
    }
  }

  #send(bytes: Uint8Array): void {
    if (this.#connection.send(bytes) || this.#state.end !== undefined) return
    this.#set({ inputDropped: true })
    clearTimeout(this.#droppedTimer)
    this.#droppedTimer = setTimeout(() => this.#set({ inputDropped: false }), droppedHintMs)
  }

  #withCtrl(bytes: Uint8Array): Uint8Array {
    const [first] = bytes
    if (!this.#state.ctrl || bytes.length !== 1 || first === undefined) return bytes
    this.#set({ ctrl: false })
    return first >= 0x40 && first < 0x80 ? Uint8Array.of(first & 0x1f) : bytes
  }

  /** A runbook's command waits for the first prompt: output, then a moment of silence. */
  #promptMayBeThere(): void {
    if (!hasPrefill(this.id)) return
    clearTimeout(this.#promptTimer)
    this.#promptTimer = setTimeout(() => {
      if (this.#state.session.state !== 'running' || this.#state.role !== 'controller') return
      const text = takePrefill(this.id)
      if (text !== undefined) this.type(text)
    }, promptQuietMs)
  }

  #watchBrowser(): void {
    const { signal } = this.#life
    addEventListener('online', () => this.#connection.probe(), { signal })
    document.addEventListener(
      'visibilitychange',
      () => {
        if (!document.hidden) this.#connection.probe()
      },
      { signal },
    )
  }

  #set(change: Partial<OpenTerminalState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}
