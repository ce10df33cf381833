/** Rewriting against restic's: the same patterns give the same trees, and restic finds nothing wrong afterwards. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { missing } from '../helpers/peers.ts'
import { Twins } from '../helpers/twins.ts'

const skip = missing('restic')
let twins: Twins

before(async () => {
  if (!skip) twins = await Twins.open()
})

after(async () => await twins?.[Symbol.asyncDispose]())

test('rewrite makes the same trees and the same notes as restic’s', { skip }, async (t) => {
  const odd = ['--exclude', '**/old/letter [1-3].txt', '--exclude', '!**/letter 2.txt', '--iexclude', 'BÜRO.odt']
  const cases: readonly (readonly string[])[] = [
    [...odd, '--iexclude', 'music/*.ISO', '--new-host', 'there'],
    ['--exclude', 'docs', '--forget'],
    ['--include', 'empty', '--include', '*.key', '--iinclude', '**/NEW'],
    ['--include', 'nothing like this'],
  ]
  for (const args of cases) {
    await t.test(args.join(' '), async () => {
      twins.begin()
      await twins.scene.understudy('rewrite', ...args)
      await twins.restic('rewrite', ...args)
      await twins.assertSame()
    })
  }
  await twins.scene.assertSound()
})

test('a pattern that leaves nothing is refused unless it is meant so', { skip }, async () => {
  twins.begin()
  const refused = await twins.scene.tryUnderstudy('rewrite', '--exclude', '*', '--forget')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /REWRITE_EMPTY/)
  await twins.assertSame()
  const args = ['rewrite', '--exclude', 'source']
  await twins.scene.understudy(...args, '--unsafe-allow-empty')
  await twins.restic(...args)
  await twins.assertSame()
})

test('a dry run shows what is then done, and changes nothing', { skip }, async () => {
  twins.begin()
  const shown = await twins.scene.understudy('rewrite', '--exclude', '*.iso', '--dry-run', '-vv')
  assert.match(shown, /leaving out .*song\.iso/)
  assert.match(shown, /would modify 2 snapshots/)
  await twins.assertSame()
})
