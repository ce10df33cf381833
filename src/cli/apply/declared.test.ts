import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { programFolder } from '#base'
import { parseYaml } from '../api/yaml-text.ts'
import { readDeclared } from './declared.ts'
import type { Declared } from './declared.ts'

async function read(text: string): Promise<Declared> {
  return readDeclared(await parseYaml(text, 'a file'), { path: 'a file', now: Date.parse('2026-01-01') })
}

test('the example of the manual is a file that is right, and what its table names is all there', async () => {
  const page = readFileSync(join(programFolder, 'docs', 'apply.md'), 'utf8')
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(page) ?? []
  const { clients, people } = await read(example)
  const [client] = clients
  assert.equal(client?.policies[0]?.name, 'Files')
  assert.deepEqual(client.removePolicies, ['Old files'])
  assert.equal(people.length, 2)
  for (const name of [...Object.keys(client), ...client.machines.flatMap((machine) => Object.keys(machine)), 'id']) {
    assert.ok(page.includes(name), name)
  }
})

test('an empty file declares nothing', async () => {
  assert.deepEqual(await read(''), { clients: [], people: [] })
})

const policy =
  "{ name: Files, what: { include: [/srv] }, when: { kind: daily, at: ['22:00'], timeZone: UTC }, keep: { daily: 7 }, to: { repository: own } }"

const wrong: Readonly<Record<string, readonly [text: string, says: RegExp]>> = {
  'a name that nothing is known by': [
    'clients:\n  - name: Bakery\n    machnes: []',
    /line 3 \(clients\.machnes\): Nothing is known by/,
  ],
  'a client without a name': ['clients:\n  - machines: []', /line 2 \(clients\.name\): It is missing/],
  'a client that is declared twice': ['clients:\n  - name: a\n  - name: a', /line 3.*"a" is declared twice/],
  'a machine that is declared twice': [
    'clients:\n  - name: a\n    machines:\n      - name: b\n      - name: b',
    /line 5/,
  ],
  'a policy that is declared twice': [
    `clients:\n  - name: a\n    policies:\n      - ${policy}\n      - ${policy}`,
    /line 5/,
  ],
  'a policy that is declared and to be removed': [
    `clients:\n  - name: a\n    policies:\n      - ${policy}\n    removePolicies: [Files]`,
    /line 5 .*declared above, too/,
  ],
  'a machine that is to follow what is to be removed': [
    'clients:\n  - name: a\n    machines: [{ name: b, policies: [Old] }]\n    removePolicies: [Old]',
    /line 3 .*"Old" is to be removed/,
  ],
  'a time zone that there is not': [
    `clients:\n  - name: a\n    policies:\n      - ${policy.replace('UTC', 'Mars/Base')}`,
    /line 4 .*when/,
  ],
  'a role for nobody in particular': [
    'people:\n  - email: a@b.example\n    roles:\n      - role: owner',
    /line 4.*everywhere: true/,
  ],
  'a role for one and for all': [
    'people:\n  - email: a@b.example\n    roles:\n      - { role: owner, client: a, everywhere: true }',
    /line 4.*everywhere: true/,
  ],
  'two roles for one client': [
    'people:\n  - email: a@b.example\n    roles:\n      - { role: owner, client: a }\n      - { role: auditor, client: a }',
    /line 5.*declared twice/,
  ],
  'a role that there is not': [
    'people: [{ email: a@b.example, roles: [{ role: king, client: a }] }]',
    /"king" is none of/,
  ],
  'a list where names must be': ['[]', /line 1: It must be a set of named values/],
}

for (const [what, [text, says]] of Object.entries(wrong)) {
  test(`${what} is refused with its line`, async () => {
    await assert.rejects(read(text), { code: 'APPLY_FILE_INVALID', message: says })
  })
}
