// While the app is still being read: asks who looks at it and what the link is about, and takes a stranger to the identity
// provider before anything is drawn. `web/lib/early-requests.ts` hands the answers to the app; `web/lib/provider-sign-in.ts` shares the keys.
{
  const deadlineMs = 20_000
  const circleMs = 30_000
  const { pathname, search, hash } = location
  const isSignIn = pathname === '/signin' || pathname === '/signed-in'
  const early = {}
  globalThis.hatchwayEarly = early

  const ask = (path) =>
    fetch(`/api/v1${path}`, {
      credentials: 'same-origin',
      headers: { accept: 'application/json, application/problem+json' },
      signal: AbortSignal.timeout(deadlineMs),
    })
  const begin = (path, answer) => {
    early[`/api/v1${path}`] = answer
    // The app meets the failure, if it comes to ask.
    answer.catch(() => undefined)
  }

  // Not after signing out, and not when they just came from there: that would be a circle. Without storage nobody knows.
  const mayLeave = () => {
    try {
      const isRecent = Date.now() - Number(sessionStorage.getItem('hatchway.departed-at') ?? 0) < circleMs
      if (isSignIn || isRecent || localStorage.getItem('hatchway.signed-out') !== null) return false
      sessionStorage.setItem('hatchway.departed-at', String(Date.now()))
      return true
    } catch {
      return false
    }
  }

  const offer = async () => {
    const options = await ask('/auth/options')
    begin('/auth/options', Promise.resolve(options.clone()))
    return options.json()
  }

  const lookWho = async () => {
    const response = await ask('/me')
    if (response.status !== 401) return response
    const { provider } = await offer().catch(() => ({}))
    if (provider === undefined || !mayLeave()) return response
    // In place of this page, so that the way back skips it.
    location.replace(`/api/v1/auth/oidc/start?${new URLSearchParams({ return: pathname + search + hash })}`)
    // Whoever stops the browser on its way out gets the page after all.
    await new Promise((resolve) => setTimeout(resolve, deadlineMs))
    return response
  }

  const me = lookWho()
  begin('/me', me)

  // Names that no link could spell otherwise; with a choice of pod or container the app knows better what to ask for.
  const target = /^\/debug((\/[a-z0-9][a-z0-9-]*){3,4}|\/[a-z0-9][a-z0-9-]*\/[a-zA-Z0-9][\w.-]*)$/.exec(
    pathname,
  )
  if (target !== null && !/[?&](pod|container|pick)=/.test(search)) {
    const path = `/targets${target[1]}`
    begin(
      path,
      me.then((response) => (response.ok ? ask(path) : Promise.reject(new Error('nobody is signed in')))),
    )
  }
}
