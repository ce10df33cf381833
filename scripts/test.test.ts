import assert from 'node:assert/strict'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../test/helpers/run.ts'
import { tempFolder } from '../test/helpers/temp.ts'

const project = join(import.meta.dirname, '..')

const cases: readonly (readonly [name: string, body: string, code: number, codeInCi: number, totals: string])[] = [
  ['passes', `test('a', () => {})`, 0, 0, '1 passed, 0 failed, 0 skipped'],
  ['fails', `test('a', () => { throw new Error('x') })`, 1, 1, '0 passed, 1 failed, 0 skipped'],
  ['crashes', `process.exit(3)`, 1, 1, '0 passed, 1 failed, 0 skipped'],
  [
    'fails-after',
    `describe('a', () => { after(() => { throw new Error('x') }); it('b', () => {}) })`,
    ...([1, 1, '1 passed, 1 failed, 0 skipped'] as const),
  ],
  [
    'skips',
    `test('a', () => {}); test('b', { skip: 'not here: x' }, () => {})`,
    ...([0, 1, '1 passed, 0 failed, 1 skipped'] as const),
  ],
  [
    'skips-for-the-kernel',
    `test('a', () => {}); test('b', { skip: 'kernel: allows no loop devices' }, () => {})`,
    ...([0, 0, '1 passed, 0 failed, 1 skipped'] as const),
  ],
]

test('the test command ends as its tests did, and in CI a skip counts unless the kernel is the reason', async () => {
  await using place = await tempFolder()
  for (const part of ['scripts', 'test/helpers', 'package.json', 'tsconfig.json']) {
    cpSync(join(project, part), place.join(part), { recursive: true })
  }
  symlinkSync(join(project, 'node_modules'), place.join('node_modules'))
  mkdirSync(place.join('src', 'cli'), { recursive: true })
  writeFileSync(place.join('src', 'cli', 'main.ts'), 'export {}\n')
  const imports = `import { after, describe, it, test } from 'node:test'\n`
  for (const [name, body] of cases) writeFileSync(place.join('src', `${name}.test.ts`), `${imports}${body}\n`)

  for (const [name, , code, codeInCi, totals] of cases) {
    for (const [CI, expected] of [
      [undefined, code],
      ['true', codeInCi],
    ] as const) {
      const env = { CI, NODE_TEST_CONTEXT: undefined }
      const result = await run(process.execPath, ['scripts/test.ts', `/${name}.`], { cwd: place.path, env })
      const output = `${name}, CI=${CI}:\n${result.stdout}${result.stderr}`
      assert.equal(result.code, expected, output)
      assert.equal(result.stdout.trimEnd().split('\n').at(-1), totals, output)
    }
  }

  const nothing = await run(process.execPath, ['scripts/test.ts', 'no-such-test'], { cwd: place.path })
  assert.deepEqual([nothing.code, nothing.stderr], [1, 'No test file has "no-such-test" in its path.\n'])
})
