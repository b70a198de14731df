/** What a colour says; words beside it say the same. */
export type Tone = 'neutral' | 'accent' | 'ok' | 'warn' | 'bad'
