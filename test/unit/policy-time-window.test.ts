import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compileWindow, formatWindow, isTimeZone, parseHours } from '../../server/policy/time-window.ts'
import type { TimeWindow } from '../../server/policy/time-window.ts'

const holds = (window: TimeWindow, at: string) => compileWindow(window)(new Date(at))
const hours = (...texts: string[]) =>
  texts.map((text) => parseHours(text) ?? assert.fail(`${text} is no range of hours`))

describe('a time window', () => {
  const office: TimeWindow = {
    days: ['mon', 'tue', 'wed', 'thu', 'fri'],
    hours: hours('09:00-17:00'),
    timeZone: 'Europe/Berlin',
  }
  const night: TimeWindow = { days: ['fri'], hours: hours('22:00-06:00'), timeZone: 'UTC' }
  const twice: TimeWindow = { hours: hours('00:00-01:00', '23:30-24:00'), timeZone: 'UTC' }
  const cases: [string, TimeWindow, string, boolean][] = [
    ['begins at its first minute', office, '2026-11-24T08:00:00Z', true],
    ['not before', office, '2026-11-24T07:59:59Z', false],
    ['lasts until its last second', office, '2026-11-24T15:59:59Z', true],
    ['and no longer', office, '2026-11-24T16:00:00Z', false],
    ['leaves out other days', office, '2026-11-28T10:00:00Z', false],
    ['follows summer time', office, '2026-07-01T07:00:00Z', true],
    ['follows summer time at its end too', office, '2026-07-01T15:00:00Z', false],
    [
      'takes the day of its own zone',
      { ...office, timeZone: 'Pacific/Auckland' },
      '2026-11-22T20:30:00Z',
      true,
    ],
    ['knows zones with odd minutes', { ...office, timeZone: 'Asia/Kathmandu' }, '2026-11-24T03:15:00Z', true],
    [
      'knows zones with odd minutes, before',
      { ...office, timeZone: 'Asia/Kathmandu' },
      '2026-11-24T03:14:00Z',
      false,
    ],
    ['goes over midnight', night, '2026-11-27T23:00:00Z', true],
    ['until the next morning', night, '2026-11-28T05:59:00Z', true],
    ['but not on that evening', night, '2026-11-28T22:30:00Z', false],
    ['nor on the morning of its own day', night, '2026-11-27T05:00:00Z', false],
    ['from Sunday into Monday', { ...night, days: ['sun'] }, '2026-11-23T01:00:00Z', true],
    ['takes several ranges', twice, '2026-11-24T23:45:00Z', true],
    ['and the other', twice, '2026-11-25T00:30:00Z', true],
    ['and not between', twice, '2026-11-25T12:00:00Z', false],
    ['lasts all day without hours', { days: ['tue'], timeZone: 'UTC' }, '2026-11-24T23:59:59Z', true],
    ['for that day', { days: ['tue'], timeZone: 'UTC' }, '2026-11-25T00:00:00Z', false],
  ]
  for (const [name, window, at, expected] of cases) {
    it(`${name}: ${at}`, () => assert.equal(holds(window, at), expected))
  }

  it('answers alike whatever was asked between', () => {
    const inside = compileWindow(office)
    const moments = cases.map(([, , at]) => new Date(at))
    const first = moments.map((at) => inside(at))
    assert.deepEqual(
      moments
        .toReversed()
        .map((at) => inside(at))
        .toReversed(),
      first,
    )
  })

  it('can be read by people', () => {
    assert.equal(formatWindow(office), 'mon, tue, wed, thu, fri 09:00-17:00 Europe/Berlin')
    assert.equal(formatWindow(twice), 'every day 00:00-01:00, 23:30-24:00 UTC')
  })
})

describe('what is no time', () => {
  for (const text of [
    '9:00-17:00',
    '09:00',
    '09:00-09:00',
    '24:00-01:00',
    '09:60-10:00',
    '09:00-24:01',
    '',
    '09:00 - 10:00',
  ]) {
    it(`${JSON.stringify(text)} is refused`, () => assert.equal(parseHours(text), undefined))
  }
  for (const name of ['Mars/Olympus', '+01:00', '', 'Europe/berlin town']) {
    it(`${JSON.stringify(name)} is no zone`, () => assert.equal(isTimeZone(name), false))
  }
})
