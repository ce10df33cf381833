import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { tempFolder } from '../../../test/helpers/temp.ts'
import { parseYaml, readYamlFile } from './yaml-text.ts'

test('YAML and JSON are read, times and words as they are written', async () => {
  const { value } = await parseYaml('at: [22:00, "03:00"]\non: yes\nday: 2026-01-31\n', 'a file')
  assert.deepEqual(value, { at: ['22:00', '03:00'], on: 'yes', day: '2026-01-31' })
  assert.deepEqual((await parseYaml('{"a": [1, {"b": null}]}', 'a file')).value, { a: [1, { b: null }] })
})

test('the line of each thing is known: of a name, of an entry, and of the nearest thing around what is not there', async () => {
  const { lineOf } = await parseYaml('clients:\n  - name: a\n    machines:\n      - x\n      - y\n', 'a file')
  assert.equal(lineOf(['clients', 0, 'name']), 2)
  assert.equal(lineOf(['clients', 0, 'machines', 1]), 5)
  assert.equal(lineOf(['clients', 0, 'machines', '1']), 5)
  assert.equal(lineOf(['clients', 0, 'machines', 7]), 3)
  assert.equal(lineOf([]), 1)
})

const wrong: Readonly<Record<string, readonly [text: string, says: RegExp]>> = {
  'a name that is given twice': ['a: 1\nb: {c: 1, c: 2}', /line 2: "c" is given twice/],
  'a name that is no text': ['1: a', /line 1: A name must be a text/],
  'a name that is a list': ['? [a]\n: b', /A name must be a text/],
  'a tag': ['a: !!js/function "x"', /line 1: Unresolved tag/],
  'two documents': ['a: 1\n---\nb: 2', /multiple documents/],
  'what does not end': ['a: "b', /line 1: Missing closing/],
  'an alias of nothing': ['a: *b', /line 1: No "&b" is above/],
  'an alias that stands for what it is in': ['&a [*a]', /aliases/],
  'aliases that stand for much': [
    [
      'a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]',
      ...['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((key, at) => bomb(key, 'abcdefg'[at] as string)),
    ].join('\n'),
    /aliases/,
  ],
  'brackets without end': ['['.repeat(100_000), /nested deeper/],
  'lists in a line without end': ['- '.repeat(100_000), /nested deeper/],
  'names of names without end': ['? '.repeat(100_000), /nested deeper/],
  'lines that are indented ever more': [
    Array.from({ length: 1200 }, (_, at) => `${' '.repeat(at)}a:`).join('\n'),
    /nested deeper/,
  ],
}

function bomb(key: string, before: string): string {
  return `${key}: &${key} [${Array.from({ length: 9 }, () => `*${before}`).join(', ')}]`
}

for (const [what, [text, says]] of Object.entries(wrong)) {
  test(`${what} is refused in a sentence`, async () => {
    await assert.rejects(parseYaml(text, 'a file'), { code: 'VALUE_FILE_INVALID', message: says })
  })
}

test('many names in one place take no time that grows with their square', async () => {
  const names = Array.from({ length: 20_000 }, (_, at) => `name${at}: 1`)
  assert.equal(Object.keys((await parseYaml(names.join('\n'), 'a file')).value as object).length, 20_000)
})

test('a file that is not there, too long or no text is refused in a sentence', async () => {
  await using folder = await tempFolder()
  await assert.rejects(readYamlFile(folder.join('none.yaml')), { message: /no such file/ })
  writeFileSync(folder.join('long.yaml'), '#'.repeat((1 << 20) + 1))
  await assert.rejects(readYamlFile(folder.join('long.yaml')), { message: /longer than 1 MiB/ })
  writeFileSync(folder.join('bytes.yaml'), Buffer.from([0x61, 0xff]))
  await assert.rejects(readYamlFile(folder.join('bytes.yaml')), { message: /no text in UTF-8/ })
})

test('a file cannot reach what all objects share', async () => {
  for (const text of [
    '__proto__: {admin: true}\nname: x',
    '{"constructor": {"prototype": {"admin": true}}}',
    'a: &x {admin: true}\n__proto__: *x',
  ]) {
    await parseYaml(text, 'a file').catch(() => undefined)
    assert.equal(({} as { admin?: boolean }).admin, undefined)
  }
  const { value } = await parseYaml('__proto__: {admin: true}\nname: x', 'a file').catch(() => ({ value: {} }))
  assert.equal((value as { admin?: boolean }).admin, undefined)
})
