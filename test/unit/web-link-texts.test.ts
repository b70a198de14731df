import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import type { Session } from '../../server/protocol/session-api.ts'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { debugPlace } from '../../web/pages/debug/debug-place.ts'
import { linkText, runPlan } from '../../web/lib/link-text.ts'
import { encodePart, linkAddress, type LinkChoices } from '../../web/runbook-link/link-address.ts'
import {
  alertmanagerReceiver,
  isLabelName,
  markdownLink,
  prometheusAnnotation,
  usualLabels,
} from '../../web/runbook-link/link-texts.ts'
import { linkRequestOf } from '../../web/lib/link-request.ts'
import { lastingProcess, lastingRefs, splitRef } from '../../web/runbook-link/stable-ref.ts'

const base = 'https://hatchway.example.com'
const plain: LinkChoices = {
  ref: 'prod/payments/deployment/api',
  container: '',
  process: '',
  toolbox: '',
  profile: '',
  reason: '',
  ticket: '',
  run: '',
}
// Whatever ends a string, a link or a template somewhere, and what only looks like an escape.
const nasty = `'"\`)](}{{ .X }} | urlquery }}#: - & ? % %26 + \\ $labels <b> * _ ~ ! é 中 🚒 ', "b": [c]`
const full: LinkChoices = {
  ...plain,
  container: 'app',
  process: nasty.slice(0, 60).trim(),
  toolbox: 'netshoot',
  profile: 'auto',
  reason: nasty,
  ticket: nasty.slice(0, 60).trim(),
  run: `awk '{print $2}' < /proc/net/tcp | sort | uniq -c # ${nasty}`,
}

/** What the form makes of an address. */
function read(address: string) {
  const { origin, pathname, searchParams } = new URL(address)
  assert.equal(origin, base)
  assert.ok(pathname.startsWith('/debug/'))
  const place = debugPlace(pathname.slice('/debug/'.length), searchParams)
  const { plan } = runPlan(searchParams, [])
  const { reason, ticket, notes } = linkText(searchParams)
  assert.deepEqual(notes, [])
  return {
    ref: place?.base,
    container: place?.container ?? '',
    process: searchParams.get('process') ?? '',
    toolbox: searchParams.get('toolbox') ?? '',
    profile: searchParams.get('profile') ?? '',
    reason,
    ticket,
    run: plan.kind === 'text' ? plan.text : '',
  }
}

/** Go's text/template, as far as these texts use it: fields of one map through `urlquery`, url.QueryEscape. */
function expand(template: string, variable: string, labels: Record<string, string>): string {
  const escape = (text: string) => encodePart(text).replaceAll('%20', '+').replaceAll('%7E', '~')
  const action = new RegExp(
    `\\{\\{ ${variable.replaceAll(/[.$]/g, '\\$&')}\\.([a-zA-Z_]\\w*) \\| urlquery \\}\\}`,
    'g',
  )
  const expanded = template.replaceAll(action, (_all, name: string) => escape(labels[name] ?? ''))
  assert.ok(!expanded.includes('{{') && !expanded.includes('}}'), expanded)
  return expanded
}

describe('the address of a runbook link', () => {
  it('is read by the form as it was written, whatever is in it', () => {
    for (const choices of [plain, full, { ...plain, ref: 'local/web_1.x' }, { ...plain, run: 'heap' }])
      assert.deepEqual(read(linkAddress(base, choices)), choices)
    assert.equal(linkAddress(base, plain), `${base}/debug/prod/payments/deployment/api`)
    assert.equal(
      linkAddress(base, { ...plain, toolbox: 'netshoot', reason: 'INC-1234', run: 'heap' }),
      `${base}/debug/prod/payments/deployment/api?toolbox=netshoot&reason=INC-1234&run=heap`,
    )
  })

  it('has nothing in it that means something to another format', () => {
    assert.match(linkAddress(base, full), /^https:[\w\-.%/?=&]+$/)
    assert.equal(encodePart('a/b?c#d e\uD800'), 'a%2Fb%3Fc%23d%20e%EF%BF%BD')
  })
})

describe('the Markdown of a runbook link', () => {
  it('is one link with its words and its address', () => {
    const [, words = '', address = ''] =
      /^\[((?:[^\]\\]|\\.)*)\]\(([^()\s]*)\)$/.exec(markdownLink(base, full)) ?? []
    assert.equal(words.replaceAll(/\\(.)/g, '$1'), 'Debug payments/api in prod')
    assert.deepEqual(read(address), full)
    assert.match(
      markdownLink(base, { ...plain, ref: 'local/my_web_1' }),
      /^\[Debug my\\_web\\_1 in local\]\(/,
    )
  })
})

describe('the Prometheus annotation of a runbook link', () => {
  const urlOf = (text: string) =>
    (parse(text) as { annotations: { debug_url: string } }).annotations.debug_url

  it('is YAML whose template leads to where the alert fired', () => {
    const labels = usualLabels(full.ref)
    const text = prometheusAnnotation(base, full, labels)
    assert.match(text, /has to have the labels namespace and deployment/)
    const template = urlOf(text)
    assert.match(
      template,
      /\/debug\/prod\/\{\{ \$labels\.namespace \| urlquery \}\}\/deployment\/\{\{ \$labels\.deployment \| urlquery \}\}\?/,
    )
    const fired = { namespace: 'shop', deployment: 'cart' }
    assert.deepEqual(read(expand(template, '$labels', fired)), { ...full, ref: 'prod/shop/deployment/cart' })
  })

  it('leads to what it names itself where it names no label', () => {
    const text = prometheusAnnotation(base, full, { namespace: '', name: '' })
    assert.deepEqual(read(urlOf(text)), full)
    const half = urlOf(prometheusAnnotation(base, full, { namespace: '', name: 'pod' }))
    assert.deepEqual(read(expand(half, '$labels', { pod: 'x' })).ref, 'prod/payments/deployment/x')
  })

  it('cannot be broken by the value of a label: it stays in its part of the address, and no target is what remains', () => {
    const template = urlOf(prometheusAnnotation(base, full, usualLabels(full.ref)))
    for (const value of [
      '../../x',
      'a/b',
      'a?reason=b',
      'a#b',
      nasty,
      '',
      '%2e%2e',
      'a\nb',
      '//evil.example',
    ]) {
      const address = new URL(expand(template, '$labels', { namespace: value, deployment: 'cart' }))
      assert.equal(address.origin, base)
      assert.equal(address.searchParams.get('reason'), nasty, value)
      assert.equal(address.hash, '')
      assert.equal(
        debugPlace(decodeURI(address.pathname).slice('/debug/'.length), address.searchParams),
        undefined,
        value,
      )
    }
  })

  it('takes no name for a label that a template could not write', () => {
    for (const name of ['', 'a b', 'a-b', '1a', 'a}}{{', 'a.b', 'é', "a'"]) {
      assert.equal(isLabelName(name), false, name)
      const template = urlOf(prometheusAnnotation(base, plain, { namespace: name, name: 'deployment' }))
      assert.equal(
        expand(template, '$labels', { deployment: 'x' }),
        `${base}/debug/prod/payments/deployment/x`,
      )
    }
  })

  it('begins with the labels that the usual exporters have', () => {
    assert.deepEqual(usualLabels('prod/pay/job/report'), { namespace: 'namespace', name: 'job_name' })
    assert.deepEqual(usualLabels('prod/pay/pod/api-1'), { namespace: 'namespace', name: 'pod' })
    assert.deepEqual(usualLabels('local/web-1'), { namespace: '', name: 'name' })
    assert.match(
      prometheusAnnotation(base, { ...plain, ref: 'local/web-1' }, usualLabels('local/web-1')),
      /the label name\.\n[^]*\/debug\/local\/\{\{ \$labels\.name \| urlquery \}\}'/,
    )
  })
})

describe('the Alertmanager receiver of a runbook link', () => {
  interface Config {
    route: { group_by: string[] }
    receivers: { slack_configs: { actions: { type: string; text: string; url: string }[] }[] }[]
  }
  const configOf = (choices: LinkChoices) =>
    parse(alertmanagerReceiver(base, choices, usualLabels(choices.ref))) as Config
  const actionOf = (config: Config) => config.receivers[0]?.slack_configs[0]?.actions[0]

  it('is YAML with a button that leads to where the alerts of the message fired', () => {
    const config = configOf(full)
    assert.deepEqual(config.route.group_by, ['alertname', 'namespace', 'deployment'])
    const action = actionOf(config)
    assert.deepEqual([action?.type, action?.text], ['button', 'Debug'])
    const address = expand(action?.url ?? '', '.CommonLabels', { namespace: 'shop', deployment: 'cart' })
    assert.deepEqual(read(address), { ...full, ref: 'prod/shop/deployment/cart' })
  })

  it('gives the alert’s name as the reason where the link gives none', () => {
    const url = actionOf(configOf({ ...plain, run: 'heap' }))?.url ?? ''
    const fired = { namespace: 'shop', deployment: 'cart', alertname: nasty }
    assert.deepEqual(read(expand(url, '.CommonLabels', fired)), {
      ...plain,
      ref: 'prod/shop/deployment/cart',
      reason: nasty,
      run: 'heap',
    })
  })
})

describe('the page about runbook links', () => {
  it('shows what the dialog makes', async () => {
    const page = await readFile('docs/runbooks.md', 'utf8')
    const choices = { ...plain, toolbox: 'netshoot', reason: 'HeapHigh', run: 'heap' }
    const [, , annotation = ''] = prometheusAnnotation(base, choices, usualLabels(plain.ref)).split('\n')
    assert.ok(page.includes(annotation), annotation)
    const receiver = alertmanagerReceiver(base, { ...plain, run: 'heap' }, usualLabels(plain.ref))
    const [, ...lines] = receiver.split('\n')
    assert.ok(page.includes(lines.join('\n')), receiver)
    const blocks = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, text = '']) => parse(text) as unknown)
    assert.equal(blocks.length, 4)
  })
})

describe('what a link may lead to', () => {
  const pod = {
    namespace: 'payments',
    environment: 'prod',
    name: 'api-1',
    workloads: ['replicaset/api-5f', 'deployment/api', 'cronjob/x'],
  } as unknown as TargetDetail

  it('is first of all the workload that outlives the pod', () => {
    assert.deepEqual(lastingRefs('prod/payments/pod/api-1/app', pod), [
      'prod/payments/deployment/api',
      'prod/payments/replicaset/api-5f',
      'prod/payments/pod/api-1',
    ])
    assert.deepEqual(lastingRefs('prod/payments/deployment/api', pod), ['prod/payments/deployment/api'])
  })

  it('is the name of a container and not its id, and what was asked for when nothing is known', () => {
    const container = { environment: 'local', name: 'web-1' } as unknown as TargetDetail
    assert.deepEqual(lastingRefs('local/3f2a', container), ['local/web-1'])
    assert.deepEqual(lastingRefs('prod/payments/pod/api-1/app', undefined), ['prod/payments/pod/api-1'])
    assert.deepEqual(splitRef('prod/payments/pod/api-1/app'), {
      ref: 'prod/payments/pod/api-1',
      container: 'app',
    })
    assert.deepEqual(splitRef('local/web-1'), { ref: 'local/web-1', container: '' })
  })
})

describe('the process that a link names', () => {
  const item = (process: string, name: string, found = false) => ({ process, name, user: '1:1', found })
  const target = (...items: ReturnType<typeof item>[]) =>
    ({ options: { processes: { items, total: items.length } } }) as unknown as TargetDetail

  it('is called by its program, which outlives its number', () => {
    const list = target(item('7', 'node', true), item('9', 'redis'), item('12', 'redis'), item('15', '42'))
    assert.equal(lastingProcess('7', list), 'node')
    assert.equal(lastingProcess('9', list), 'redis')
    assert.equal(lastingProcess('redis', list), 'redis')
    assert.equal(lastingProcess('', list), '')
  })

  it('keeps its number where the name would lead to another', () => {
    const list = target(item('9', 'nginx', true), item('12', 'nginx'), item('15', '42'), item('16', ''))
    for (const number of ['9', '12', '15', '16', '99']) assert.equal(lastingProcess(number, list), number)
    assert.equal(lastingProcess('9', undefined), '9')
    assert.equal(lastingProcess('9', { options: {} } as TargetDetail), '9')
  })

  it('is the one of the session, whose link is asked for in its terminal and on its page', () => {
    const session = { target: { ref: 'local/web' }, toolbox: 'busybox', profile: 'auto' } as Session
    assert.deepEqual(linkRequestOf(session), { ref: 'local/web', toolbox: 'busybox', profile: 'auto' })
    assert.equal(linkRequestOf({ ...session, process: 'redis' }).process, 'redis')
  })
})
