/**
 * A value that this installation made once and keeps, such as its id or signing key. Not in the store: `hatchway token`
 * needs the key while the gateway holds the store.
 */
export type GetOrCreateSecret = (name: string, create: () => string) => Promise<string>
