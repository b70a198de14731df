/** Why a sign-in by the provider came to nothing, and what to do next. */
export interface SignInProblem {
  /** `warn`: nothing is broken, and the next try may do. */
  tone: 'warn' | 'bad'
  title: string
  advice: string
}

/** `code` is the one in the address of the sign-in page; anybody can write that, so only known ones have words of their own. */
export function signInProblem(code: string, provider: string): SignInProblem {
  switch (code) {
    case 'sign_in_stale':
      return {
        tone: 'warn',
        title: 'That sign-in was out of date',
        advice:
          'It took longer than 10 minutes, was finished already, or began in another browser. Sign in again: your link is kept.',
      }
    case 'sign_in_mixed_up':
      return {
        tone: 'bad',
        title: 'The answer came from somebody else',
        advice: `It was not from ${provider}, so it was thrown away. Sign in again from this page. If it happens twice, tell whoever runs this gateway.`,
      }
    case 'sign_in_denied':
      return {
        tone: 'bad',
        title: `${provider} did not let you in`,
        advice:
          'You cancelled, or your account may not use Hatchway. Try again, with another account if you have one, or ask whoever gives out accounts there.',
      }
    case 'groups_left_out':
      return {
        tone: 'bad',
        title: `${provider} did not say which groups you are in`,
        advice:
          'You are in more groups than it puts into a sign-in, so nobody can say what you may do here. It has to send only the groups that matter to Hatchway: ask whoever runs this gateway, or sign in with a token.',
      }
    case 'provider_refused':
      return {
        tone: 'bad',
        title: `${provider} refused this gateway`,
        advice:
          'Client id, secret, scopes or redirect address do not fit what is registered there. Trying again does not help: whoever runs this gateway has to put it right.',
      }
    case 'provider_answer_invalid':
      return {
        tone: 'bad',
        title: `The answer of ${provider} was not accepted`,
        advice: 'Try once more. If it stays so, tell whoever runs this gateway.',
      }
    case 'clocks_differ':
      return {
        tone: 'bad',
        title: 'The clocks differ',
        advice: `Those of this gateway and ${provider} are too far apart to trust a sign-in. Whoever runs this gateway has to set them (NTP).`,
      }
    case 'provider_unavailable':
      return {
        tone: 'warn',
        title: `${provider} cannot be reached`,
        advice:
          'The gateway got no usable answer from it. Debug sessions keep running. Try again in a minute, or sign in with a token.',
      }
    case 'store_unavailable':
      return {
        tone: 'bad',
        title: 'The gateway cannot keep sign-ins',
        advice:
          'Its store gives no answer. Try again in a minute; if it stays so, tell whoever runs this gateway.',
      }
    default:
      return {
        tone: 'bad',
        title: 'The sign-in did not work',
        advice: 'Try again. If it stays so, tell whoever runs this gateway.',
      }
  }
}

/** What an operator finds the attempt by; undefined when the address holds something else. */
export function requestIdOf(text: string | null): string | undefined {
  return text !== null && /^[\w-]{1,64}$/.test(text) ? text : undefined
}
