import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Questions, type Question } from '../../web/terminal/questions.ts'

function stage() {
  const shown: (Question | undefined)[] = []
  let heard = Promise.withResolvers<void>()
  const questions = new Questions((question) => {
    shown.push(question)
    heard.resolve()
    heard = Promise.withResolvers()
  })
  const now = () => shown.at(-1) ?? assert.fail('nothing is asked')
  return { questions, shown, now, next: () => heard.promise }
}

const lines = 'echo a\necho b\n'
const typedLines = 'echo a\recho b\r'
const bracketed = (text: string) => `\u001B[200~${text}\u001B[201~`

describe('the questions of a terminal', () => {
  it('wait for each other: a program puts none in the place of one that is about to be answered', async () => {
    const { questions, shown, now } = stage()
    const pasted = questions.paste(lines, () => false)
    const paste = now()
    const copied = questions.mayCopy('from a program')
    assert.equal(now(), paste)
    paste.answer('yes')
    assert.equal(await pasted, typedLines)
    assert.deepEqual([now().kind, now().text], ['clipboard', 'from a program'])
    assert.notEqual(now().id, paste.id)
    // A click that came late, and twice.
    paste.answer('yes')
    assert.equal(now().kind, 'clipboard')
    now().answer('no')
    assert.equal(await copied, false)
    assert.deepEqual(
      shown.map((question) => question?.kind),
      ['paste', 'clipboard', undefined],
    )
  })

  it('do not pile up, whatever a program asks: the second about the clipboard is answered with no', async () => {
    const { questions, shown, now } = stage()
    const pasted = questions.paste(lines, () => false)
    const first = questions.mayCopy('first')
    const further = Array.from({ length: 100 }, (_, at) => questions.mayCopy(`further ${at}`))
    now().answer('no')
    assert.equal(await pasted, undefined)
    assert.equal(now().text, 'first')
    now().answer('yes')
    assert.equal(await first, true)
    assert.equal(shown.at(-1), undefined)
    assert.deepEqual(new Set(await Promise.all(further)), new Set([false]))
  })

  it('are all answered with no when the terminal closes, and no further one is shown', async () => {
    const { questions, shown } = stage()
    const open = [questions.paste(lines, () => false), questions.mayCopy('x')]
    questions.close()
    assert.deepEqual(await Promise.all(open), [undefined, false])
    assert.equal(await questions.mayCopy('y'), false)
    assert.deepEqual(
      shown.map((question) => question?.kind),
      ['paste', undefined],
    )
  })
})

describe('a paste', () => {
  it('is asked about again where the program took it as a whole before the answer, and no longer does', async () => {
    const { questions, now, next } = stage()
    let isWhole = true
    const pasted = questions.paste(`a\u200B\n${lines}`, () => isWhole)
    const before = now()
    assert.equal(before.isWhole, true)
    isWhole = false
    before.answer('cleaned')
    await Promise.race([next(), pasted])
    assert.notEqual(now(), before)
    assert.deepEqual([now().isWhole, now().text], [false, `a\n${lines}`])
    now().answer('yes')
    assert.equal(await pasted, `a\r${typedLines}`)
  })

  it('is not typed at all when that is answered with no', async () => {
    const { questions, now, next } = stage()
    let isWhole = true
    const pasted = questions.paste(`a\u200B\n${lines}`, () => isWhole)
    isWhole = false
    now().answer('yes')
    await Promise.race([next(), pasted])
    now().answer('no')
    assert.equal(await pasted, undefined)
  })

  it('is asked about once where the answer still holds', async () => {
    const { questions, shown, now } = stage()
    let isWhole = true
    // One line runs nothing by itself.
    const one = questions.paste('ls\u200B', () => isWhole)
    isWhole = false
    now().answer('cleaned')
    assert.equal(await one, 'ls')
    // A program that takes it as a whole only now does less with it than was agreed to.
    const many = questions.paste(lines, () => isWhole)
    isWhole = true
    now().answer('yes')
    assert.equal(await many, bracketed(typedLines))
    assert.equal(await questions.paste(lines, () => isWhole), bracketed(typedLines))
    assert.equal(shown.length, 4)
  })
})
