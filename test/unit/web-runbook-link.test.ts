import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HatchwayError } from '../../server/core/errors.ts'
import { parseTargetRef } from '../../server/core/target-ref.ts'
import { ApiError } from '../../web/lib/api-error.ts'
import { ownPath } from '../../web/lib/own-path.ts'
import { toolboxChoices } from '../../web/pages/debug/debug-choices.ts'
import { debugPlace } from '../../web/pages/debug/debug-place.ts'
import { linkText, runPlan } from '../../web/lib/link-text.ts'
import { refusedField } from '../../web/pages/debug/start-refusal.ts'
import { isTargetReference } from '../../web/lib/target-reference.ts'

const query = (entries: Record<string, string>) => new URLSearchParams(entries)
const runbooks = ['heap', 'Disk is full', 'ls'].map((name) => ({ name, steps: [{ text: 'Look' }] }))

// What a link may try: control characters, escape sequences, directions, zero widths, line and paragraph separators.
const smuggled = [
  '\u0000',
  '\u0007',
  '\u001B[2J',
  '\u007F',
  '\u009B2J',
  '\u200B',
  '\u200D',
  '\u202E',
  '\u2066',
  '\u2028',
  '\u2029',
  '\uFEFF',
  '\u{E0041}',
  '\n',
  '\r',
  '\t',
]
const isPlain = (text: string) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u.test(text)

describe('the text of a runbook link', () => {
  it('fills the form as it is written', () => {
    assert.deepEqual(linkText(query({ reason: ' 502 seit 02:40 – „Kasse“ ', ticket: 'INC-42' })), {
      reason: '502 seit 02:40 – „Kasse“',
      ticket: 'INC-42',
      notes: [],
    })
    assert.deepEqual(linkText(query({})), { reason: '', ticket: '', notes: [] })
  })

  it('smuggles nothing that cannot be seen into reason, ticket or prompt, and says that something is missing', () => {
    for (const part of smuggled) {
      const parameters = query({ reason: `a${part}b`, ticket: `c${part}d`, run: `e${part}f` })
      const { reason, ticket, notes } = linkText(parameters)
      const { plan, note } = runPlan(parameters, runbooks)
      assert.ok(plan.kind === 'text')
      for (const text of [reason, ticket, plan.text, ...notes, note ?? ''])
        assert.ok(isPlain(text), JSON.stringify([part, text]))
      assert.equal(notes.length, 2, JSON.stringify(part))
      assert.match(note ?? '', /left out/)
    }
  })

  it('is cut where it is too long for a field, never inside of a character', () => {
    const { reason, ticket, notes } = linkText(
      query({ reason: `${'x'.repeat(499)}🚒`, ticket: 'y'.repeat(101) }),
    )
    assert.deepEqual([reason, ticket], ['x'.repeat(499), 'y'.repeat(100)])
    assert.deepEqual(
      notes.map((note) => /too long/.test(note)),
      [true, true],
    )
  })
})

describe('run in a runbook link', () => {
  it('opens the runbook that has exactly that name', () => {
    for (const name of ['heap', 'Disk is full', 'ls'])
      assert.deepEqual(runPlan(query({ run: name }), runbooks), { plan: { kind: 'runbook', name } })
  })

  it('is text for the prompt in every other case', () => {
    for (const run of ['Heap', 'heap ', ' heap', 'heap -x', 'ls -l', 'hea\u200Bp'])
      assert.equal(runPlan(query({ run }), runbooks).plan.kind, 'text', run)
    assert.deepEqual(runPlan(query({ run: 'heap' }), []), { plan: { kind: 'text', text: 'heap' } })
    assert.deepEqual(runPlan(query({ run: 'ls\nreboot\n' }), []).plan, { kind: 'text', text: 'ls reboot' })
  })

  it('is nothing where there is nothing, or more than a prompt should get', () => {
    for (const run of ['', '   ', '\n\u200B'])
      assert.deepEqual(runPlan(query({ run }), runbooks).plan, { kind: 'nothing' })
    const { plan, note } = runPlan(query({ run: `echo ${'x'.repeat(2000)}` }), runbooks)
    assert.deepEqual(plan, { kind: 'nothing' })
    assert.match(note ?? '', /will not be typed/)
  })
})

describe('the target of a runbook link', () => {
  it('is one exactly when the gateway would take it for one', () => {
    const good = 'local/web-1 local/3f2a prod/pay/deployment/api prod/pay/pod/api-1/app prod/pay/job/a.b'
    const bad = [
      'local local/ /web local//web Local/web local/-web local/wéb prod/pay/deployment prod/pay/deployment/ /',
      'prod//deployment/api prod/pay/cronjob/api prod/pay/pod/a/b/c prod/pay/pod/A prod/pay/pod/a- ../me .. local/..',
      'prod/pay/pod/../x local/. local/%2e%2e local/web%2Fx local/web?x local/web#x local/\u202Eweb',
      'https://evil.example/x //evil.example/x',
    ].join(' ')
    const odd = ['', 'local/we b', 'local/web\n', `${'x'.repeat(64)}/web`, `local/${'x'.repeat(256)}`]
    const references = `${good} ${bad}`.split(' ').concat(odd)
    assert.ok(good.split(' ').every(isTargetReference))
    for (const reference of references) {
      let taken = true
      try {
        parseTargetRef(reference)
      } catch (error) {
        assert.ok(error instanceof HatchwayError)
        taken = false
      }
      assert.equal(isTargetReference(reference), taken, JSON.stringify(reference))
      assert.equal(debugPlace(reference, query({})) !== undefined, taken, JSON.stringify(reference))
    }
  })

  it('is not changed by a container or pod that leads elsewhere, and the form says so', () => {
    for (const part of ['../../me', '..', 'a/b', 'a?b', 'A', 'a b', 'a\u202Eb', 'a\u0000'])
      for (const key of ['container', 'pod']) {
        const place = debugPlace('prod/pay/deployment/api', query({ [key]: part }))
        assert.equal(place?.ref, 'prod/pay/deployment/api', part)
        assert.match(place.notes?.join() ?? '', new RegExp(`asks for the ${key}`))
        assert.ok(isPlain(place.notes?.join() ?? ''))
      }
    assert.match(debugPlace('prod/pay/deployment/api', query({ pick: 'x' }))?.notes?.join() ?? '', /crashing/)
  })
})

describe('a toolbox or profile of a runbook link', () => {
  const options = { toolboxes: [{ name: 'busybox', image: 'busybox:1' }] } as Parameters<
    typeof toolboxChoices
  >[0]

  it('that is not there any more is said, and nothing of its name is smuggled', () => {
    const { chosen, note } = toolboxChoices(options, 'net\u202Eshoot\u001B')
    assert.equal(chosen, 'busybox')
    assert.match(
      note ?? '',
      /toolbox “netshoot”, which is not available: there is no such toolbox any more, or policy/,
    )
    assert.ok(isPlain(note ?? ''))
    assert.ok((toolboxChoices(options, 'x'.repeat(9999)).note ?? '').length < 300)
  })
})

describe('the way back after a sign-in', () => {
  const origin = 'https://hatchway.example.com'

  it('is exactly the link that was followed', () => {
    for (const link of [
      '/debug/prod/payments/deployment/api?toolbox=netshoot&reason=INC-1234&run=heap',
      '/debug/local/web-1?reason=a+b%2Fc%22%3C&run=ps+%7C+head',
      '/sessions?user=me',
      '/',
    ])
      assert.equal(ownPath(link, origin), link)
  })

  it('never leaves the site', () => {
    for (const address of ['//evil.example/debug/x', '/\\evil.example/x', 'https://evil.example/x'])
      assert.equal(ownPath(address, origin), '/', address)
    for (const address of [
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      '/\n/evil.example',
      '/.//evil.example',
      '/..//evil.example',
      '/%2e//evil.example',
      'https://evil.example',
      'javascript:alert(1)',
      'evil',
      '',
      '\\\\evil.example',
      ' //evil.example',
      '/\u0000/\\evil.example/..//evil.example',
    ]) {
      const path = ownPath(address, origin)
      assert.equal(new URL(path, origin).origin, origin, JSON.stringify(address))
      assert.ok(!/^\/[/\\]/.test(path), JSON.stringify([address, path]))
    }
  })
})

describe('a refusal of a start', () => {
  const refusal = (code: string, errors?: ApiError['fields']) =>
    new ApiError({
      status: 403,
      code,
      title: 'No',
      detail: 'All of it must match INC-[0-9]+.',
      ...(errors && { errors }),
    })

  it('leads to the field that it is about', () => {
    assert.deepEqual(refusedField(refusal('reason_required')), {
      field: 'reason',
      message: 'All of it must match INC-[0-9]+.',
    })
    assert.equal(refusedField(refusal('ticket_required'))?.field, 'ticket')
    const invalid = refusal('invalid_request', [
      { pointer: '/ticket', message: 'must not contain control characters' },
    ])
    assert.deepEqual(refusedField(invalid), {
      field: 'ticket',
      message: 'It must not contain control characters.',
    })
    assert.equal(refusedField(refusal('forbidden')), undefined)
    assert.equal(refusedField(refusal('invalid_request', [{ pointer: '/reasons', message: 'x' }])), undefined)
  })
})
